"""Whether a program of awk starts others: by system(), a pipe, or what it loads."""

import re

_LITERAL = re.compile(r'"(?:\\.|[^"\\])*"', re.DOTALL)
_PATTERN = re.compile(r"/((?:\\.|[^/\n\\])*)/")
_WORD = re.compile(r"[A-Za-z_]\w*|[0-9.]+")
_OPEN_WORDS = frozenset({"print", "printf", "return", "in", "getline", "else", "do", "case", "exit", "delete", "next",
                         "length", "nextfile", "while", "if"})  # fmt: skip
"""Words after which a `/` may begin a pattern or divide."""


def awk_starts(text: str) -> bool:
    """Whether a program of awk starts others; what one awk may read otherwise than another counts as if it did."""
    place, before = 0, ""
    while place < len(text):
        letter = text[place]
        found: re.Match[str] | None = None
        if letter == '"':
            found = _LITERAL.match(text, place)
            if found is None:
                return True
        elif letter == "/" and (before in _OPEN_WORDS or (before == ")" and _hides(text, place))):
            return True
        elif letter == "/" and not _is_operand(before):
            found = _PATTERN.match(text, place)
            if found is None or "[" in found[1].rsplit("]", 1)[-1]:
                return True
        elif letter == "#":
            place = (text + "\n").index("\n", place)
            continue
        elif letter == "\\" and text[place + 1 : place + 2] == "\n":
            place += 2
            continue
        elif text.startswith("||", place):
            place, before = place + 2, "|"
            continue
        elif letter in "|@":
            return True
        else:
            found = _WORD.match(text, place)
            if found is not None and found[0] in ("system", "popen"):
                return True
        if not letter.isspace() or letter == "\n":
            before = (found[0] if found else letter) if letter not in '/"' or found else "/"
            before = (
                "++"
                if text[place : place + 2] in ("++", "--") or (before in "+-" and before == text[place - 1])
                else before
            )
        place = found.end() if found is not None else place + 1
    return False


def _is_operand(before: str) -> bool:
    """Whether a `/` after this divides."""
    return bool(before) and (before[-1].isalnum() or before[-1] in '_)]".' or before in ("++", "--"))


def _hides(text: str, place: int) -> bool:
    """Whether a pattern that begins here would hold what matters outside of patterns."""
    found = _PATTERN.match(text, place)
    return found is not None and bool(set('"|@') & set(found[1]))
