"""What fails around a run: its folder, its disk, its database, its lease. It stops with a reason, and goes on after."""

import asyncio
import json
import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from config.config import Config
from engine import events as e
from engine.bus import Live, Notice
from engine.engine import Engine
from engine.scripted.faults import Fault, FaultKind
from engine.scripted.script import Script
from engine.state import State
from engine.task import MAX_GOAL_CHARACTERS, Plan, ProjectFacts, Spec, Subtask
from memory.errors import LeaseLost, MemoryStoreError
from memory.postmaster import Home, is_held, running_pid
from memory.records import NewEvent
from tests.engine_fixtures import config, engine_config, folder, scripted_engine, task_of
from tests.tiny_script import SUBTASK, TESTS, tiny_script

__all__ = ["config", "folder"]

pytestmark = pytest.mark.bubblewrap

BUBBLEWRAP = {"settings.sandbox.backend": "bubblewrap"}


async def recorded(engine: Engine, run_id: str, kind: str, after: int = 0) -> e.Recorded:
    """The first event of a kind."""
    async with asyncio.timeout(60):
        async for item in engine.watch(run_id, after):
            if isinstance(item, e.Recorded) and item.event.kind == kind:
                return item
    raise AssertionError("the feed ended")


async def settled(engine: Engine, run_id: str) -> State:
    async with asyncio.timeout(90):
        return await engine.settled(run_id)


async def test_a_worktree_that_vanished_pauses_the_run_and_a_resume_makes_it_again(
    config: Config, folder: Path
) -> None:
    async with scripted_engine(config, tiny_script(wrong_first=True)) as (engine, _):
        run_id = await engine.start(task_of(tiny_script(), folder))
        await recorded(engine, run_id, "tests_finished")
        shutil.rmtree(config.paths.worktrees / run_id)
        state = await settled(engine, run_id)
        assert state.paused is not None, state.outcome
        assert (state.paused.reason, "gone" in state.paused.detail) == ("workspace", True)
        assert "Resume" in state.paused.hint
        await engine.resume(run_id)
        state = await settled(engine, run_id)
        assert state.outcome == "success", state.paused
        told = [one.event for one in await engine.log(run_id) if isinstance(one.event, e.Steered)]
        assert [event.by for event in told] == ["miracle"], "the agent learns what happened to its files"


def writing(content: str) -> Script:
    """The tiny script with a coder that first writes a file of this content."""
    big = {"calls": [{"name": "create_file", "arguments": {"path": "table.txt", "content": content}}]}
    coder = next(session for session in tiny_script().model_dump()["sessions"] if session["role"] == "coder")
    return tiny_script(extra=[{**coder, "turns": [big, *coder["turns"]]}])


@pytest.fixture
def small_disk(sandbox_workspace: Path) -> Iterator[Callable[[Path, int], None]]:
    """Mounts a folder of so many KiB; called again for the same folder, changes its size."""
    mounted: list[Path] = []

    def mount(path: Path, size_kb: int) -> None:
        path.mkdir(parents=True, exist_ok=True)
        options = f"size={size_kb}k,mode=0711" + (",remount" if path in mounted else "")
        made = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], capture_output=True, check=False
        )
        if made.returncode and not mounted:
            pytest.skip("only root can mount a small disk")
        assert made.returncode == 0, made.stderr
        mounted.append(path)

    yield mount
    for path in dict.fromkeys(mounted):
        subprocess.run(["umount", "--lazy", str(path)], check=True)


async def test_a_full_disk_pauses_the_run_and_room_lets_it_end_green(
    config: Config, folder: Path, small_disk: Callable[[Path, int], None]
) -> None:
    small_disk(config.paths.worktrees, 200)
    script = writing("x" * 400_000)
    async with scripted_engine(config, script) as (engine, _):
        run_id = await engine.start(task_of(script, folder))
        state = await settled(engine, run_id)
        assert state.paused is not None, state.outcome
        assert state.paused.reason == "workspace"
        assert "space" in state.paused.detail.lower()
        assert state.paused.hint
        small_disk(config.paths.worktrees, 65_536)
        await engine.resume(run_id)
        state = await settled(engine, run_id)
        assert state.outcome == "success", state.paused


async def test_a_full_database_stops_the_run_with_a_reason_and_room_lets_it_go_on(
    folder: Path, sandbox_workspace: Path, small_disk: Callable[[Path, int], None]
) -> None:
    config = engine_config(None, sandbox_workspace / "home", **BUBBLEWRAP)
    small_disk(config.paths.database, 300_000)
    script = writing(random.Random(7).randbytes(150_000).hex())
    ballast = config.paths.database / "ballast"
    async with scripted_engine(config, script) as (engine, server):
        run_id = await engine.start(task_of(script, folder, approve="ask"))
        state = await settled(engine, run_id)
        await asyncio.to_thread(_fill, ballast)
        with engine.bus.subscribe(run_id) as live:
            await engine.answer(run_id, state.pending_approvals[0].request.approval_id, "once")
            with pytest.raises(MemoryStoreError) as stopped:
                await settled(engine, run_id)
            said = [item.text for item in _drain(live) if isinstance(item, Notice)]
        assert stopped.value.hint
        assert any(stopped.value.title in text for text in said), "a person sees why"
        ballast.unlink()
        engine.drive(run_id)
        state = await settled(engine, run_id)
        assert state.outcome == "success", state.paused
        log = await engine.log(run_id)
        assert [one.seq for one in log] == list(range(1, len(log) + 1))
        assert state.spend.calls <= len(server.requests) <= state.spend.calls + 1
    home, deadline = Home(config.paths.database), time.monotonic() + 15
    while running_pid(home) or is_held(home.keeper_lock):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


def _fill(ballast: Path, leave: int = 100_000) -> None:
    """Take all the room of the disk, but for a little."""
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(65_536)):
                pass
        except OSError:
            file.truncate(file.seek(0, os.SEEK_END) - leave)


def _drain(queue: "asyncio.Queue[Live]") -> list[Live]:
    found = []
    while not queue.empty():
        found.append(queue.get_nowait())
    return found


async def test_an_executor_that_lost_its_lease_stops_says_so_and_can_take_the_run_up_again(
    config: Config, folder: Path, database_url: str
) -> None:
    script = tiny_script()
    async with scripted_engine(config, script, words_per_second=20) as (engine, _):
        run_id = await engine.start(task_of(script, folder))
        with engine.bus.subscribe(run_id) as live:
            await recorded(engine, run_id, "session_opened")
            with psycopg.connect(database_url, autocommit=True) as other:
                other.execute("update streams set epoch = epoch + 1, holder = 'elsewhere:7'")
            with pytest.raises(LeaseLost, match="elsewhere:7"):
                await settled(engine, run_id)
            assert any(isinstance(item, Notice) and "elsewhere:7" in item.text for item in _drain(live))
        before = len(await engine.log(run_id))
        await asyncio.sleep(0.3)
        assert len(await engine.log(run_id)) == before, "a fenced executor writes nothing"
        engine.drive(run_id)
        assert (await settled(engine, run_id)).outcome == "success"


async def test_messages_that_arrive_at_any_moment_reach_every_conversation_once(config: Config, folder: Path) -> None:
    script = tiny_script(wrong_first=True)
    async with scripted_engine(config, script) as (engine, server):
        run_id = await engine.start(task_of(script, folder))
        sent = 0
        async with asyncio.timeout(60):
            async for item in engine.watch(run_id):
                if not isinstance(item, e.Recorded):
                    continue
                if item.event.kind == "proof_finished":
                    break
                if item.event.kind != "steered":
                    await engine.steer(run_id, f"message {sent:03}.")
                    sent += 1
        state = await settled(engine, run_id)
        assert sent > 20
        sessions: dict[tuple[str, str, str], list[str]] = {}
        for request in server.requests:
            place = tuple(request.headers[f"x-miracle-{name}"] for name in ("role", "phase", "iteration"))
            messages = json.loads(request.body)["messages"]
            sessions[place] = [message["content"] or "" for message in messages]  # type: ignore[index]
        for number in range(sent):
            text = f"message {number:03}."
            carried = [sum(content.count(text) for content in contents) for contents in sessions.values()]
            assert max(carried) <= 1, "no conversation is told twice"
            assert any(carried) != any(text in left for left in state.steers), "it is in a prompt, or it waits"
            first = carried.index(1) if 1 in carried else len(carried)
            assert all(carried[first:]), "and whoever begins later knows it too"


async def test_a_run_that_makes_no_progress_stops_instead_of_spinning(config: Config, folder: Path) -> None:
    async with scripted_engine(config, tiny_script()) as (engine, _):
        run_id, step = "odd-log", Subtask(id="p1", title="one", description="")
        # A log of another hand: the id that the next question would get is taken, so asking changes nothing.
        taken = e.ApprovalRequested(approval_id=f"{run_id}.2", topic="command", subject="ls", title="ls?")
        log: tuple[e.Event, ...] = (
            e.RunStarted(task_id="t", task=task_of(tiny_script(), folder, approve="ask")),
            e.WorkspacePrepared(worktree="w", repository="r", branch="b", base_commit="0", facts=ProjectFacts()),
            e.SpecSubmitted(session_id="s", spec=Spec(title="t", summary="s")),
            e.PlanSubmitted(session_id="s", plan=Plan(subtasks=(step,))),
            taken,
            e.ApprovalAnswered(approval_id=taken.approval_id, decision="once"),
        )
        store = engine.memory.store
        await store.create_run(run_id)
        rows = [NewEvent(str(number), event.kind, e.to_body(event)) for number, event in enumerate(log)]
        await store.append(run_id, rows, lease=None, after=0)
        engine.drive(run_id)
        state = await settled(engine, run_id)
        assert state.paused is not None
        assert state.paused.reason == "error"
        assert "ApprovalRequested" in state.paused.detail
        assert state.seq < 30


async def test_the_key_reaches_neither_the_log_nor_the_model(
    database_url: str, sandbox_workspace: Path, folder: Path
) -> None:
    key = "local-0123456789-abcdefghij"
    config = engine_config(database_url, sandbox_workspace / "home", **BUBBLEWRAP, **{"openai.api.key": key})
    leaking = TESTS + f"\n\ndef test_key() -> None:\n    print('{key}')\n"
    script = tiny_script(tests=leaking, wrong_first=True)
    async with scripted_engine(config, script) as (engine, server):
        run_id = await engine.start(task_of(script, folder, goal=f"Write double(n). The key is {key}."))
        await recorded(engine, run_id, "session_opened")
        await engine.steer(run_id, f"use {key}")
        assert (await settled(engine, run_id)).outcome == "success"
        assert all(key not in json.dumps(e.to_body(one.event)) for one in await engine.log(run_id))
        assert all(key.encode() not in request.body for request in server.requests)


async def test_a_server_that_reads_less_gets_less_and_the_run_goes_on(config: Config, folder: Path) -> None:
    fault = Fault(FaultKind.STATUS, status=400, code="context_length_exceeded", at_call=2)
    async with scripted_engine(config, tiny_script(), faults=[fault]) as (engine, _):
        run_id = await engine.start(task_of(tiny_script(), folder))
        assert (await settled(engine, run_id)).outcome == "success"
        failed = [one.event for one in await engine.log(run_id) if isinstance(one.event, e.CallFailed)]
        assert [event.error for event in failed] == ["ContextTooLong"]


async def test_a_huge_goal_eight_phases_and_hundreds_of_files_end_green(config: Config, folder: Path) -> None:
    for number in range(200):
        (folder / f"module_{number}.py").write_text(f"VALUE = {number}\n" * 50)
    phases = [{**SUBTASK, "id": f"p{n}", "depends_on": [f"p{n - 1}"] if n > 1 else []} for n in range(1, 9)]
    plan = {"calls": [{"name": "submit_plan", "arguments": {"summary": "steps", "subtasks": phases}}]}
    script = tiny_script(extra=[{"role": "planner", "turns": [plan]}])
    goal = ("Write double(n). " * 10_000)[:MAX_GOAL_CHARACTERS]
    async with scripted_engine(config, script) as (engine, _):
        run_id = await engine.start(task_of(script, folder, goal=goal, max_tokens=50_000_000))
        state = await settled(engine, run_id)
        assert state.outcome == "success", (state.paused, state.reason)
        assert len(state.phases) == 8
        assert state.task is not None
        assert len(state.task.goal) == MAX_GOAL_CHARACTERS
