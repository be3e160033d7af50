"""What keeps a run in bounds, with a real engine: a phase that goes in circles, caps, unknown prices, the forecast."""

from pathlib import Path
from typing import Any

from config.config import Config
from engine import events as e
from engine.scripted.script import Script
from memory.records import NewEvent, Row
from tests.engine_fixtures import config, engine_config, folder, scripted_engine, task_of
from tests.tiny_script import CODE, SUBTASK, WRONG, tiny_script

__all__ = ["config", "folder"]

ANOTHER = {**SUBTASK, "title": "Doubling by addition", "description": "n + n, written anew"}


def turn(name: str, **arguments: Any) -> dict[str, Any]:
    return {"text": f"I call {name}.", "calls": [{"name": name, "arguments": arguments}]}


def session(role: str, *turns: dict[str, Any], **place: Any) -> dict[str, Any]:
    return {"role": role, "turns": list(turns), **place}


def circling_script() -> Script:
    """The coder changes nothing in its second iteration; once the phase is planned again it knows better."""
    extra = [
        session("coder", turn("submit_work", summary="it should work now"), visit=2),
        session("replanner", turn("submit_subtask", **{**ANOTHER, "id": "p2"}), turn("submit_subtask", **ANOTHER)),
        session(
            "coder",
            turn("create_file", path="double.py", content=CODE.replace("2 * n", "n + n"), overwrite=True),
            turn("submit_work", summary="by addition"),
            visit=3,
        ),
    ]
    return tiny_script(wrong_first=True, extra=extra)


async def test_a_phase_whose_files_come_back_is_planned_again_and_ends_green(config: Config, folder: Path) -> None:
    script = circling_script()
    async with scripted_engine(config, script) as (engine, _):
        run_id = await engine.start(task_of(script, folder))
        state = await engine.settled(run_id)
        assert state.outcome == "success", state.reason or state.paused
        told = [one.event for one in await engine.log(run_id)]
    (escalated,) = [event for event in told if isinstance(event, e.Escalated)]
    assert (escalated.step, escalated.number) == ("replan", 2)
    assert escalated.reason == "Iteration 2 left every file exactly as iteration 1 had left it."
    (replanned,) = [event for event in told if isinstance(event, e.PhaseReplanned)]
    assert replanned.subtask.title == ANOTHER["title"]
    refused = [event for event in told if isinstance(event, e.ToolFinished) and event.strike]
    assert refused[0].output == "The id of the subtask stays as it was: p1."
    opened = next(event for event in told if isinstance(event, e.SessionOpened) and event.role == "replanner")
    prompt = opened.messages[1].content
    assert escalated.reason in prompt
    assert "iteration 2: return 2 * n" in prompt
    assert "test_double" in prompt
    coder = [event for event in told if isinstance(event, e.SessionOpened) and event.role == "coder"][-1]
    assert "n + n, written anew" in coder.messages[1].content
    assert WRONG not in state.iterations[-1].diff.replace("-", "")


async def test_a_model_without_a_price_is_asked_about_once(
    database_url: str, sandbox_workspace: Path, folder: Path
) -> None:
    config = engine_config(
        database_url,
        sandbox_workspace / "home",
        **{"settings.sandbox.backend": "bubblewrap", "settings.cost_control.unknown_price": "ask"},
    )
    script = tiny_script()
    async with scripted_engine(config, script) as (engine, server):
        run_id = await engine.start(task_of(script, folder))
        paused = (await engine.settled(run_id)).paused
        assert paused is not None
        assert (paused.reason, server.requests) == ("price", [])
        assert "The price of" in paused.detail
        await engine.resume(run_id)
        state = await engine.settled(run_id)
        assert state.outcome == "success", state.reason or state.paused
        assert state.spend.unpriced_calls == state.spend.calls


async def test_tokens_are_capped_and_more_lets_the_run_end_green(config: Config, folder: Path) -> None:
    script = tiny_script()
    async with scripted_engine(config, script) as (engine, _):
        run_id = await engine.start(task_of(script, folder, max_tokens=20_000))
        state = await engine.settled(run_id)
        assert state.paused is not None, state.reason
        assert state.paused.reason == "budget"
        assert state.spend.tokens <= 20_000
        assert f"--tokens +{state.paused.needs_tokens}" in state.paused.hint
        await engine.resume(run_id, add_tokens=500_000)
        state = await engine.settled(run_id)
        assert state.outcome == "success", state.reason or state.paused


async def test_the_forecast_rests_on_runs_of_the_same_folder(config: Config, folder: Path) -> None:
    script = tiny_script()
    async with scripted_engine(config, script) as (engine, _):
        task = task_of(script, folder)
        assert await engine.forecast(task) is None
        rows = []
        for number in (1, 2, 3):
            run = {"task_id": f"t{number}", "workspace": task.workspace, "outcome": "success", "scripted": True}
            rows.append(Row("tasks", {"task_id": f"t{number}"}, {"language": "python", "project_type": "library"}))
            rows.append(Row("runs", {"run_id": f"past{number}"}, {**run, "iterations": number, "cost_usd": number}))
        await engine.memory.store.create_run("past1")
        await engine.memory.store.append("past1", [NewEvent("e", "noted", {})], rows, lease=None, after=0)
        found = await engine.forecast(task, phases=4)
        assert found is not None
        assert found.text == "3 runs like this in this folder: 1-3 iterations (median 2), $1.20-2.80 (median $2.00)"
