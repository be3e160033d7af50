"""Figures over many runs, counted by PostgreSQL in rows that the engine's projection made, against hand counts."""

import asyncio
import json
import random
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from engine import events as e
from engine.evolve import evolve
from engine.frozen import replace
from engine.llm.protocol import Answer, Message, Usage
from engine.projection import project
from engine.state import State
from engine.task import Language, Plan, ProjectFacts, Spec, Subtask, Task
from memory.database import Database
from memory.metric_figures import MetricFilters, Metrics, Share, Spread
from memory.metric_figures import Usage as Used
from memory.metrics import read_metrics
from memory.records import NewEvent, Row
from memory.store import EventStore
from sandbox.report import CaseResult, TestReport
from tests.cli_fixtures import aside
from tests.database_fixtures import TEMPLATE, postgres_server, url_of  # noqa: F401
from tests.unit.exposition import parse_exposition
from tests.unit.simulated_run import SimulatedRun, task

DAY = datetime(2026, 3, 1, 23, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SINCE = datetime(2026, 2, 1, tzinfo=UTC)
"""Between the simulated run and those that are counted by hand."""


class Told:
    """Rows of runs whose events a test tells; a minute passes with each."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def run(self, run_id: str, began: datetime, given: Task, *events: e.Event) -> State:
        """Project a run's events one by one, as an executor appends them."""
        state = State(run_id=run_id)
        for seq, event in enumerate((e.RunStarted(task_id=f"t-{run_id}", task=given), *events), 1):
            at = began + (seq - 1) * MINUTE
            self.rows += project(state, [event], at)
            state = evolve(state, e.Recorded(run_id=run_id, seq=seq, at=at, event=event))
        return state

    async def store(self, database: Database) -> None:
        """Write the rows."""
        store = EventStore(database)
        await store.create_run("told")
        await store.append("told", [NewEvent("told", "noted", {})], self.rows, lease=None, after=0)


def planned(language: Language = "python") -> list[e.Event]:
    facts = ProjectFacts()
    plan = Plan(subtasks=(Subtask(id="p1", title="one", description=""),))
    return [
        e.WorkspacePrepared(worktree="w", repository="g", branch="b", base_commit="0", facts=facts),
        e.SpecSubmitted(session_id="s", spec=Spec(title="t", summary="s", language=language)),
        e.PlanSubmitted(session_id="s", plan=plan),
    ]


def called(role: str, model: str, tokens: int, usd: float | None, number: int = 0) -> list[e.Event]:
    """A conversation of one paid call."""
    session = f"{role}{number}{tokens}"
    told = (Message(role="system", content=role),)
    answer = Answer(model=model, usage=Usage(input_tokens=tokens - 1, output_tokens=1), cost_usd=usd)
    return [
        e.SessionOpened(session_id=session, role=role, phase_id="p1", iteration=number, messages=told),
        e.CallStarted(session_id=session, call_id=session, model=model),
        e.AnswerReceived(session_id=session, call_id=session, answer=answer),
    ]


def judged(number: int, passed: int, failed: int) -> list[e.Event]:
    """An iteration and its tests."""
    outcomes = ["passed"] * passed + ["failed"] * failed
    cases = tuple(
        CaseResult.model_validate({"id": f"t::{place}", "outcome": name}) for place, name in enumerate(outcomes)
    )
    reason = "failed" if failed else "ok"
    report = {"reason": reason, "exit_code": int(failed > 0), "backend": "sim", "cases": cases, "collected": len(cases)}
    return [
        e.IterationStarted(phase_id="p1", number=number),
        e.TestsFinished(phase_id="p1", number=number, report=TestReport.model_validate(report)),
    ]


def asked(approval_id: str, topic: str, decision: str, rule_id: str = "") -> list[e.Event]:
    request = {"approval_id": approval_id, "topic": topic, "subject": "x", "title": "x?"}
    answer = {"approval_id": approval_id, "decision": decision, "rule_id": rule_id}
    answered = [e.ApprovalAnswered.model_validate(answer)] if decision else []
    return [e.ApprovalRequested.model_validate(request), *answered]


def remembered(run_id: str, iteration: int, kind: str, helped: bool | None, used: bool | None) -> list[Row]:
    """A failure and, unless `used` is None, two memories that its reflector was shown."""
    failure = {"run_id": run_id, "iteration": iteration, "error_type": kind, "helped": helped, "at": DAY}
    rows = [Row("failures", {"failure_id": f"{run_id}.{iteration}"}, failure)]
    for memory_id in ("m1", "m2") if used is not None else ():
        key = {"run_id": run_id, "iteration": iteration, "role": "reflector", "memory_id": memory_id}
        rows.append(Row("recalls", key, {"used": bool(used) and memory_id == "m2", "at": DAY}))
    return rows


def hand_made() -> Told:
    """Three real runs that ended, one under way, one cancelled, one of a scripted model."""
    story = Told()
    won, lost = e.RunFinished(outcome="success"), e.RunFinished(outcome="failed")
    here, node = task(workspace="/here"), task(workspace="/there", language="node")
    story.run("a", DAY, here, *called("planner", "big", 100, 0.5), *planned(), *judged(1, 1, 3),
              *called("coder", "big", 1000, 0.25, 1), *asked("a.1", "plan", "once"), *judged(2, 4, 0), won)  # fmt: skip
    story.run("b", DAY + 30 * MINUTE, here, *planned(), *judged(1, 2, 2), *called("coder", "own", 50, None, 1),
              *judged(2, 3, 1), *judged(3, 4, 0), *asked("b.1", "command", "run", "rule9"), won)  # fmt: skip
    refused = asked("c.1", "command", "deny")
    story.run("c", DAY + timedelta(days=1), node, *planned("node"), *judged(1, 0, 1), *refused, lost)
    story.run("d", DAY + timedelta(days=2), here, *planned(), *asked("d.1", "plan", ""))
    story.run("e", DAY + timedelta(days=2), here, e.RunCancelled())
    story.run("s", DAY, task(workspace="/here", scripted=True), *called("coder", "sim", 7, 0.0), *planned(), won)
    story.rows += remembered("a", 1, "AssertionError", True, True)
    story.rows += remembered("b", 1, "AssertionError", False, False)
    story.rows += remembered("b", 2, "KeyError", True, None)
    story.rows += remembered("c", 1, "", None, True)
    began = SINCE - timedelta(days=10)
    fork = {"workspace": "/fork", "outcome": "success", "started_at": began, "finished_at": began + MINUTE}
    story.rows.append(Row("runs", {"run_id": "f"}, fork))
    for number, at in ((1, began - MINUTE), (2, began + MINUTE)):
        copied = {"outcome": "green", "passed": 1, "started_at": at}
        story.rows.append(Row("iterations", {"run_id": "f", "number": number}, copied))
    odd = {"role": "coder", "model": "odd", "cost_usd": float("nan")}
    key = {"run_id": "f", "metric_type": "tokens", "at": began}
    story.rows.append(Row("metrics", key, {"value": 7.0, "metadata": odd}))
    return story


def simulated() -> SimulatedRun:
    """A run of 2026-01-01 that chance led to its end."""
    run = SimulatedRun(task(), random.Random(5).randrange)
    for _ in range(2000):
        if run.state.outcome is not None:
            break
        run.step()
    return run


@pytest.fixture(scope="module")
def filled(postgres_server: str) -> Iterator[str]:  # noqa: F811
    """A database with the hand-made runs and the simulated one."""

    async def fill(url: str) -> None:
        story, run, state = hand_made(), simulated(), State()
        for one in run.log:
            story.rows += project(replace(state, run_id="r"), [one.event], one.at)
            state = evolve(state, one)
        opened = await Database.open_url(url)
        await story.store(opened)
        await opened.close()

    name = "metrics_" + uuid.uuid4().hex
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"create database {name} template {TEMPLATE} strategy file_copy".encode())
        url = make_conninfo(postgres_server, dbname=name)
        asyncio.run(fill(url))
        yield url
        connection.execute(f"drop database {name} with (force)".encode())


@pytest.fixture
async def told(filled: str) -> AsyncIterator[Database]:
    opened = await Database.open_url(filled)
    yield opened
    await opened.close()


async def test_every_figure_is_what_a_person_counts(told: Database) -> None:
    found = await read_metrics(told, MetricFilters(since=SINCE))
    assert found.outcomes == {"success": 2, "failed": 1, "cancelled": 1, "open": 1}
    assert (found.success, found.runs, found.others) == (Share(2, 3), 5, 1)
    assert found.iterations_to_success == Spread(2, 5, 2.5, 2.9)
    assert found.time_to_green_s.n == 2
    assert [(one.day, one.success) for one in found.days] == [
        (date(2026, 3, 1), Share(2, 2)),
        (date(2026, 3, 2), Share(0, 1)),
    ]
    assert [(one.place, one.n, one.pass_rate, one.green) for one in found.steps] == [
        (1, 3, 0.25, 0),
        (2, 2, 0.875, 1),
        (3, 1, 1.0, 1),
    ]
    assert found.usage == (
        Used("coder", "big", None, 1, 1000, 0.25, 0),
        Used("coder", "own", None, 1, 50, 0.0, 1),
        Used("planner", "big", None, 1, 100, 0.5, 0),
    )
    assert [(name, one.tokens, one.calls) for name, one in found.used_by("agent")] == [
        ("coder", 1050, 2),
        ("planner", 100, 1),
    ]
    assert [(name, one.tokens) for name, one in found.used_by("model")] == [("big", 1100), ("own", 50)]
    assert [(name, one.cost_usd) for name, one in found.used_by("day")] == [("2026-03-01", 0.75)]
    assert found.errors == (("AssertionError", 2), ("KeyError", 1), ("unknown", 1))


async def test_what_memory_and_people_did_is_counted(told: Database) -> None:
    found = await read_metrics(told, MetricFilters(since=SINCE))
    assert found.memory.recalled == Share(3, 4)
    assert found.memory.used == Share(2, 3)
    assert (found.memory.improved_with, found.memory.improved_without) == (Share(1, 1), Share(1, 2))
    topics = [(one.topic, one.asked, one.answered, one.denied, one.by_rule) for one in found.topics]
    assert topics == [("command", 2, 2, 1, 1), ("plan", 2, 1, 0, 0)]
    assert found.answered == Share(3, 4)
    assert found.approval_wait_s == Spread(2, 120.0, 60.0, 60.0)


async def test_filters_choose_runs_and_never_mix_scripted_with_real_ones(told: Database) -> None:
    async def runs(**filters: object) -> dict[str, int]:
        return (await read_metrics(told, MetricFilters(**filters))).outcomes  # type: ignore[arg-type]

    assert await runs(language="node") == {"failed": 1}
    assert await runs(project="/here", until=DAY + timedelta(days=1)) == {"success": 2}
    assert await runs(since=DAY + timedelta(days=1)) == {"failed": 1, "open": 1, "cancelled": 1}
    assert await runs(since=DAY + MINUTE, until=DAY + timedelta(days=1)) == {"success": 1}
    scripted = await read_metrics(told, MetricFilters(since=SINCE, scripted=True))
    assert (scripted.outcomes, scripted.others, scripted.spent.tokens) == ({"success": 1}, 7, 7)
    empty = await read_metrics(told, MetricFilters(project="/nowhere'; --"))
    assert empty == Metrics(filters=empty.filters, others=1)
    assert empty.success.rate is None


async def test_the_figures_of_a_run_agree_with_the_fold_of_its_log(told: Database) -> None:
    state = simulated().state
    found = await read_metrics(told, MetricFilters(until=SINCE, project="somewhere"))
    assert found.outcomes == {state.outcome or "open": 1}
    assert (found.spent.calls, found.spent.tokens) == (state.spend.calls, state.spend.tokens)
    assert found.spent.cost_usd == pytest.approx(state.spend.usd)
    assert len(found.steps) == len(state.iterations)
    assert sum(one.asked for one in found.topics) == len(state.approvals) > 2
    assert found.answered.hits == sum(one.answer is not None for one in state.approvals)


async def test_the_command_tells_the_same_in_three_ways(filled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", url_of(filled))
    since = ("metrics", "--since", "2026-02-01T00:00+00:00")
    text = await aside(*since)
    assert (text.code, text.err) == (0, "")
    assert "5 real runs, 2 green, 1 failed, 1 cancelled, 1 not over" in text.out
    assert "67% of 3 (21% to 94%)" in text.out
    record = json.loads((await aside(*since, "--json", "--project", "/there")).out)
    assert (record["outcomes"]["failed"], record["filters"]["project"]) == (1, "/there")
    scraped = parse_exposition((await aside(*since, "--prometheus")).out)
    labels = frozenset({"runs": "real", "agent": "coder", "model": "big"}.items())
    assert scraped["miracle_tokens_total", labels] == 1000
    nothing = await aside("metrics", "--scripted", "--language", "node")
    assert "miracle metrics --real" in nothing.out


async def test_what_a_fork_has_from_its_source_is_not_counted_again(told: Database) -> None:
    found = await read_metrics(told, MetricFilters(project="/fork"))
    assert found.iterations_to_success == Spread(1, 1, 1.0, 1.0)
    assert [(one.place, one.n, one.green) for one in found.steps] == [(1, 1, 1)]
    assert found.time_to_green_s == Spread(1, 60.0, 60.0, 60.0)
    [(name, odd)] = found.used_by("model")
    assert (name, odd.tokens, odd.cost_usd, odd.unpriced_calls) == ("odd", 7, 0.0, 1), "NaN is no cost"
