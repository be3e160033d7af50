"""A person's own commands around a phase: when they are due, how they run, what they can see."""

import asyncio
import os
import time
from pathlib import Path
from random import Random

import pytest
from pydantic import ValidationError

from config.settings import Hook, Settings
from engine import commands as c
from engine.decide_hooks import hooks_due
from engine.frozen import replace
from engine.hook_events import HookFinished, HooksPassed, HookStarted
from engine.hooks import KEPT, hook_environment, run_hook
from engine.phase_state import HookTurn, Phase
from engine.task import Subtask
from tests.unit.simulated_run import SimulatedRun, task

HERE = {"PATH": os.environ["PATH"]}


def simulated(seed: int, **changes: object) -> SimulatedRun:
    """A run of which everything was drawn, to its end or to many steps."""
    given = task(max_iterations=2 + seed % 7, budget_usd=50.0, approve="all", **changes)
    run = SimulatedRun(given, Random(seed).randrange)
    for _ in range(150):
        if run.state.outcome:
            break
        run.step()
    return run


async def test_a_hook_runs_in_the_folder_and_its_output_is_kept(tmp_path: Path) -> None:
    done = await run_hook("pwd; echo $MIRACLE_PHASE >&2; cat", tmp_path, HERE | {"MIRACLE_PHASE": "p1"}, 10)
    assert (done.end, done.exit_code) == ("ok", 0)
    assert done.output == f"{tmp_path}\np1\n"


async def test_a_hook_that_fails_and_one_that_cannot_start(tmp_path: Path) -> None:
    failed = await run_hook("echo no; exit 3", tmp_path, HERE, 10)
    assert (failed.end, failed.exit_code, failed.output) == ("failed", 3, "no\n")
    gone = await run_hook("true", tmp_path / "gone", HERE, 10)
    assert gone.end == "not_started"
    assert gone.output


async def test_the_time_limit_ends_a_hook_and_all_that_it_started(tmp_path: Path) -> None:
    began = time.monotonic()
    line = "trap '' TERM; (trap '' TERM; sleep 30) & echo $! > child; echo begun; sleep 30"
    done = await run_hook(line, tmp_path, HERE, 0.3)
    assert done.end == "timeout"
    assert done.output == "begun\n"
    assert time.monotonic() - began < 5
    await _gone(int((tmp_path / "child").read_text()))


async def test_a_hook_that_is_cancelled_leaves_nothing(tmp_path: Path) -> None:
    hook = asyncio.create_task(run_hook("echo $$ > pid; sleep 30", tmp_path, HERE, 60))
    for _ in range(500):
        if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text():
            break
        await asyncio.sleep(0.01)
    hook.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hook
    await _gone(int((tmp_path / "pid").read_text()))


async def _gone(pid: int) -> None:
    for _ in range(200):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return
        except FileNotFoundError:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"process {pid} is still there")


async def test_what_a_hook_leaves_in_the_background_does_not_hold_up_the_run(tmp_path: Path) -> None:
    began = time.monotonic()
    done = await run_hook("sleep 3 & echo done", tmp_path, HERE, 10)
    assert (done.end, done.output) == ("ok", "done\n")
    assert time.monotonic() - began < 2.5


async def test_much_output_is_cut_in_the_middle(tmp_path: Path) -> None:
    done = await run_hook("echo first; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo last", tmp_path, HERE, 20)
    assert done.output.startswith("first\n")
    assert done.output.endswith("last\n")
    assert "bytes left out" in done.output
    assert len(done.output) < 3 * KEPT


def test_a_hook_sees_no_secret() -> None:
    key = "sk-" + "Z9" * 20
    environ = {
        "HOME": "/home/ann", "OPENAI_API_KEY": "x", "GITHUB_TOKEN": "y", "MIRACLE_SETTINGS__X": "1",
        "NOTE": f"it is {key}", "SITE": "pass-the-phrase",
    }  # fmt: skip
    seen = hook_environment(environ, ["pass-the-phrase"], {"MIRACLE_RUN": "r-1"})
    assert seen == {"HOME": "/home/ann", "MIRACLE_RUN": "r-1"}


def test_hooks_are_due_once_at_each_end_of_a_phase() -> None:
    outcomes = set()
    for seed in range(40):
        run = simulated(seed, hooks=("before_phase", "after_phase"))
        asked = [one for one in run.asked if isinstance(one, c.RunHooks)]
        assert len(asked) == len(set(asked)), "none is asked for twice"
        for phase in {one.phase_id for one in asked}:
            mine = [one for one in asked if one.phase_id == phase]
            assert (mine[0].moment, mine[0].number, mine[0].outcome) == ("before_phase", 0, "")
            assert all(one.moment == "after_phase" and one.number and one.outcome for one in mine[1:])
        outcomes |= {one.outcome for one in asked}
    assert outcomes == {"", "green", "failed"}


def test_without_hooks_none_is_due() -> None:
    assert not any(isinstance(one, c.RunHooks) for seed in range(5) for one in simulated(seed).asked)


def test_the_fold_knows_where_the_hooks_are() -> None:
    run = SimulatedRun(task(hooks=("before_phase",)), lambda n: 0)
    run.state = replace(run.state, phases=(Phase(subtask=Subtask(id="p1", title="One", description=""), tier=1),))
    place = {"phase_id": "p1", "moment": "before_phase", "number": 0}

    def turn() -> HookTurn | None:
        return run.state.phases[0].hooks

    run.append(HookStarted(**place, index=0, command="x"))
    assert turn() == HookTurn("before_phase", 0, begun=0)
    run.append(HookFinished(**place, index=0, command="x", end="failed", settled=False))
    assert turn() == HookTurn("before_phase", 0)
    run.append(HookStarted(**place, index=0, command="x"))
    run.append(HookFinished(**place, index=0, command="x", end="ok", settled=True))
    assert turn() == HookTurn("before_phase", 0, done=1)
    assert hooks_due(run.state, run.state.phases[0], "before_phase", 0)
    run.append(HooksPassed(**place))
    assert turn() == HookTurn("before_phase", 0, done=1, passed=True)
    assert not hooks_due(run.state, run.state.phases[0], "before_phase", 0)
    run.append(HookStarted(**place | {"moment": "after_phase", "number": 2}, index=0, command="x"))
    assert turn() == HookTurn("after_phase", 2, begun=0)


def test_the_settings_of_a_hook() -> None:
    settings = Settings.model_validate({"hooks": {"after_phase": [{"command": "make deploy-docs", "timeout_s": 5}]}})
    assert settings.hooks.after_phase == (Hook(command="make deploy-docs", timeout_s=5),)
    assert settings.hooks.moments == ("after_phase",)
    for wrong in ({"command": ""}, {"command": "x", "timeout_s": 0}, {"command": "x", "on_failure": "stop"}):
        with pytest.raises(ValidationError):
            Hook.model_validate(wrong)
