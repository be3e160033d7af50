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
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff"
    # Blanks and fillers that show as nothing, and the tags that spell words which only a program sees.
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
_MARKS = re.compile(
    r"({0}{{4}}){0}+".format("[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]")
)
"""More marks upon one letter than any language has: they would grow over the lines around it."""
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
    text = _SUSPECT.sub(_picture, text)
    return text if text.isascii() else _MARKS.sub(r"\1", text)


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
