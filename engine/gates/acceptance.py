"""Which of a project's files a person's acceptance command runs: no agent changes them unasked. Pure.

What the command tries out, such as a program of the project, is what the agents work on. What it tries it with is the
person's: scripts of a shell, and the files that `make` and `npm` read.
"""

import re
import shlex
from collections.abc import Callable, Collection

from engine.state import State

_SCRIPTS = re.compile(r".*\.(?:sh|bash|zsh|bats|mk)|(?:.*/)?(?:GNUm|[mM])akefile")
_READ_BY = {
    "make": ("Makefile", "makefile", "GNUmakefile"),
    "gmake": ("Makefile", "makefile", "GNUmakefile"),
    **dict.fromkeys(("npm", "npx", "yarn", "pnpm"), ("package.json",)),
    **dict.fromkeys(("tox", "nox"), ("tox.ini", "noxfile.py")),
    "just": ("justfile", "Justfile"),
}
"""Files that programs read without being told."""
_JOINS = re.compile(r"[;&|()<>`$\"'{}\s]+")


def acceptance_files(state: State) -> Callable[[Collection[str]], frozenset[str]]:
    """A function that picks, of a commit's files, those that the run's acceptance command runs."""
    command = state.task.verify if state.task else ""
    words = {word.removeprefix("./") for word in (*_split(command), *_JOINS.split(command)) if word}
    implied = {path for word in words for path in _READ_BY.get(word.rsplit("/", 1)[-1], ())}

    def chosen(files: Collection[str]) -> frozenset[str]:
        return frozenset(path for path in files if path in implied or (path in words and _is_script(path)))

    return chosen


def _is_script(path: str) -> bool:
    """Whether a file that the command names is a script, by its ending or by having none."""
    return bool(_SCRIPTS.fullmatch(path)) or "." not in path.rsplit("/", 1)[-1]


def _split(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()
