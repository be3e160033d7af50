"""Forks of a real run at points of its life, and two runs side by side: real engine, sandbox, database, worktrees."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from config.config import Config
from engine import events as e
from engine.decide import decide
from engine.engine import Engine
from engine.errors import CommandRefused
from engine.evolve import evolve
from engine.moments import Folds, moments, seq_of_iteration, snapshot
from engine.state import State
from memory.errors import RunUnknown
from memory.records import NewEvent
from tests.engine_fixtures import config, folder, scripted_engine, task_of
from tests.tiny_script import CODE, WRONG, tiny_script

__all__ = ["config", "folder"]

pytestmark = pytest.mark.bubblewrap
SCRIPT = tiny_script(wrong_first=True)


@pytest.fixture
async def engine(config: Config) -> AsyncIterator[Engine]:
    async with scripted_engine(config, SCRIPT) as (opened, _):
        yield opened


async def settled(engine: Engine, run_id: str) -> State:
    async with asyncio.timeout(90):
        return await engine.settled(run_id)


async def green_run(engine: Engine, folder: Path) -> str:
    """A run that was red once and is green."""
    run_id = await engine.start(task_of(SCRIPT, folder))
    assert (await settled(engine, run_id)).outcome == "success"
    return run_id


def first(log: list[e.Recorded], kind: str, nth: int = 1) -> int:
    """The number of the nth event of a kind."""
    return [one.seq for one in log if one.event.kind == kind][nth - 1]


async def test_a_fork_from_anywhere_goes_green_in_a_worktree_of_its_own(engine: Engine, folder: Path) -> None:
    source = await green_run(engine, folder)
    log = await engine.log(source)
    coders_first_call = next(
        one.seq for one in log if isinstance(one.event, e.AnswerReceived) and one.seq > first(log, "iteration_started")
    )
    points = {
        "the beginning": 1,
        "within the coder's conversation": coders_first_call,
        "work submitted, not committed": first(log, "work_submitted"),
        "after the red tests": first(log, "tests_finished"),
        "after the end": log[-1].seq,
    }
    for where, at in points.items():
        fork = await engine.fork(source, at)
        state = await settled(engine, fork)
        assert state.outcome == "success", (where, state.paused, state.reason)
        assert state.forked is not None
        assert (state.forked.source_run_id, state.forked.source_seq) == (source, at)
        assert state.workspace is not None
        assert state.workspace.branch == f"autonomous/{fork}"
        assert (Path(state.workspace.worktree) / "double.py").read_text() == CODE, where
        copied = await engine.log(fork)
        assert [one.event for one in copied[:at]] == [one.event for one in log[:at]]
    assert (await engine.log(source))[: len(log)] == log, "nothing of the source changes"
    assert await engine.state(source) == await engine.state(source, log[-1].seq)
    listed = {run.run_id: run for run in await engine.runs()}
    assert len(listed) == 1 + len(points)
    assert all(run.iterations == 2 for run in listed.values() if run.status == "success")


async def test_an_edited_hypothesis_leads_the_fork_and_the_two_are_compared(engine: Engine, folder: Path) -> None:
    source = await green_run(engine, folder)
    log = await engine.log(source)
    at = seq_of_iteration(log, 2)
    assert at is not None
    fork = await engine.fork(source, at, hypothesis="Shift it left by one.", budget_usd=1.5, drive=False)
    made = await engine.state(fork)
    assert made.iteration is not None
    assert (made.iteration.hypothesis, made.budget_usd, made.spend.usd) == ("Shift it left by one.", 1.5, 0)
    for number in (1, 2):
        assert (await engine.entry("iteration", f"{fork}#{number}")).values["cost_usd"] == 0

    before = await engine.compare(source, fork)
    assert before.b.forked_from == source
    assert (before.a.report is not None and before.a.report.green, before.b.iterations) == (True, 2)
    assert [(test.id.rsplit("::", 1)[-1], test.where) for test in before.tests] == [("test_double", "only a")]
    assert "-    return 2 * n" in before.diff
    assert "+    return n + 2" in before.diff, before.note
    assert [file.path for file in before.files] == ["double.py"]

    engine.drive(fork)
    state = await settled(engine, fork)
    assert state.outcome == "success"
    prompts = [one.event for one in await engine.log(fork, at) if isinstance(one.event, e.SessionOpened)]
    assert "Shift it left by one." in prompts[0].messages[1].content
    after = await engine.compare(source, fork)
    assert (after.diff, after.note, [test.where for test in after.tests]) == ("", "", ["both"])


async def test_a_running_run_is_forked_while_it_works(config: Config, folder: Path) -> None:
    async with scripted_engine(config, SCRIPT, words_per_second=60) as (engine, _):
        source = await engine.start(task_of(SCRIPT, folder))
        async with asyncio.timeout(60):
            async for item in engine.watch(source):
                if isinstance(item, e.Recorded) and isinstance(item.event, e.Checkpointed):
                    break
        fork = await engine.fork(source)
        states = await asyncio.gather(settled(engine, source), settled(engine, fork))
        assert [state.outcome for state in states] == ["success", "success"]


async def test_what_was_so_at_a_moment_of_a_real_run(engine: Engine, folder: Path) -> None:
    log = await engine.log(await green_run(engine, folder))
    kinds = [moment.kind for moment in moments(log)]
    for kind in ("prompt", "answer", "tool", "checkpoint", "scan", "tests", "recall", "reflection", "plan", "proof"):
        assert kind in kinds
    red = snapshot(log, first(log, "tests_finished"))
    assert red.report is not None
    assert not red.report.green
    assert WRONG.splitlines()[-1] in red.diff
    assert red.reflection is None
    reflected = snapshot(log, first(log, "reflection_submitted"))
    assert reflected.reflection is not None
    assert reflected.reflection.hypothesis == "return 2 * n"
    assert reflected.prompt is not None
    assert reflected.prompt.role == "reflector"
    folds = Folds(log)
    for at in range(1, len(log) + 1):
        forked = e.Forked(source_run_id="r", source_seq=at, task_id="t")
        state = evolve(folds.state(at), e.Recorded(run_id="f", seq=at + 1, at=log[at - 1].at, event=forked))
        assert decide(state), "a fork always has something to do"
    costs = [folds.snapshot(moment.seq).tokens for moment in moments(log)]
    assert costs == sorted(costs)


async def test_what_cannot_be_forked_is_refused_and_leaves_nothing(engine: Engine, folder: Path) -> None:
    source = await green_run(engine, folder)
    end = (await engine.log(source))[-1].seq
    for at in (0, -3, end + 1):
        with pytest.raises(CommandRefused, match="has no event") as refused:
            await engine.fork(source, at)
        assert str(end) in refused.value.hint
    with pytest.raises(CommandRefused, match="no iteration yet"):
        await engine.fork(source, 1, hypothesis="otherwise")
    with pytest.raises(RunUnknown):
        await engine.fork("nowhere")
    with pytest.raises(RunUnknown):
        await engine.compare(source, "nowhere")
    assert [run.run_id for run in await engine.runs()] == [source]


async def test_a_long_run_is_forked_within_a_second(engine: Engine, folder: Path) -> None:
    source = await green_run(engine, folder)
    log = await engine.log(source)
    body = {"session_id": "gone", "tool_call_id": "t", "name": "read_file", "ok": True, "output": "line\n" * 2000}
    long = [NewEvent(event_id=str(uuid4()), kind="tool_finished", body=body) for _ in range(1000 - len(log))]
    await engine.memory.store.append(source, long, lease=None, after=len(log))
    began = time.process_time()
    fork = await engine.fork(source, drive=False)
    took = time.process_time() - began
    assert (await engine.state(fork)).seq == 1001
    assert took < 1.0
    print(f"\nfork of a run of 1,000 events (10 KB each): {took * 1000:.0f} ms of work")
