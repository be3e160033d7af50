"""What keys look like: texts that are taken for secrets whatever their value, and nothing else."""

import math
import re
from collections import Counter
from itertools import pairwise

REDACTED = "[redacted]"

_WHOLE = re.compile(
    "|".join(
        (
            r"\bsk-(?=[a-z_-]{0,100}[A-Z0-9]|[a-z]{20})[A-Za-z0-9_-]{16,}",
            r"\b(?:sk|rk|pk|whsec)_(?:live|test)_[A-Za-z0-9]{16,}",
            r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,})",
            r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
            r"\bxox[abeprs]-[A-Za-z0-9-]{10,}",
            r"\bAIza[A-Za-z0-9_-]{35}",
            r"\bya29\.[A-Za-z0-9_-]{20,}",
            r"\bhf_[A-Za-z0-9]{30,}",
            r"\b(?:gsk|xai|dop_v1|npm|pypi)[_-](?=[A-Za-z_-]{0,100}\d)[A-Za-z0-9_-]{30,}",
            r"\b(?:shp(?:at|ca|pa|ss)_|dapi)[0-9a-f]{32}\b|\bhv[sb]\.[A-Za-z0-9_-]{20,}|\blin_api_[A-Za-z0-9]{32,}",
            r"\b(?:r8_|pplx-)(?=[A-Za-z]{0,60}\d)[A-Za-z0-9]{32,}|\bAGE-SECRET-KEY-1[A-Z0-9]{40,}",
            r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b|\bkey-(?=[a-z]{0,31}\d)[0-9a-z]{32}\b",
            r"\bhooks\.slack\.com/services/[A-Za-z0-9/]{20,}",
            r"\bdiscord(?:app)?\.com/api/webhooks/\d{10,}/[A-Za-z0-9_-]{40,}|\bSK(?=[a-f]{0,31}\d)[0-9a-f]{32}\b",
            r"\b[MNO](?=[A-Za-z]{0,25}\d)[A-Za-z0-9_-]{22,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,45}\b",
            r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
            r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}",
            r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY(?: BLOCK)?-----[\s\S]{0,16384}?"
            r"(?:-----END [A-Z ]{0,20}PRIVATE KEY(?: BLOCK)?-----|\Z)",
        )
    )
)
"""Shapes of keys that are replaced whole."""

_NAMED = re.compile(
    r"""(?ix)
    ( \b (?:authorization|x-(?:[a-z]{1,20}-)?api-key) ["']? [ \t]* [:=] [ \t]* ["']? (?:(?:bearer|basic|token)[ \t]+)?
    | \b bearer [ \t]+ (?= \S{0,200}? \d )
    | aws_secret_access_key ["']? [ \t]* [:=] [ \t]* ["']?
    )
    [A-Za-z0-9_.~+/=-]{12,}
    """
)
"""A name that says that a secret follows; the name stays."""

_COOKIE = re.compile(
    r"""(?ix)
    ( \b (?:set-)?cookie ["']? [ \t]* : [ \t]* ["']? )
    ( [A-Za-z0-9_.~-]{1,64} = [^\s"';,]{8,4096} (?: ; [ \t]* [^\s"';,=]{1,64} (?: = [^\s"';,]{0,4096} )? ){0,50} )
    """
)
"""A header that says who somebody is, with all of its pairs."""
_NETRC = re.compile(r"(\blogin[ \t\n]{1,20}[^\s]{1,128}[ \t\n]{1,20}password[ \t\n]{1,20})[^\s]{1,512}")
"""A password in the form of a .netrc."""

_ASSIGNED = re.compile(
    r"""(?ix)
    ( (?:token|secret|passw(?:or)?d|passphrase|api[_-]?key|access_?key|secret_?key|account_?key|private_?key
      |credential)
      \\?["']? [ \t]* (?::=|[:=]) [ \t]* \\?["']? )
    ( [A-Za-z0-9_.~+/=@!#$%^&*-]{12,512}+ )
    (?! [\w(\[{<] )
    """
)
"""A name that often holds a secret, and a value that is one when it looks like chance."""

_URL_PASSWORD = re.compile(r"(\b[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s:/@\"']{0,256}:)(?![${<%])[^\s/@\"']{1,256}(?=@)")
"""A password in a URL; a placeholder such as `${DB_PASSWORD}` is none."""

_URL_TOKEN = re.compile(r"(\b[A-Za-z][A-Za-z0-9+.-]{1,20}://)([A-Za-z0-9_.~-]{16,256})(?=@)")
"""A token in the place of a URL's user."""

_HINT = re.compile(
    r"(?<![a-z])sk-|[srp]k_|whsec_|gh[pousr]_|github_pat_|glpat-|AKIA|ASIA|xox|AIza|ya29\.|hf_|gsk_|xai-|dop_v1_|npm_|pypi-"
    r"|SG\.|eyJ|-----BEGIN|shp|dapi|hv[sb]\.|lin_api_|r8_|pplx-|AGE-SECRET|:AA|key-|hooks[./]|SK[0-9a-f]{32}|[MNO][A-Za-z0-9_-]{22,27}\.[A-Za-z0-9_-]{6}\."
)
"""What `_WHOLE` cannot do without: texts that lack it are not searched for more, which is much faster."""
_NAMES = ("authorization", "api-key", "bearer", "aws_secret_access_key")
_HOLDERS = ("token", "secret", "passw", "passphrase", "key", "credential")

_BEGUN = re.compile(
    r"""(?ix)
    (?: -----BEGIN [ A-Z-]{0,40}
      | (?: authorization | x-(?:[a-z]{1,20}-)?api-key | aws_secret_access_key | (?:set-)?cookie )
        ["']? [ \t]* (?: [:=] [ \t]* ["']? (?: (?:bearer|basic|token) [ \t]* )? )?
      | bearer [ \t]*
      | (?: token|secret|passw(?:or)?d|passphrase|api[_-]?key|access_?key|secret_?key|account_?key
        |private_?key|credential )
        \\?["']? [ \t]* (?: (?: :=|[:=] ) [ \t]* \\?["']? )?
    ) \Z
    """
)
_PEM = re.compile(
    r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY(?: BLOCK)?-----"
    r"(?![\s\S]*?-----END [A-Z ]{0,20}PRIVATE KEY(?: BLOCK)?-----)"
)
_PEM_ENDS = re.compile(r"-----END [A-Z ]{0,40}\Z")
_LAST_WORD = re.compile(r"(?<!\S)\S*\Z")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z_]*\d?(?:[./-][A-Za-z_]*\d?)*")


def redact_shapes(text: str) -> str:
    """Replace whatever has the shape of a key; twice does the same as once."""
    if _HINT.search(text):
        text = _WHOLE.sub(REDACTED, text)
    lower = text.lower()
    if any(name in lower for name in _NAMES):
        text = _NAMED.sub(rf"\1{REDACTED}", text)
    if "cookie" in lower:
        text = _COOKIE.sub(rf"\1{REDACTED}", text)
    if "login" in text:
        text = _NETRC.sub(rf"\1{REDACTED}", text)
    if any(name in lower for name in _HOLDERS):
        text = _ASSIGNED.sub(lambda found: found[1] + (REDACTED if looks_random(found[2]) else found[2]), text)
    if "://" not in text:
        return text
    text = _URL_TOKEN.sub(lambda found: found[1] + (REDACTED if looks_random(found[2]) else found[2]), text)
    return _URL_PASSWORD.sub(rf"\1{REDACTED}", text)


def looks_random(value: str) -> bool:
    """Whether a value is more likely made by chance than by a person: mixed, and no name, path or repetition."""
    if _IDENTIFIER.fullmatch(value) or len(value) < 12:
        return False
    digits = sum(char.isdigit() for char in value)
    letters = sum(char.isalpha() for char in value)
    if digits < 2 or letters < 3:
        return False
    counts = Counter(value).values()
    bits = -sum(count / len(value) * math.log2(count / len(value)) for count in counts)
    turns = sum(a.isdigit() != b.isdigit() for a, b in pairwise(value))
    return bits >= 3.0 and turns >= 3


def begins_at(text: str) -> int:
    """Where the text's end may be the beginning of a secret's shape that more text completes; its length if nowhere."""
    start = _LAST_WORD.search(text).start()  # type: ignore[union-attr]
    if found := _BEGUN.search(text[max(0, start - 128) : start]):
        start = max(0, start - 128) + found.start()
    if _PEM_ENDS.search(text, max(0, start - 64), start) and (begin := text.rfind("-----BEGIN ", 0, start)) >= 0:
        start = begin
    if found := _PEM.search(text):
        start = min(start, found.start())
    return start
