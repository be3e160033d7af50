"""Reads the words of a program that starts another: its own options, and where the other begins."""

from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.shell_parts import Word


@dataclass(frozen=True)
class Options:
    """The options of a program."""

    flags: str = ""
    """Letters of options without a value."""
    valued: str = ""
    """Letters of options with a value, in the same word or the next."""
    long: tuple[str, ...] = ()
    """Long options without a value; one written with `=` has its value in the same word and needs no naming."""
    long_valued: tuple[str, ...] = ()
    """Long options with a value, in the same word or the next."""
    last: str = ""
    """Letters of options whose value is the last word of its own."""


@dataclass
class Parsed:
    """A program's words, sorted."""

    given: list[tuple[str, Word]]
    """Options with their values, "" where there is none."""
    rest: list[Word]
    """What follows: the program's operands."""
    unknown: str = ""
    """The first option that is not among those known: it may have taken the next word."""


def parse_options(words: Sequence[Word], known: Options) -> Parsed:
    """Sort the words up to the first that is no option."""
    parsed = Parsed([], [])
    place = 0
    while place < len(words):
        word = words[place]
        if word is None or not word.startswith("-") or word == "-":
            break
        place += 1
        if word == "--":
            break
        if word.startswith("--"):
            place += _long(word, words, place, known, parsed)
        else:
            place += _short(word, words, place, known, parsed)
            if parsed.given and parsed.given[-1][0][-1] in known.last:
                break
    parsed.rest = list(words[place:])
    return parsed


def _long(word: str, words: Sequence[Word], place: int, known: Options, parsed: Parsed) -> int:
    name, has_value, value = word.partition("=")
    name = _in_full(name, known)
    if has_value:
        parsed.given.append((name, value))
        return 0
    if name in known.long_valued:
        parsed.given.append((name, words[place] if place < len(words) else ""))
        return 1
    if name not in known.long and name not in ("--help", "--version"):
        parsed.unknown = parsed.unknown or name
    parsed.given.append((name, ""))
    return 0


def _in_full(name: str, known: Options) -> str:
    """A long option that is cut short, as it is meant where only one of those known begins so."""
    meant = [one for one in (*known.long, *known.long_valued) if one.startswith(name)]
    return meant[0] if len(meant) == 1 and len(name) > len("--") else name


def _short(word: str, words: Sequence[Word], place: int, known: Options, parsed: Parsed) -> int:
    letters = word[1:]
    for index, letter in enumerate(letters):
        option = f"-{letter}"
        if letter in known.valued:
            attached = letters[index + 1 :]
            parsed.given.append((option, attached or (words[place] if place < len(words) else "")))
            return 0 if attached else 1
        if letter not in known.flags:
            parsed.unknown = parsed.unknown or word
        parsed.given.append((option, ""))
    return 0
