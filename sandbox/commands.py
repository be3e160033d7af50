"""Judges a line of shell before it runs, by its syntax tree: every program in it, however it is wrapped or written.

The sandbox is what confines a command; the rules keep an agent from what a person does not want tried at all. What
cannot be read for certain is asked about, and what is no shell is refused.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from config.rules import CommandRules
from sandbox.command_code import EXECUTED, base_name, interpreted
from sandbox.command_matching import Match, is_known, match_of, names_of
from sandbox.command_starters import started
from sandbox.command_wrappers import unwrapped
from sandbox.inline_code import judged_code
from sandbox.report import Verdict
from sandbox.shell_parts import Code, Doubt, Part, Program, ScriptFile, Unreadable
from sandbox.shell_reading import Line, is_outside, read_line

DEEPEST = 8
"""Commands within commands that are looked into."""
MOST = 2_000
"""Programs of a line that are looked at."""
MOST_WORDS = 10_000
"""Words of all of them: a line may name the same words again and again as the words of programs within programs."""
COPIERS = frozenset({"cp", "mv", "ln", "install", "tee", "link", "rsync"})
MAKERS = frozenset({"touch", "mkdir", "truncate"})
"""Programs that write what their words name, beside the copiers."""


@dataclass(frozen=True)
class Judgement:
    """What the rules say of a command."""

    verdict: Verdict | None
    """None when nothing is against it."""
    reason: str = ""


@dataclass(frozen=True)
class _Reading:
    programs: tuple[Program, ...]
    doubts: tuple[Doubt, ...]
    functions: frozenset[str]


def judge_command(command: str, rules: CommandRules) -> Judgement:
    """Judge a line of shell.

    Args:
        command: the line; compound commands, substitutions, wrappers and inline code are looked into.
        rules: programs, with first words and options (`git push`, `rm -rf`), that are blocked or need an approval, and
            the programs that are known.

    Returns:
        The strictest verdict with its reason. What cannot be parsed is blocked; a program whose name is computed or
        unknown needs an approval.
    """
    try:
        reading = _read(command)
    except Unreadable as unreadable:
        return Judgement("blocked", str(unreadable))
    for entry, match, _ in _matches(reading.programs, rules.blocked):
        if match == "certain":
            return Judgement("blocked", f"`{entry}` is blocked.")
    if reason := next((doubt.reason for doubt in reading.doubts if doubt.verdict == "blocked"), ""):
        return Judgement("blocked", reason)
    for entry, match, _ in _matches(reading.programs, rules.approval):
        if match == "certain":
            return Judgement("approval_required", f"`{entry}` needs an approval.")
    if reason := _unsure(reading, rules):
        return Judgement("approval_required", reason)
    return Judgement(None)


def _unsure(reading: _Reading, rules: CommandRules) -> str:
    """Why a person should look at a line of which nothing is certainly forbidden."""
    if reading.doubts:
        return reading.doubts[0].reason
    for entry, _, program in _matches(reading.programs, (*rules.blocked, *rules.approval)):
        return f"The command computes words of `{program.name}`, which may come to `{entry}`."
    for program in reading.programs:
        if program.suspect or program.module or program.name in reading.functions:
            continue
        if program.name is None:
            return "The command computes the name of a program."
        if not is_known(program, rules.allowed):
            return f"`{program.words[0]}` is not among the programs that are allowed."
    return ""


def _matches(programs: Iterable[Program], entries: Iterable[str]) -> "list[tuple[str, Match, Program]]":
    named: dict[str, list[Program]] = {}
    for program in programs:
        for name in names_of(program):
            named.setdefault(name, []).append(program)
    begun = ((entry, program) for entry in entries for program in named.get(next(iter(entry.split()), ""), ()))
    found = ((entry, match_of(program, entry), program) for entry, program in begun)
    return [(entry, match, program) for entry, match, program in found if match is not None]


def _read(command: str) -> _Reading:
    """All programs of a line, and of the lines and code within it."""
    waiting: list[tuple[Part, int]] = [(Code("shell", command), 0)]
    line = Line()
    programs: list[Program] = []
    doubts: list[Doubt] = []
    scripts: list[str] = []
    words = 0
    while waiting:
        part, depth = waiting.pop(0)
        if depth > DEEPEST or len(programs) > MOST or words > MOST_WORDS:
            raise Unreadable("The command nests too deeply.")
        match part:
            case Program():
                programs.append(part)
                words += len(part.words)
                inner = () if part.suspect else (*unwrapped(part), *interpreted(part), *_particular(part, line))
                waiting += [(found, depth + 1) for found in inner]
                if not part.suspect and "/" in (part.words[0] or ""):
                    scripts.append(part.words[0] or "")
                    doubts += _unread(part.words[0] or "")
            case Code(language="shell"):
                waiting += [(found, depth + 1) for found in _shell(part, line)]
            case Code():
                waiting += [(found, depth + 1) for found in judged_code(part)]
            case ScriptFile(path):
                scripts.append(path)
            case Doubt():
                doubts.append(part)
    if any(path.removeprefix("./") in line.written or "*" in line.written for path in scripts):
        doubts.append(Doubt("The command runs a file that it writes."))
    return _Reading(tuple(programs), tuple(doubts), frozenset(line.functions))


def _unread(path: str) -> Iterator[Doubt]:
    """A doubt about a program of the worktree that is a file of a kind that the scan does not read."""
    name = path.rsplit("/", 1)[-1]
    if "." in name and name == base_name(name) and not path.startswith("/") and not name.endswith(EXECUTED):
        yield Doubt(f"The scan does not read {path}, which the command runs.")


def _shell(code: Code, line: Line) -> list[Part]:
    """The parts of a line within the line; a mere string that is no shell has none."""
    try:
        inner = read_line(code.text, code.stdin)
    except Unreadable:
        if code.suspect:
            return []
        raise
    line.functions |= inner.functions
    line.written |= inner.written
    if not code.suspect:
        return inner.parts
    return [Program(part.words, suspect=True) for part in inner.parts if isinstance(part, Program)]


def _particular(program: Program, line: Line) -> Iterator[Part]:
    """What programs that are no wrappers can do beside their work."""
    name, words = base_name(program.name or ""), program.words[1:]
    if name in COPIERS:
        line.written.update((word or "*").removeprefix("./") for word in words if not (word or "").startswith("-"))
    if name in COPIERS or name in MAKERS:
        yield from (Doubt(f"`{name}` may write outside the worktree.") for word in words if is_outside(word))
    yield from started(program, name)
