"""What models are told in real runs: within a small window, with older iterations summed up, or not at all."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from config.config import Config
from engine import events as e
from engine.engine import Engine
from engine.evolve import evolve
from engine.llm.tokens import estimated_tokens
from engine.scripted.script import Script
from engine.state import State
from tests.engine_fixtures import engine_config, folder, scripted_engine, task_of
from tests.tiny_script import tiny_script

__all__ = ["folder"]

pytestmark = pytest.mark.bubblewrap

SMALL = 8_192
"""Tokens; half of them are kept for the answer."""
WRONG_ITERATIONS = 6


def config_of(database_url: str, home: Path, **overrides: Any) -> Config:
    return engine_config(database_url, home, **{"settings.sandbox.backend": "bubblewrap"}, **overrides)


async def settled(engine: Engine, run_id: str) -> State:
    async with asyncio.timeout(120):
        return await engine.settled(run_id)


async def log_of(engine: Engine, state: State) -> list[e.Recorded]:
    """The run's whole log."""
    log: list[e.Recorded] = []
    async with asyncio.timeout(30):
        async for item in engine.watch(state.run_id, 0):
            if isinstance(item, e.Recorded):
                log.append(item)
                if item.seq >= state.seq:
                    return log
    raise AssertionError("the feed ended")


def stubborn_script() -> Script:
    """A coder that is wrong in another way each time, and right in the end."""

    def coder(visit: int, old: str, new: str) -> dict[str, Any]:
        edit = {"name": "edit_file", "arguments": {"path": "double.py", "old": old, "new": new}}
        hand_in = {"name": "submit_work", "arguments": {"summary": f"tried {new}"}}
        return {"role": "coder", "visit": visit, "turns": [{"calls": [edit]}, {"calls": [hand_in]}]}

    tries = ["n + 2", *(f"n + {3 + number}" for number in range(1, WRONG_ITERATIONS)), "2 * n"]
    extra = [coder(visit + 1, tries[visit - 1], tries[visit]) for visit in range(1, len(tries))]
    return tiny_script(wrong_first=True, extra=extra)


async def test_a_long_run_goes_through_a_small_window_with_its_older_iterations_summed_up(
    database_url: str, sandbox_workspace: Path, folder: Path
) -> None:
    config = config_of(database_url, sandbox_workspace / "home", **{"openai.context.max_tokens": SMALL})
    script = stubborn_script()
    async with scripted_engine(config, script) as (engine, server):
        run_id = await engine.start(task_of(script, folder))
        state = await settled(engine, run_id)
        log = await log_of(engine, state)
    assert state.outcome == "success", state.reason or state.paused
    assert len(state.iterations) == WRONG_ITERATIONS + 1

    summaries = [one.event for one in log if isinstance(one.event, e.IterationsSummarised)]
    assert [summary.through for summary in summaries] == [1, 2, 3]
    assert summaries[-1] == state.summary
    told = summaries[-1].text
    assert "- p1, iteration 1: failed at tests/test_double.py::test_double" in told
    assert "Cause found: adds instead of doubling." in told

    began = [one.event for one in log if isinstance(one.event, e.CallStarted)]
    assert all(0 < call.prompt_tokens <= call.window_tokens == SMALL for call in began)
    asked = [request.json() for request in server.requests if request.path.endswith("/chat/completions")]
    assert len(asked) == len(began)
    for call, body in zip(began, asked, strict=True):
        sent = sum(estimated_tokens(message.get("content") or "") for message in body["messages"])
        assert sent <= call.budget_tokens

    opened = [one.event for one in log if isinstance(one.event, e.SessionOpened)]
    last = next(one for one in reversed(opened) if one.role == "reflector")
    assert summaries[0].text in last.messages[1].content
    assert "- iteration 2 (p1): 0 passed, 1 failed." in last.messages[1].content
    assert "- iteration 1 (p1)" not in last.messages[1].content
    for session in opened:
        names = [size.name for size in session.sections]
        assert names[0] == "rules"
        assert not any(size.cut for size in session.sections if size.name in ("rules", "spec", "subtask"))

    again = State()
    for one in log:
        again = evolve(again, one)
    assert again == state


async def test_what_may_not_be_cut_and_fits_no_model_pauses_the_run_until_one_reads_more(
    database_url: str, sandbox_workspace: Path, folder: Path
) -> None:
    home = sandbox_workspace / "home"
    script = tiny_script()
    goal = script.goal + "\nNever forget this. " * 1_000
    small = config_of(database_url, home, **{"openai.context.windows": {"scripted": SMALL}})
    async with scripted_engine(small, script) as (engine, server):
        run_id = await engine.start(task_of(script, folder, goal=goal))
        state = await settled(engine, run_id)
        assert state.paused is not None
        assert state.paused.reason == "model"
        assert "the rules, the goal, the spec, the plan and your messages are never cut" in state.paused.detail
        assert "context.windows in openai.yaml" in state.paused.hint
        assert not [request for request in server.requests if request.path.endswith("/chat/completions")]
        assert state.spend.calls == 0

    async with scripted_engine(config_of(database_url, home), script) as (engine, server):
        await engine.resume(run_id)
        engine.drive(run_id)
        state = await settled(engine, run_id)
        assert state.outcome == "success", state.paused
        bodies = [request.json() for request in server.requests if request.path.endswith("/chat/completions")]
        openings = [body["messages"][1]["content"] for body in bodies]
        assert all(goal.strip() in opening for opening in openings)
