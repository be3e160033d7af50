"""A person's hooks in a real run: told what they run for; one that fails pauses, one cut off is not run twice."""

import asyncio
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from config.config import Config
from config.settings import Hook, Hooks
from engine.engine import Engine
from engine.events import to_body
from engine.hook_events import HookFinished, HookStarted
from engine.state import State, Status
from memory.records import NewEvent
from tests.engine_fixtures import engine_config, folder, scripted_engine, task_of
from tests.tiny_script import tiny_script

pytestmark = pytest.mark.bubblewrap
__all__ = ["folder"]
TOLD = "env | grep ^MIRACLE_ | sort | cut -d= -f1 | tr '\\n' ' '; test -d $MIRACLE_WORKTREE && ls $MIRACLE_WORKTREE"
BEFORE = (
    Hook(command=f"{TOLD}; echo $MIRACLE_OUTCOME >> before.txt"),
    Hook(command="echo x >> tries; echo key $OPENAI_API_KEY.; test -e ready"),
    Hook(command="exit 7", on_failure="ignore"),
)
AFTER = (Hook(command="echo $MIRACLE_PHASE $MIRACLE_ITERATION $MIRACLE_OUTCOME >> after.txt; ls $MIRACLE_WORKTREE"),)


@pytest.fixture
def config(database_url: str, sandbox_workspace: Path) -> Config:
    """With hooks of a person."""
    made = engine_config(database_url, sandbox_workspace / "home", **{"settings.sandbox.backend": "bubblewrap"})
    hooks = Hooks(before_phase=BEFORE, after_phase=AFTER)
    return replace(made, settings=made.settings.model_copy(update={"hooks": hooks}))


async def settled(engine: Engine, run_id: str) -> State:
    async with asyncio.timeout(60):
        return await engine.settled(run_id)


async def test_hooks_around_a_phase(config: Config, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-" + "Q7" * 20)
    script = tiny_script()
    async with scripted_engine(config, script) as (engine, _):
        run_id = await engine.start(task_of(script, folder, hooks=config.settings.hooks.moments))
        state = await settled(engine, run_id)
        assert state.paused is not None
        assert state.paused.reason == "hook"
        assert "failed with exit status 1: echo x >> tries" in state.paused.detail
        assert "resume" in state.paused.hint

        # What the log holds when Miracle is killed in the middle of a hook.
        cut = HookStarted(phase_id="p1", moment="before_phase", number=0, index=1, command=BEFORE[1].command)
        await engine.memory.store.append(
            run_id, [NewEvent(event_id=str(uuid4()), kind=cut.kind, body=to_body(cut))], lease=None, after=state.seq
        )
        await engine.resume(run_id)
        state = await settled(engine, run_id)
        assert state.paused is not None
        assert "was cut off" in state.paused.detail
        assert (folder / "tries").read_text() == "x\n", "it was not run a second time"

        await engine.resume(run_id)
        state = await settled(engine, run_id)
        log = [one.event for one in await engine.log(run_id)]
    assert state.status is Status.SUCCESS, state.reason
    ended = [(e.moment, e.index, e.end, e.settled) for e in log if isinstance(e, HookFinished)]
    assert ended == [
        ("before_phase", 0, "ok", True),
        ("before_phase", 1, "failed", False),
        ("before_phase", 1, "interrupted", True),
        ("before_phase", 2, "failed", True),
        ("after_phase", 0, "ok", True),
    ]
    outputs = [event.output for event in log if isinstance(event, HookFinished)]
    told = "MIRACLE_HOOK MIRACLE_ITERATION MIRACLE_OUTCOME MIRACLE_PHASE MIRACLE_RUN MIRACLE_WORKTREE"
    assert outputs[0].startswith(told)
    assert outputs[1] == "key .\n", "the environment holds no secret"
    assert "double.py" in outputs[-1], "the worktree holds what the phase made"
    assert (folder / "before.txt").read_text() == "\n"
    assert (folder / "after.txt").read_text() == "p1 1 green\n"
