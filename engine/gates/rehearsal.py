"""An approval rehearsal: what a rule would have allowed in past runs, before it is made. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from config.rules import CommandRules
from engine.gates.package_rules import pins_of
from engine.gates.rules import (
    Programs,
    Rule,
    programs_of,
    rules_allowing_findings,
    rules_allowing_packages,
    rules_allowing_programs,
)
from sandbox.commands import judge_command
from sandbox.report import ScanFinding


@dataclass(frozen=True)
class PastAction:
    """A command that an agent wanted to run, or a scan that wanted an approval."""

    run_id: str
    at: datetime
    project: str
    subject: str
    """The command, or the rules of the scan, one a line."""
    findings: tuple[ScanFinding, ...] = ()
    asked: bool = False
    decision: str = ""
    """How it was decided; empty while it waits, and where nobody was asked."""
    by: str = ""

    @property
    def decided(self) -> str:
        """How it was decided, in words."""
        if not self.asked:
            return "nobody was asked"
        if not self.decision:
            return "waits for an answer"
        words = {"once": "allowed once", "run": "allowed for its run", "always": "allowed for good", "deny": "denied"}
        return f"{words.get(self.decision, self.decision)} by {self.by}"


@dataclass(frozen=True)
class Rehearsal:
    """What a rule would have done."""

    rule: Rule
    allowed: tuple[PastAction, ...] = ()
    """The newest first."""
    asked_anyway: int = 0
    """Actions that need an approval and that the rule would not have allowed."""
    free: int = 0
    """Commands that need no approval."""
    blocked: int = 0
    """Commands and scans that stay blocked, whatever a rule says."""
    runs: int = 0
    """Runs with anything to look at."""
    partial: bool = False
    """Whether there was more than was looked at."""

    @property
    def denied(self) -> int:
        """How many of the allowed a person had denied."""
        return sum(action.decision == "deny" and action.by not in ("timeout", "policy") for action in self.allowed)


@dataclass(frozen=True)
class Judged:
    """What a command of the past is to today's safety rules, and its programs."""

    verdict: Literal["asked", "free", "blocked"]
    programs: Programs = ()


def judge(past: Iterable[PastAction], safety: CommandRules) -> dict[str, Judged]:
    """Each command of the past, parsed once for any number of rules.

    Args:
        past: scans among it are passed over.
        safety: today's safety rules, which a rule stands behind.
    """
    judged = {}
    commands = (action.subject for action in past if not action.findings and not pins_of(action.subject))
    for command in dict.fromkeys(commands):
        verdict = judge_command(command, safety).verdict
        if verdict == "approval_required":
            judged[command] = Judged("asked", programs_of(command))
        else:
            judged[command] = Judged("blocked" if verdict == "blocked" else "free")
    return judged


def rehearse(
    rule: Rule,
    past: Sequence[PastAction],
    judged: Mapping[str, Judged],
    others: Iterable[Rule] = (),
    *,
    partial: bool = False,
) -> Rehearsal:
    """What a rule would have allowed.

    Args:
        rule: the rule, made or not.
        past: what happened, in any order.
        judged: the commands of the past.
        others: the rules there are; a compound command may need several.
        partial: whether `past` is not all.
    """
    rules = [rule, *(other for other in others if other.rule_id != rule.rule_id)]
    here = [action for action in past if rule.holds_in(action.project)]
    allowed: list[PastAction] = []
    counts = {"asked": 0, "free": 0, "blocked": 0}
    for action in here:
        verdict = _verdict(action, judged)
        if verdict != "asked":
            counts[verdict] += 1
        elif rule in _allowing(rules, action, judged):
            allowed.append(action)
        else:
            counts["asked"] += 1
    return Rehearsal(
        rule=rule,
        allowed=tuple(sorted(allowed, key=lambda action: action.at, reverse=True)),
        asked_anyway=counts["asked"],
        free=counts["free"],
        blocked=counts["blocked"],
        runs=len({action.run_id for action in here}),
        partial=partial,
    )


def _verdict(action: PastAction, judged: Mapping[str, Judged]) -> str:
    if action.findings:
        return "blocked" if any(finding.verdict == "blocked" for finding in action.findings) else "asked"
    if pins_of(action.subject):
        return "asked"
    return judged[action.subject].verdict


def _allowing(rules: Sequence[Rule], action: PastAction, judged: Mapping[str, Judged]) -> tuple[Rule, ...]:
    if action.findings:
        return rules_allowing_findings(rules, action.findings, action.project)
    if pins := pins_of(action.subject):
        return rules_allowing_packages(rules, pins, action.project)
    return rules_allowing_programs(rules, judged[action.subject].programs, action.project)
