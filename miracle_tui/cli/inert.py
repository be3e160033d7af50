"""Makes text from models, tests and files harmless before it reaches a terminal."""

import re

TAB_WIDTH = 4

_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters, ESC and the eight-bit CSI and OSC among them
    "\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"  # invisible, and those that turn the direction of writing
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\ufff0-\ufffb"  # blanks and fillers
    "\U000e0000-\U000e0fff"  # tags, which spell words that only a program sees
    "\ud800-\udfff]"  # halves of a pair, which no terminal can be sent
)
_MARKS = re.compile(
    r"({0}{{4}}){0}+".format("[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]")
)
"""More marks upon one letter than any language has."""
_BREAKS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else "�"


def inert(text: str) -> str:
    """The text with every character that a terminal would act upon made visible; line feeds stay."""
    text = _UNSAFE.sub(_visible, _BREAKS.sub("\n", text).replace("\t", " " * TAB_WIDTH))
    return text if text.isascii() else _MARKS.sub(r"\1", text)


def one_line(text: str, limit: int = 160) -> str:
    """The text on a single harmless line.

    Args:
        text: anything.
        limit: most characters; what is longer ends in an ellipsis.
    """
    line = " ".join(inert(text[: limit * 20]).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
