"""Untrusted text made harmless: what a model, a test or a file says may never steer the terminal.

Escape sequences are taken out; what is left of control characters is shown as a visible picture, so that nothing hides.
"""

import re

_SEQUENCES = (
    r"\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\|(?=\n)|$|(?=\x1b))",
    r"[\x90\x98\x9d-\x9f][^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c|(?=\n)|$|(?=\x1b))",
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*(?:[@-~]|(?=\n)|$)",
    r"\x1b[ -/]+[0-~]?",
    r"\x1b[0-Z\\^-~]?",
)
_ESCAPES = re.compile("|".join(_SEQUENCES))
_COLOURS = re.compile(r"\x1b\[[0-9;:]*m")
_SUSPECT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_PICTURES = {code: chr(0x2400 + code) for code in range(0x20) if code not in (9, 10)}
_PICTURES |= {13: "", 0x7F: "␡", 0x85: " ", 0x2028: " ", 0x2029: " ", 0x200B: "", 0x2060: "", 0xFEFF: ""}


def _picture(match: re.Match[str]) -> str:
    return _PICTURES.get(ord(match.group()), "�")


def inert(text: str) -> str:
    """The text without escape sequences; other controls, overrides of direction and lone surrogates become pictures.

    Line ends and tabs stay.
    """
    if "\x1b" in text or not text.isascii():
        text = _ESCAPES.sub("", text)
    return _SUSPECT.sub(_picture, text)


def inert_line(text: str, limit: int = 2000) -> str:
    """The text as one line of at most `limit` characters."""
    line = " ".join(inert(text[: limit * 2]).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def colours_only(line: str) -> str:
    """The line with nothing live in it but its colour sequences."""
    if "\x1b" not in line:
        return inert(line)
    parts: list[str] = []
    start = 0
    for match in _COLOURS.finditer(line):
        parts += (inert(line[start : match.start()]), match.group())
        start = match.end()
    return "".join((*parts, inert(line[start:])))
