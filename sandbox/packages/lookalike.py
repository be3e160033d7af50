"""Whether a package's name may be taken for a popular one's: a letter off, a swapped pair, a lookalike sign."""

import unicodedata

from sandbox.packages.popular import NODE, PYTHON
from sandbox.packages.values import canonical
from sandbox.protocol import Language

ALIKE = {"0": "o", "1": "l", "i": "l", "3": "e", "5": "s", "rn": "m", "vv": "w"}
"""Signs that a reader takes for others."""
AFFIXES = ("python-", "py-", "py", "node-", "js-", "the-", "-python", "-py", "-js", "js", "-node", "-dev", "-lib", "2")
"""What is put around a known name to make another of it."""
SHORTEST = 4
"""Characters of a name below which one letter makes quite another word."""


def resembled(name: str, language: Language) -> str:
    """The popular package that a name may be taken for; empty when it is popular itself, or like none.

    Args:
        name: of a package.
        language: whose registry.
    """
    popular = PYTHON if language == "python" else NODE
    plain = canonical(name) if language == "python" else name.lower()
    if plain in popular:
        return ""
    if plain.startswith("@"):
        return _squatted(plain, popular)
    if not plain.isascii():
        folded = "".join(_CYRILLIC.get(char, char) for char in unicodedata.normalize("NFKC", plain))
        return next((known for known in sorted(popular) if _skeleton(known) == _skeleton(folded)), "")
    checks = (_same_letters, _one_off, _with_affix)
    ordered = sorted(popular, key=lambda known: (abs(len(known) - len(plain)), known))
    return next((known for check in checks for known in ordered if check(plain, known)), "")


def distance(one: str, other: str, most: int = 2) -> int:
    """Letters to insert, remove, change or swap to make one of the other; `most + 1` when it is more than `most`."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before_last: list[int] = []
    last = list(range(len(other) + 1))
    for row, left in enumerate(one, 1):
        current = [row]
        for column, right in enumerate(other, 1):
            cost = min(last[column] + 1, current[-1] + 1, last[column - 1] + (left != right))
            if row > 1 and column > 1 and left == other[column - 2] and one[row - 2] == right:
                cost = min(cost, before_last[column - 2] + 1)
            current.append(cost)
        before_last, last = last, current
    return min(last[-1], most + 1)


_CYRILLIC = dict(zip("асеорхуіѕԁһјӏվ", "aceopxyisdhjlv", strict=False))


def _skeleton(name: str) -> str:
    for sign, looks in ALIKE.items():
        name = name.replace(sign, looks)
    return name


def _same_letters(name: str, known: str) -> bool:
    """The same but for separators, or for signs that look alike."""
    bare, other = (text.replace("-", "").replace("_", "").replace(".", "") for text in (name, known))
    return bare == other or _skeleton(bare) == _skeleton(other)


def _one_off(name: str, known: str) -> bool:
    if min(len(name), len(known)) < SHORTEST:
        return False
    return distance(name, known) <= (1 if len(known) < 8 else 2)


def _with_affix(name: str, known: str) -> bool:
    if len(known) < SHORTEST:
        return False
    around = {f"{affix}{known}" if affix[0].isalpha() else f"{known}{affix}" for affix in AFFIXES}
    around |= {f"{known}{affix}" for affix in AFFIXES if not affix.endswith("-")}
    return name in around


def _squatted(name: str, popular: frozenset[str]) -> str:
    """A scoped package whose scope is one letter off a popular name, such as `@expresss/core`."""
    scope = name[1:].split("/")[0]
    if scope in popular:
        return ""
    return next((known for known in sorted(popular) if len(known) > SHORTEST and distance(scope, known, 1) == 1), "")
