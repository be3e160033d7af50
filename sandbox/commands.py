"""Judges a line of shell before it runs, by its syntax tree: every program in it, behind pipes and wrappers too."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from config.rules import CommandRules
from sandbox.report import Verdict

if TYPE_CHECKING:
    from tree_sitter import Node

SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "ash"})
WRAPPERS = frozenset({"env", "sudo", "doas", "nice", "nohup", "timeout", "xargs", "time", "exec", "command", "builtin",
                      "stdbuf", "setsid", "ionice", "taskset", "prlimit", "chroot", "watch", "busybox"})  # fmt: skip
TAKES_VALUE = frozenset({"-u", "-n", "-I", "-P", "-L", "-s", "-k", "-g", "-C", "-i", "-o", "-e", "-d", "-c"})
"""Options of wrappers that are followed by a value; a value taken for a program only makes the judgement stricter."""
DEEPEST = 8


@dataclass(frozen=True)
class Judgement:
    """What the rules say of a command."""

    verdict: Verdict | None
    """None when nothing is against it."""
    reason: str = ""


@dataclass(frozen=True)
class Program:
    """One program that a command starts, with its arguments; None stands for what only the shell will know."""

    words: tuple[str | None, ...]

    @property
    def name(self) -> str | None:
        """The program's name without its folder."""
        return self.words[0].rsplit("/", 1)[-1] if self.words and self.words[0] is not None else None


def judge_command(command: str, rules: CommandRules) -> Judgement:
    """Judge a line of shell.

    Args:
        command: the line; compound commands, substitutions and wrappers are looked into.
        rules: programs, with first words and options (`git push`, `rm -rf`), that are blocked or need an approval.

    Returns:
        The strictest verdict with its reason. What cannot be parsed is blocked; a program whose name is computed
        needs an approval.
    """
    try:
        programs = list(_programs(command, 0))
    except _Unreadable as exc:
        return Judgement("blocked", str(exc))
    for entry in rules.blocked:
        if any(_matches(program, entry) for program in programs):
            return Judgement("blocked", f"`{entry}` is blocked.")
    for entry in rules.approval:
        if any(_matches(program, entry) for program in programs):
            return Judgement("approval_required", f"`{entry}` needs an approval.")
    if any(program.name is None for program in programs):
        return Judgement("approval_required", "The command computes the name of a program.")
    return Judgement(None)


class _Unreadable(Exception):
    """A command that no judgement can be made of."""


def _programs(command: str, depth: int) -> Iterator[Program]:
    import tree_sitter_bash
    from tree_sitter import Language, Parser

    if depth > DEEPEST:
        raise _Unreadable("The command nests too deeply.")
    root = Parser(Language(tree_sitter_bash.language())).parse(command.encode("utf-8", "replace")).root_node
    if root.has_error or "\0" in command:
        raise _Unreadable("The command cannot be parsed as shell.")
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.type == "command":
            yield from _unwrapped(Program(tuple(_words(node))), depth)
        waiting += node.children


def _words(node: "Node") -> Iterator[str | None]:
    for child in node.named_children:
        if child.type == "command_name":
            yield _word(child.named_children[0])
        elif child.type not in ("variable_assignment", "file_redirect", "heredoc_redirect", "herestring_redirect"):
            yield _word(child)


def _word(node: "Node") -> str | None:
    """A word as the shell passes it on, or None when it is computed."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if part.type.endswith(("expansion", "substitution")):
            return None
        waiting += part.children
    text = (node.text or b"").decode("utf-8", "replace")
    try:
        return "".join(shlex.split(text))
    except ValueError:
        return None


def _unwrapped(program: Program, depth: int) -> Iterator[Program]:
    """The program, and all that it starts in its turn."""
    yield program
    name, rest = program.name, list(program.words[1:])
    if name in SHELLS or name == "eval":
        text = _script(rest) if name != "eval" else _joined(rest)
        if text is None:
            yield Program((None,))
        elif text:
            yield from _programs(text, depth + 1)
    elif name in WRAPPERS:
        yield from _inner(rest, depth)
    elif name == "find":
        for index, word in enumerate(rest):
            if word in ("-exec", "-execdir", "-ok", "-okdir"):
                yield from _unwrapped(Program(tuple(rest[index + 1 :])), depth + 1)
            elif word == "-delete":
                yield Program(("rm", "-r"))


def _script(words: list[str | None]) -> str | None:
    """The text after a shell's `-c`; empty when it runs a file, None when it is computed."""
    for index, word in enumerate(words):
        if word is None:
            return None
        if word.startswith("-") and not word.startswith("--") and "c" in word:
            return words[index + 1] if index + 1 < len(words) else ""
    return ""


def _joined(words: list[str | None]) -> str | None:
    known = [word for word in words if word is not None]
    return " ".join(known) if len(known) == len(words) else None


def _inner(words: list[str | None], depth: int) -> Iterator[Program]:
    """What a wrapper starts: its options, assignments and numbers are passed over, whatever they may hide is judged."""
    if depth > DEEPEST:
        raise _Unreadable("The command nests too deeply.")
    index = 0
    while index < len(words):
        word = words[index]
        if word is None:
            break
        if word in TAKES_VALUE and index + 1 < len(words):
            value = words[index + 1]
            if word == "-c" and value:
                yield from _programs(value, depth + 1)
            index += 1
        elif not word.startswith("-") and "=" not in word and not word[:1].isdigit():
            break
        index += 1
    if index < len(words):
        yield from _unwrapped(Program(tuple(words[index:])), depth + 1)
    # An option taken for one with a value may have swallowed the program: judge every later word as one, too.
    for later in range(len(words)):
        if later != index and words[later] is not None:
            yield Program(tuple(words[later:]))


def _matches(program: Program, entry: str) -> bool:
    """Whether a program is the entry's: the same name, its words, its options in any order and grouping."""
    wanted = entry.split()
    if not wanted or program.name is None:
        return False
    if program.name != wanted[0] and not program.name.startswith(f"{wanted[0]}."):
        return False
    words = [word for word in program.words[1:] if word is not None]
    flags = "".join(word[1:] for word in words if word.startswith("-") and not word.startswith("--")).lower()
    long = {word.split("=")[0] for word in words if word.startswith("--")}
    names = {"r": "--recursive", "f": "--force"}
    plain = [word for word in words if not word.startswith("-")]
    for part in wanted[1:]:
        if part.startswith("--"):
            if part not in long:
                return False
        elif part.startswith("-"):
            if not all(flag in flags or names.get(flag) in long for flag in part[1:].lower()):
                return False
        elif not plain or plain.pop(0) != part:
            return False
    return True
