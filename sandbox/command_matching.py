"""Whether a program is one that a rule speaks of."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Literal

from sandbox.command_code import base_name
from sandbox.shell_parts import Globbed, Program, Word

Match = Literal["certain", "possible"] | None
BUILTINS = frozenset({":", ".", "[", "alias", "bg", "break", "builtin", "cd", "command", "continue", "coproc", "dirs",
                      "disown", "echo", "eval", "exec", "exit", "export", "false", "fg", "getopts", "hash", "jobs",
                      "let", "local", "logout", "popd", "printf", "pushd", "pwd", "read", "readonly", "return", "set",
                      "shift", "shopt", "source", "test", "times", "trap", "true", "type", "typeset", "ulimit",
                      "umask", "unalias", "unset", "wait", "declare", "mapfile", "readarray"})  # fmt: skip
"""What a shell does itself; the dangerous ones among them are doubted by what they do."""
SYSTEM = re.compile(r"/(usr/(local/)?)?s?bin/[^/]+|/opt/tools/(.*/)?bin/[^/]+")
"""Programs of the sandbox."""
_LONG = {"r": "--recursive", "R": "--recursive", "f": "--force", "v": "--verbose", "q": "--quiet"}
_SAME = {"R": "r"}
"""Letters that mean the same for programs that go through folders."""


def match_of(program: Program, entry: str) -> Match:
    """Whether a program is the entry's: the same name, its words, its options in any order and grouping.

    Returns:
        `certain`; `possible` when computed words may make it so; None when it is another.
    """
    wanted = entry.split()
    name = program.name
    if not wanted or name is None or not _same_name(name, wanted[0]):
        return None
    words = program.words[1:]
    parts = [part for part in wanted[1:] if not part.startswith("-")]
    options = [part for part in wanted[1:] if part.startswith("-")]
    return _worst([_has_words(words, parts), *(_has_option(words, option) for option in options)])


def is_known(program: Program, allowed: Iterable[str]) -> bool:
    """Whether a program is allowed by its name; `*` allows any, `./*` what lies in the worktree."""
    entries = _entries(tuple(allowed))
    if "*" in entries:
        return True
    first = program.words[0] or ""
    name = program.name or ""
    if "/" in first and not SYSTEM.fullmatch(first):
        inside = first.removeprefix("/workspace/")
        return "./*" in entries and not inside.startswith(("/", "~")) and ".." not in inside.split("/")
    return name in BUILTINS or name in entries or base_name(name) in entries


@lru_cache(maxsize=8)
def _entries(allowed: tuple[str, ...]) -> frozenset[str]:
    return frozenset(allowed)


def names_of(program: Program) -> frozenset[str]:
    """All names that an entry may call a program by."""
    folded = (program.name or "").casefold()
    endings = (place for place, letter in enumerate(folded) if letter == ".")
    return frozenset((folded, base_name(folded), *(folded[:place] for place in endings)))


def _same_name(name: str, wanted: str) -> bool:
    folded = name.casefold()
    return folded == wanted or base_name(folded) == wanted or folded.startswith(f"{wanted}.")


def _worst(found: Sequence[Match]) -> Match:
    if any(one is None for one in found):
        return None
    return "possible" if "possible" in found else "certain"


def _has_words(words: Sequence[Word], wanted: Sequence[str]) -> Match:
    """Whether the wanted words come first, but for options and what may be their values."""
    if not wanted:
        return "certain"
    possible: Match = None
    after_option = False
    for place, word in enumerate(words):
        if word is None or isinstance(word, Globbed):
            possible = "possible"
            after_option = True
            continue
        if word.startswith("-"):
            after_option = "=" not in word and word != "--"
            continue
        if word == wanted[0] and (found := _has_words(words[place + 1 :], wanted[1:])):
            return _worst([found, possible or "certain"])
        if not after_option:
            break
        after_option = False
    return possible


def _has_option(words: Sequence[Word], option: str) -> Match:
    """Whether an option is given: letters in any grouping, a long one also when it is cut short."""
    computed = False
    letters: set[str] = set()
    long: set[str] = set()
    for word in words:
        if word is None or (isinstance(word, Globbed) and re.fullmatch(r"[*?\[][\w*?\[\]-]*", word)):
            computed = True
        elif word == "--":
            break
        elif word.startswith("--"):
            long.add(word.partition("=")[0])
        elif word.startswith("-"):
            letters |= {_SAME.get(letter, letter) for letter in word[1:]}
    if option.startswith("--"):
        given = any(len(name) > 3 and option.startswith(name) for name in long)
    else:
        given = all(_given(_SAME.get(letter, letter), letters, long) for letter in option[1:])
    return "certain" if given else ("possible" if computed else None)


def _given(letter: str, letters: set[str], long: set[str]) -> bool:
    full = _LONG.get(letter, "")
    return letter in letters or any(len(name) > 3 and full.startswith(name) for name in long)
