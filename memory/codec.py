"""JSON and text that PostgreSQL accepts whatever a model or a program wrote.

`jsonb` refuses NUL and lone surrogates, and JSON has no NaN. Inside JSON each is escaped behind U+001A (SUB) and comes
back as it was; in plain text columns they are replaced by a visible mark.
"""

import json
import math
import re
from typing import Any

_MARK = "\x1a"
_BAD = re.compile("[\x00\x1a\ud800-\udfff]")
_REFUSED = re.compile("[\x00\ud800-\udfff]")
_ESCAPED = re.compile("\x1a([0-9a-f]{4})")
_SUSPECT = re.compile(r"\\u(?:0000|001a|d[89a-f])")


def dump_json(value: object) -> str:
    """The value as JSON text that `jsonb` accepts; `load_json` gives the same value back."""
    try:
        text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    except ValueError:
        return json.dumps(_escape(value), allow_nan=False, separators=(",", ":"))
    return json.dumps(_escape(value), separators=(",", ":")) if _SUSPECT.search(text) else text


def load_json(text: str | bytes) -> Any:
    """The value that `dump_json` was given."""
    value = json.loads(text)
    if isinstance(text, bytes):
        text = text.decode()
    return _unescape(value) if "\\u001a" in text or _MARK in text else value


def clean_text(text: str) -> str:
    """Text for a text column: NUL becomes U+2400, a lone surrogate U+FFFD."""
    return _REFUSED.sub(lambda bad: "␀" if bad[0] == "\x00" else "�", text)


def _escape(value: Any) -> Any:
    match value:
        case str():
            return _BAD.sub(lambda bad: f"{_MARK}{ord(bad[0]):04x}", value)
        case float() if not math.isfinite(value):
            return f"{_MARK}{value}"
        case dict():
            return {_escape(key) if isinstance(key, str) else key: _escape(item) for key, item in value.items()}
        case list() | tuple():
            return [_escape(item) for item in value]
    return value


def _unescape(value: Any) -> Any:
    match value:
        case str():
            if value in ("\x1anan", "\x1ainf", "\x1a-inf"):
                return float(value[1:])
            return _ESCAPED.sub(lambda code: chr(int(code[1], 16)), value)
        case dict():
            return {_unescape(key): _unescape(item) for key, item in value.items()}
        case list():
            return [_unescape(item) for item in value]
    return value
