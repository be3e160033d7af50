"""Standing rules over the store: made, rehearsed, removed by a person; asked before a person is."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from config.rules import CommandRules
from engine.errors import CommandRefused
from engine.events import ApprovalAnswered, ApprovalRequested, Event
from engine.gates.dependencies import brings_odd
from engine.gates.package_rules import pins_of
from engine.gates.rehearsal import PastAction, Rehearsal, judge, rehearse
from engine.gates.rules import (
    Rule,
    propose_for_command,
    propose_for_findings,
    propose_for_packages,
    rules_allowing_command,
    rules_allowing_findings,
    rules_allowing_packages,
)
from engine.state import State
from memory.records import StoredRule
from sandbox.plain_commands import NotPlain
from sandbox.report import ScanFinding

if TYPE_CHECKING:
    from engine.run_context import RunContext
    from memory.rules import PastQuestion, RuleStore

RULED = ("command", "scan", "dependency")
"""Topics that a rule can answer: what is asked of a plan or about a goal is never the same question twice."""
_STAYS = "Allow it once, or for this run."


@dataclass
class StandingRules:
    """The rules of this person's database."""

    store: "RuleStore"
    safety: CommandRules

    async def rules(self) -> list[Rule]:
        """All rules, the oldest first; one that cannot be read allows nothing and is left out."""
        return [rule for stored in await self.store.rules() if (rule := _rule(stored)) is not None]

    async def add(self, rule: Rule, by: str) -> Rule:
        """Keep a rule; the same one twice is one.

        Returns:
            The rule with its id.
        """
        named = rule.named()
        body = named.model_dump(mode="json", include={"breadth", "patterns"})
        await self.store.add(StoredRule(named.rule_id, named.topic, named.project, body, by))
        return next((one for one in await self.rules() if one.rule_id == named.rule_id), named)

    async def remove(self, rule_id: str) -> None:
        """Take a rule back.

        Raises:
            CommandRefused: there is none of this id.
        """
        if not await self.store.remove(rule_id):
            raise CommandRefused(f"There is no rule {rule_id!r}", "`miracle rules` lists them.")

    async def rehearse(self, rules: Sequence[Rule]) -> tuple[Rehearsal, ...]:
        """What each of the rules would have allowed in past runs."""
        others = await self.rules()
        topics: dict[str, None] = dict.fromkeys(rule.topic for rule in rules)
        past = {topic: await self._actions(topic) for topic in topics}
        # In a thread: thousands of commands are parsed, and the app goes on drawing.
        return await asyncio.to_thread(_rehearse, rules, past, self.safety, others)

    async def answer(self, state: State, request: ApprovalRequested) -> ApprovalAnswered | None:
        """The answer that the rules give to a question; None leaves it to a person."""
        if request.topic not in RULED or state.task is None:
            return None
        rules = await self.rules()
        if request.topic == "command":
            found = rules_allowing_command(rules, request.subject, state.task.workspace, self.safety)
        elif request.topic == "dependency":
            pins = () if brings_odd(request) else pins_of(request.subject)
            found = rules_allowing_packages(rules, pins, state.task.workspace)
        else:
            found = rules_allowing_findings(rules, findings_of(state, request), state.task.workspace)
        if not found:
            return None
        return ApprovalAnswered(
            approval_id=request.approval_id,
            decision="once",
            reason=f"A rule allows it: {'; '.join(rule.describe() for rule in found)}"[:1000],
            by="rule",
            rule_id=",".join(rule.rule_id for rule in found),
        )

    async def _actions(self, topic: str) -> tuple[tuple[PastAction, ...], bool]:
        from memory.rules import NEWEST

        questions = await self.store.past_questions(topic)
        actions = [_asked(question) for question in questions]
        if topic == "scan":
            return tuple(action for action in actions if action.findings), len(questions) >= NEWEST
        if topic == "dependency":
            return tuple(action for action in actions if pins_of(action.subject)), len(questions) >= NEWEST
        calls = await self.store.past_calls()
        known = {(action.run_id, action.subject) for action in actions}
        for call in calls:
            command = _command_of(call.arguments)
            if command and (call.run_id, command) not in known:
                known.add((call.run_id, command))
                actions.append(PastAction(call.run_id, call.at, call.workspace, command))
        return tuple(actions), max(len(questions), len(calls)) >= NEWEST


async def with_answers(run: "RunContext", state: State, *events: Event) -> tuple[Event, ...]:
    """The events, each question that a standing rule answers followed by that answer.

    Args:
        run: its project and its safety rules.
        state: what the questions were decided on.
        events: what is about to be appended.
    """
    rules = StandingRules(run.memory.rules, run.config.rules.commands)
    answered: list[Event] = []
    for event in events:
        answered.append(event)
        if isinstance(event, ApprovalRequested) and (answer := await rules.answer(state, event)) is not None:
            answered.append(answer)
    return tuple(answered)


def propose_rules(state: State, approval_id: str) -> tuple[Rule, ...]:
    """The rules that a person may make of a question, the narrowest first, each for the run's project.

    Raises:
        CommandRefused: no rule can be made of it; the title says why.
    """
    request = next((a.request for a in state.approvals if a.request.approval_id == approval_id), None)
    if request is None:
        raise CommandRefused(f"There is no question {approval_id}", "`miracle approvals` lists what is open.")
    if request.topic not in RULED:
        refused = "Only a command, a scan and a package can be allowed for good"
        raise CommandRefused(refused, "Answer this question each time.")
    if request.topic == "scan":
        proposed = propose_for_findings(findings_of(state, request))
    elif request.topic == "dependency":
        proposed = propose_for_packages(pins_of(request.subject))
    else:
        try:
            proposed = propose_for_command(request.subject)
        except NotPlain as exc:
            raise CommandRefused(f"No rule can be made of this command, because {exc}", _STAYS) from exc
    if not proposed:
        raise CommandRefused("No rule can be made of this: what the scan found is not known any more", _STAYS)
    project = state.task.workspace if state.task else ""
    return tuple(rule.model_copy(update={"project": project}).named() for rule in proposed)


def findings_of(state: State, request: ApprovalRequested) -> tuple[ScanFinding, ...]:
    """The scan's findings that a question is about."""
    judged = state.iteration_numbered(request.number)
    scan = (judged.scan if judged else None) or ()
    asked = request.subject.split("\n")
    return tuple(
        finding for finding in scan if finding.verdict == "blocked" or (finding.rule in asked and _needs(finding))
    )


def _rehearse(
    rules: Sequence[Rule],
    past: Mapping[str, tuple[tuple[PastAction, ...], bool]],
    safety: CommandRules,
    others: Sequence[Rule],
) -> tuple[Rehearsal, ...]:
    judged = {topic: judge(actions, safety) for topic, (actions, _) in past.items()}
    return tuple(
        rehearse(rule, past[rule.topic][0], judged[rule.topic], others, partial=past[rule.topic][1]) for rule in rules
    )


def _needs(finding: ScanFinding) -> bool:
    return finding.verdict == "approval_required"


def _rule(stored: StoredRule) -> Rule | None:
    about = {
        "rule_id": stored.rule_id,
        "topic": stored.topic,
        "project": stored.project,
        "created_at": stored.created_at,
        "created_by": stored.created_by,
        "uses": stored.uses,
        "used_at": stored.used_at,
    }
    try:
        return Rule.model_validate({**stored.body, **about})
    except ValidationError:
        return None


def _asked(question: "PastQuestion") -> PastAction:
    try:
        findings = tuple(ScanFinding.model_validate(one) for one in question.findings or ())
    except ValidationError:
        findings = ()
    needed = tuple(one for one in findings if one.verdict == "blocked" or one.rule in question.subject.split("\n"))
    return PastAction(
        question.run_id,
        question.at,
        question.workspace,
        question.subject,
        needed,
        asked=True,
        decision=question.decision,
        by=question.by,
    )


def _command_of(arguments: str) -> str:
    """The command of a call; empty where the model wrote no usable call."""
    try:
        read = json.loads(arguments)
    except (ValueError, RecursionError):
        return ""
    command = read.get("command") if isinstance(read, dict) else None
    return command if isinstance(command, str) else ""
