"""Phases of one tier side by side: each in a worktree of its own, merged at the tier's end; real engine and sandbox."""

import asyncio
from pathlib import Path

import pytest

from config.config import Config
from engine import events as e
from engine.engine import Engine
from engine.state import State, Status
from tests.engine_fixtures import config, folder, scripted_engine, task_of
from tests.pair_script import pair_script

__all__ = ["config", "folder"]

pytestmark = pytest.mark.bubblewrap


async def finished(engine: Engine, run_id: str) -> State:
    async with asyncio.timeout(90):
        return await engine.settled(run_id)


def places(log: list[e.Recorded], kind: str, phase_id: str) -> list[int]:
    """Where events of a kind and phase stand in the log."""
    return [one.seq for one in log if one.event.kind == kind and getattr(one.event, "phase_id", "") == phase_id]


async def test_phases_of_a_tier_work_side_by_side_and_come_together(config: Config, folder: Path) -> None:
    script = pair_script(third=True)
    async with scripted_engine(config, script) as (engine, _):
        run_id = await engine.start(task_of(script, folder, parallel_phases=2))
        state = await finished(engine, run_id)
        log = await engine.log(run_id)
    assert state.status is Status.SUCCESS, state.reason
    for first, second in (("one", "two"), ("two", "one")):
        begins, ends = places(log, "iteration_started", first)[0], places(log, "phase_finished", second)[0]
        assert begins < ends, "both were under way at the same time"
    (merged,) = [one.event for one in log if isinstance(one.event, e.TierMerged)]
    assert (merged.merged, merged.conflicts) == (("one", "two"), ())
    assert state.receipt is not None
    assert {test.split("::")[0] for test in state.receipt.tests} == {
        f"tests/test_{n}.py" for n in ("one", "two", "sum")
    }
    worktrees = sorted(path.name for path in config.paths.worktrees.iterdir())
    assert worktrees == [run_id], "the phases' worktrees are gone"


async def test_a_phase_does_not_see_what_the_one_beside_it_writes(config: Config, folder: Path) -> None:
    script = pair_script()
    async with scripted_engine(config, script) as (engine, _):
        run_id = await engine.start(task_of(script, folder, parallel_phases=2))
        assert (await finished(engine, run_id)).status is Status.SUCCESS
        log = await engine.log(run_id)
    for one in log:
        if isinstance(one.event, e.SessionOpened) and one.event.phase_id == "one":
            assert "two.py" not in one.event.messages[1].content
    checkpoints = [one.event for one in log if isinstance(one.event, e.Checkpointed)]
    for event in checkpoints:
        other = {"one": "two", "two": "one"}[event.phase_id]
        assert all(other not in change.path for change in event.files)


async def test_a_phase_that_is_in_the_way_of_another_is_done_again_on_top_of_it(config: Config, folder: Path) -> None:
    script = pair_script(clash=True)
    async with scripted_engine(config, script) as (engine, _):
        run_id = await engine.start(task_of(script, folder, parallel_phases=2))
        state = await finished(engine, run_id)
        log = await engine.log(run_id)
    assert state.status is Status.SUCCESS, state.reason
    (merged,) = [one.event for one in log if isinstance(one.event, e.TierMerged)]
    assert merged.merged == ("one",)
    assert [(conflict.phase_id, conflict.paths) for conflict in merged.conflicts] == [("two", ("NOTES.md",))]
    again = state.iterations_of("two")[-1]
    assert "NOTES.md" in again.hypothesis
    assert (config.paths.worktrees / run_id / "NOTES.md").read_text() == "Written by phase one.\n"


async def test_one_phase_waits_for_a_person_and_the_other_goes_on(config: Config, folder: Path) -> None:
    asking = {
        "role": "coder",
        "phase": "one",
        "visit": 1,
        "turns": [
            {"calls": [{"name": "run_command", "arguments": {"command": "pip install numpy"}}]},
            {
                "calls": [
                    {"name": "create_file", "arguments": {"path": "one.py", "content": "def one():\n    return 1\n"}}
                ]
            },
            {"calls": [{"name": "submit_work", "arguments": {"summary": "one"}}]},
        ],
    }
    script = pair_script(extra=(asking,))
    async with scripted_engine(config, script) as (engine, _):
        run_id = await engine.start(task_of(script, folder, approve="safe", questions=False, parallel_phases=2))
        state = await finished(engine, run_id)
        (waiting,) = state.pending_approvals
        assert waiting.request.phase_id == "one"
        assert state.phase_by("two").state == "green", "the phase beside it went on meanwhile"  # type: ignore[union-attr]
        assert state.status is Status.WAITING
        await engine.answer(run_id, waiting.request.approval_id, "deny", reason="No need.")
        assert (await finished(engine, run_id)).status is Status.SUCCESS


async def test_one_place_is_enough_for_phases_that_could_work_at_once(config: Config, folder: Path) -> None:
    script = pair_script()
    async with scripted_engine(config, script) as (engine, _):
        run_id = await engine.start(task_of(script, folder, parallel_phases=1))
        state = await finished(engine, run_id)
        log = await engine.log(run_id)
    assert state.status is Status.SUCCESS
    assert places(log, "phase_finished", "one")[0] < places(log, "iteration_started", "two")[0]
