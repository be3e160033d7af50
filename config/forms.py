"""The forms in which a known secret turns up: as it is, escaped, percent-encoded, in base64 and 32, in hexadecimal."""

import base64
import json
from collections.abc import Iterable
from functools import lru_cache
from html import escape
from urllib.parse import quote, quote_plus

from config.shapes import REDACTED

SHORTEST = 6
"""Known secrets shorter than this are not replaced: they would take ordinary words with them."""
ENCODED_FROM = 8
"""Shorter ones are looked for as they are, not encoded: four letters of base64 are an ordinary word."""


def replace_known(text: str, secrets: Iterable[str]) -> str:
    """The text with every form of every secret replaced."""
    return replace_forms(text, forms_of(tuple(secret for secret in secrets if len(secret) >= SHORTEST)))


def replace_forms(text: str, forms: tuple[str, ...]) -> str:
    """The text with forms, as `forms_of` gives them, replaced."""
    for form in forms:
        if form in text:
            text = text.replace(form, REDACTED)
    return text


@lru_cache(maxsize=64)
def forms_of(secrets: tuple[str, ...]) -> tuple[str, ...]:
    """All forms of all secrets, the longest first, so that none is left of one inside another."""
    found: set[str] = set()
    for secret in secrets:
        found.add(secret)
        if len(secret) >= ENCODED_FROM:
            found |= _encoded(secret)
    found.discard("")
    return tuple(sorted(found, key=lambda form: (-len(form), form)))


def _encoded(secret: str) -> set[str]:
    raw = secret.encode("utf-8", "surrogatepass")
    percent = {quote(raw, safe=""), quote(raw), quote_plus(raw)}
    lower = {_lower_escapes(form) for form in percent}
    escaped = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    inert = {escape(secret), escape(secret, quote=False), json.dumps(secret)[1:-1].replace("/", "\\/")}
    twice = {quote(form, safe="") for form in percent}
    spelled = {raw.hex(" "), raw.hex(":"), "".join(f"\\x{byte:02x}" for byte in raw)}
    spelled |= {"".join(f"%{byte:02X}" for byte in raw), base64.b32encode(raw).decode("ascii").rstrip("=")}
    hexes = {raw.hex(), raw.hex().upper()}
    return {*percent, *lower, *escaped, *inert, *twice, *spelled, *hexes, *_base64(raw)}


def _lower_escapes(text: str) -> str:
    parts = text.split("%")
    return "%".join([parts[0], *(part[:2].lower() + part[2:] for part in parts[1:])])


def _base64(raw: bytes) -> set[str]:
    """What base64 makes of the secret alone and in the middle of other bytes: only the letters that are its own."""
    found = set()
    for before in range(3):
        text = base64.b64encode(b"\0" * before + raw).decode("ascii")
        first = -(-before * 8 // 6)
        last = (before + len(raw)) * 8 // 6
        found.add(text[first:last])
    found.add(base64.b64encode(raw).decode("ascii").rstrip("="))
    return found | {form.translate(str.maketrans("+/", "-_")) for form in found}
