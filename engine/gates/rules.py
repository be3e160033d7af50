"""Standing rules: what a person allowed for good, by the parsed command or by scan rule and path, never by a prefix.

A rule answers a question in a person's stead. It is asked only where the safety rules want an approval: what they block
stays blocked whatever a rule says. Everything here is pure.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Literal

from pydantic import Field

from config.rules import CommandRules
from engine.errors import ToolError
from engine.gates.arguments import FIXED, folder_of, is_inside, kind_of, split_arguments, subcommand_of
from engine.gates.package_rules import PackagePattern, Pin, patterns_for
from engine.task import Value
from engine.tools.globs import compiled
from sandbox.commands import judge_command
from sandbox.plain_commands import NotPlain, plain_programs
from sandbox.report import ScanFinding

Breadth = Literal["exact", "like", "paths", "any"]
BREADTHS: tuple[Breadth, ...] = ("exact", "like", "paths", "any")
RuleTopic = Literal["command", "scan", "dependency"]
Programs = tuple[tuple[str, ...], ...]
MOVERS = frozenset({"cd", "pushd", "popd"})
"""Programs after which a relative path means another file."""


class ProgramPattern(Value):
    """One program with its arguments, as exactly as the breadth says."""

    kind: Literal["program"] = "program"
    breadth: Breadth
    program: str
    """As it was written: a name and a path to it are two programs."""
    words: tuple[str, ...] = ()
    """Of `exact`: all arguments. Of `paths`: those before the paths, such as the mode of chmod."""
    subcommand: tuple[str, ...] = ()
    """Of `like`: the words that choose what the program does."""
    options: tuple[str, ...] = ()
    """Of `like` and `paths`: the options that may be there."""
    kinds: tuple[str, ...] = ()
    """Of `like`: what the other arguments may be; see `arguments.kind_of`."""
    globs: tuple[str, ...] = ()
    """Of `paths`: where the paths must lie."""

    def allows(self, words: Sequence[str], *, moved: bool) -> bool:
        """Whether the pattern covers a program's words.

        Args:
            words: the program and its arguments.
            moved: whether the line also changes the folder, so that paths are not what they seem.
        """
        if words[0] != self.program:
            return False
        rest = tuple(words[1:])
        if self.breadth == "any":
            return True
        if self.breadth == "exact":
            return rest == self.words
        if self.breadth == "like":
            if rest[: len(self.subcommand)] != self.subcommand:
                return False
            options, others = split_arguments(rest[len(self.subcommand) :])
            return set(options) <= set(self.options) and {kind_of(word) for word in others} <= set(self.kinds)
        options, others = split_arguments(rest)
        fixed, paths = others[: len(self.words)], others[len(self.words) :]
        return (
            not moved
            and set(options) <= set(self.options)
            and fixed == self.words
            and bool(paths)
            and all(lies_in(path, self.globs) for path in paths)
        )

    def describe(self) -> str:
        """The pattern in a line."""
        match self.breadth:
            case "exact":
                return " ".join((self.program, *map(_quoted, self.words)))
            case "any":
                return f"{self.program} with any arguments"
            case "like":
                head = " ".join((self.program, *self.subcommand, *self.options))
                return f"{head} with {', '.join(self.kinds)}" if self.kinds else head
            case _:
                head = " ".join((self.program, *self.options, *self.words))
                return f"{head} on {', '.join(self.globs)}"


class ScanPattern(Value):
    """A rule of the scan, in these files and in those that match a glob; without either, in any file."""

    kind: Literal["scan"] = "scan"
    rule: str
    paths: tuple[str, ...] = ()
    globs: tuple[str, ...] = ()

    def allows(self, finding: ScanFinding) -> bool:
        """Whether the pattern covers a finding."""
        if finding.rule != self.rule:
            return False
        return not (self.paths or self.globs) or finding.path in self.paths or lies_in(finding.path, self.globs)

    def describe(self) -> str:
        """The pattern in a line."""
        return f"{self.rule} in {', '.join((*self.paths, *self.globs)) or 'any file'}"


Pattern = Annotated[ProgramPattern | ScanPattern | PackagePattern, Field(discriminator="kind")]


class Rule(Value):
    """What a person allowed for good."""

    rule_id: str = ""
    topic: RuleTopic
    breadth: Breadth
    patterns: tuple[Pattern, ...] = Field(min_length=1)
    project: str = ""
    """The person's folder that it holds in; empty for all."""
    created_at: datetime | None = None
    created_by: str = ""
    uses: int = 0
    used_at: datetime | None = None

    def describe(self) -> str:
        """The rule in a line."""
        return "; ".join(pattern.describe() for pattern in self.patterns)

    def named(self) -> "Rule":
        """The rule with its id, which follows from what it allows: the same rule twice is one."""
        said = self.model_dump_json(include={"topic", "patterns", "project"})
        return self.model_copy(update={"rule_id": sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:8]})

    def holds_in(self, project: str) -> bool:
        """Whether the rule is asked in this folder."""
        return self.project in ("", project)


def rules_allowing_command(rules: Iterable[Rule], command: str, project: str, safety: CommandRules) -> tuple[Rule, ...]:
    """The rules that together allow every program of a command; empty when they do not.

    Args:
        rules: those there are.
        command: the line of shell.
        project: the person's folder.
        safety: what is blocked, which no rule allows, and what needs an approval.
    """
    if judge_command(command, safety).verdict != "approval_required":
        return ()
    return rules_allowing_programs(rules, programs_of(command), project)


def programs_of(command: str) -> Programs:
    """The programs of a plain command; none of any other."""
    try:
        return plain_programs(command)
    except NotPlain:
        return ()


def rules_allowing_programs(rules: Iterable[Rule], programs: Programs, project: str) -> tuple[Rule, ...]:
    """The rules that together allow every program of a command that needs an approval; empty when they do not."""
    asked = [rule for rule in rules if rule.topic == "command" and rule.holds_in(project)]
    moved = any(words[0].rsplit("/", 1)[-1] in MOVERS for words in programs)
    found: dict[str, Rule] = {}
    for words in programs:
        rule = next((rule for rule in asked if _allows_program(rule, words, moved)), None)
        if rule is None:
            return ()
        found[rule.rule_id] = rule
    return tuple(found.values())


def rules_allowing_findings(rules: Iterable[Rule], findings: Sequence[ScanFinding], project: str) -> tuple[Rule, ...]:
    """The rules that together allow every finding; empty when they do not, or when one is blocked.

    Args:
        rules: those there are.
        findings: of one scan; warnings need nobody's leave.
        project: the person's folder.
    """
    if any(finding.verdict == "blocked" for finding in findings):
        return ()
    asked = [rule for rule in rules if rule.topic == "scan" and rule.holds_in(project)]
    found: dict[str, Rule] = {}
    for finding in findings:
        if finding.verdict != "approval_required":
            continue
        rule = next((rule for rule in asked if _allows_finding(rule, finding)), None)
        if rule is None:
            return ()
        found[rule.rule_id] = rule
    return tuple(found.values())


def propose_for_command(command: str) -> tuple[Rule, ...]:
    """The rules that a person may make of a command, the narrowest first.

    Raises:
        NotPlain: no rule can be made of it; says why.
    """
    programs = plain_programs(command)
    moved = any(words[0].rsplit("/", 1)[-1] in MOVERS for words in programs)
    proposed = []
    for breadth in BREADTHS:
        patterns = tuple(dict.fromkeys(_pattern(words, breadth) for words in programs))
        wide = any(pattern.breadth == breadth for pattern in patterns)
        if wide and not (moved and breadth == "paths"):
            proposed.append(Rule(topic="command", breadth=breadth, patterns=patterns).named())
    return tuple(proposed)


def propose_for_findings(findings: Sequence[ScanFinding]) -> tuple[Rule, ...]:
    """The rules that a person may make of a scan's findings: in these files, in their folders, anywhere."""
    asked = [finding for finding in findings if finding.verdict == "approval_required"]
    if not asked:
        return ()
    places: dict[str, list[str]] = {}
    for finding in asked:
        places.setdefault(finding.rule, []).append(finding.path)
    exact = [ScanPattern(rule=rule, paths=tuple(dict.fromkeys(paths))) for rule, paths in places.items()]
    anywhere = [ScanPattern(rule=rule) for rule in places]
    proposed = [Rule(topic="scan", breadth="exact", patterns=tuple(exact)).named()]
    folders = {rule: _folders(paths) for rule, paths in places.items()}
    if all(folders.values()):
        below = tuple(ScanPattern(rule=rule, globs=globs) for rule, globs in folders.items())
        proposed.append(Rule(topic="scan", breadth="paths", patterns=below).named())
    return (*proposed, Rule(topic="scan", breadth="any", patterns=tuple(anywhere)).named())


def rules_allowing_packages(rules: Iterable[Rule], pins: Sequence[Pin], project: str) -> tuple[Rule, ...]:
    """The rules that together allow every package; empty when they do not."""
    asked = [rule for rule in rules if rule.topic == "dependency" and rule.holds_in(project)]
    found: dict[str, Rule] = {}
    for pin in pins:
        rule = next((rule for rule in asked if _allows_package(rule, pin)), None)
        if rule is None:
            return ()
        found[rule.rule_id] = rule
    return tuple(found.values())


def propose_for_packages(pins: Sequence[Pin]) -> tuple[Rule, ...]:
    """The rules that a person may make of packages: these versions, later ones like them, any."""
    if not pins:
        return ()
    made = patterns_for(pins)
    return tuple(Rule(topic="dependency", breadth=one, patterns=made[one]).named() for one in made)


def lies_in(path: str, globs: Iterable[str]) -> bool:
    """Whether a path of the project matches one of the globs; `build/**` covers `build` itself."""
    if not is_inside(path):
        return False
    plain = "/".join(part for part in path.split("/") if part not in ("", "."))
    try:
        return any(compiled(glob).fullmatch(plain) or compiled(glob).fullmatch(f"{plain}/") for glob in globs)
    except ToolError:
        return False


def _allows_program(rule: Rule, words: Sequence[str], moved: bool) -> bool:
    return any(isinstance(pattern, ProgramPattern) and pattern.allows(words, moved=moved) for pattern in rule.patterns)


def _allows_package(rule: Rule, pin: Pin) -> bool:
    return any(isinstance(pattern, PackagePattern) and pattern.allows(pin) for pattern in rule.patterns)


def _allows_finding(rule: Rule, finding: ScanFinding) -> bool:
    return any(isinstance(pattern, ScanPattern) and pattern.allows(finding) for pattern in rule.patterns)


def _pattern(words: Sequence[str], breadth: Breadth) -> ProgramPattern:
    """The program's pattern of this breadth, or the exact one where the breadth makes no sense for it."""
    program, rest = words[0], tuple(words[1:])
    exact = ProgramPattern(breadth="exact", program=program, words=rest)
    if breadth == "any":
        return ProgramPattern(breadth="any", program=program)
    if breadth == "like":
        chosen = subcommand_of(program, rest)
        if chosen is None:
            return exact
        options, others = split_arguments(rest[len(chosen) :])
        kinds = tuple(dict.fromkeys(kind_of(word) for word in others))
        return ProgramPattern(breadth="like", program=program, subcommand=chosen, options=options, kinds=kinds)
    if breadth == "paths" and program in FIXED:
        options, others = split_arguments(rest)
        fixed, paths = others[: FIXED[program]], others[FIXED[program] :]
        if paths and all(is_inside(path) and folder_of(path) for path in paths):
            globs = tuple(dict.fromkeys(folder_of(path) for path in paths))
            return ProgramPattern(breadth="paths", program=program, words=fixed, options=options, globs=globs)
    return exact


def _folders(paths: Iterable[str]) -> tuple[str, ...]:
    """Globs over the folders of the paths; empty when one lies in the top folder, or no glob says where it lies."""
    folders = dict.fromkeys(path.rpartition("/")[0] for path in paths)
    return () if any(not folder or set("*?") & set(folder) for folder in folders) else tuple(f"{f}/**" for f in folders)


def _quoted(word: str) -> str:
    return f"'{word}'" if not word or " " in word else word
