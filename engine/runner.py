"""The loop: `decide`, carry the command out, append what came of it, and again, until the run waits or is over."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from functools import partial

from engine import commands as c
from engine import events as e
from engine.decide import decide
from engine.errors import EngineError, WorkspaceError
from engine.evolve import evolve
from engine.run_context import RunContext
from engine.state import State
from engine.steps.check import prove, scan_changes, test_worktree
from engine.steps.prepare import prepare_workspace, restore_worktree, take_checkpoint
from engine.steps.remember import keep_lessons, recall
from engine.steps.session import accept_submission, call_model, open_session
from engine.steps.tool import run_tool
from memory.errors import LeaseLost, MemoryStoreError
from sandbox.errors import SandboxError

Step = Callable[[RunContext], Awaitable[None]]

MAX_REPEATS = 10
"""Times that one command may be asked for in a row before the run is stopped: more would go on for ever."""
MAX_CHAIN = 8
"""Events that are decided one on the other and appended together."""
_STUCK = "Resume to try again; if it stays so, the log file tells more."


def chain(state: State, first: c.Record) -> Iterator[tuple[State, c.Record]]:
    """The record and those that follow from it with no work in between, each with the state that asks for it."""
    record: c.Command = first
    for _ in range(MAX_CHAIN):
        if not isinstance(record, c.Record):
            return
        yield state, record
        at = state.updated_at or datetime.now(UTC)
        state = evolve(state, e.Recorded(run_id=state.run_id, seq=state.seq + 1, at=at, event=record.event))
        following = decide(state)
        if not following or following[0] == record:
            return
        record = following[0]


async def _record(run: RunContext, command: c.Record) -> None:
    events: list[e.Event] = []
    for state, record in chain(run.state, command):
        if events:  # the first one's lessons are kept, as any command's are
            await keep_lessons(run, record, state)
        events.append(record.event)
    await run.log.append(*events)


_STEPS = {
    c.Record: _record,
    c.PrepareWorkspace: prepare_workspace,
    c.OpenSession: open_session,
    c.CallModel: call_model,
    c.RunTool: run_tool,
    c.AcceptSubmission: accept_submission,
    c.TakeCheckpoint: take_checkpoint,
    c.Scan: scan_changes,
    c.RunTests: test_worktree,
    c.Recall: recall,
    c.Prove: prove,
}
_logger = logging.getLogger(__name__)


async def drive(run: RunContext, places: asyncio.Semaphore) -> State:
    """Work on the run until it is over; while it is paused or waits for a person, wait with it.

    Args:
        run: the run, held under its lease.
        places: how many steps may be at work at a time, over all runs of the process.

    Raises:
        LeaseLost: another executor took the run.
        MemoryStoreError: the store cannot be written; the run goes on from its last event when it is driven again.
    """
    await run.log.load()
    follower = asyncio.create_task(run.log.follow(), name=f"follow {run.run_id}")
    worker = asyncio.create_task(_work(run, places), name=f"work {run.run_id}")
    try:
        # Without its follower a run would never hear of a pause or an answer again: its end is the end of the work.
        await asyncio.wait({follower, worker}, return_when=asyncio.FIRST_COMPLETED)
        return worker.result() if worker.done() else await follower
    finally:
        for task in (worker, follower):
            task.cancel()
        await asyncio.gather(worker, follower, return_exceptions=True)


async def _work(run: RunContext, places: asyncio.Semaphore) -> State:
    repeated = 0
    last: c.Command | None = None
    mended = False
    while run.state.outcome is None:
        before = run.state
        commands = decide(before)
        if not commands:
            last, mended = None, False
            await run.log.wait_past(before.seq)
            continue
        if not mended:
            mended = True
            await _guarded(run, restore_worktree)
            continue
        repeated = repeated + 1 if commands[0] == last else 0
        last = commands[0]
        if repeated >= MAX_REPEATS:
            last = None
            await _pause(run, "error", f"{_name(commands[0])} was done {repeated} times and changed nothing.", _STUCK)
            continue
        await _carry_out(run, commands[0], places)
        if run.state.seq == before.seq:
            await _pause(run, "error", f"{_name(commands[0])} came to an end and left no result.", _STUCK)
    return run.state


def _name(command: c.Command) -> str:
    return type(command.event if isinstance(command, c.Record) else command).__name__


async def _carry_out(run: RunContext, command: c.Command, places: asyncio.Semaphore) -> None:
    if isinstance(command, c.Record):
        await _guarded(run, partial(_take, command=command))
        return
    async with places:
        step = asyncio.create_task(_guarded(run, partial(_take, command=command)), name=type(command).__name__)
        try:
            await _until_done_or_stopped(run, command, step)
        finally:
            step.cancel()
            await asyncio.gather(step, return_exceptions=True)
    if not step.cancelled() and (error := step.exception()):
        raise error


async def _until_done_or_stopped(run: RunContext, command: c.Command, step: "asyncio.Task[None]") -> None:
    """Wait for the step; a pause or the run's end stops it, but a paid answer in flight may still arrive in a pause."""
    while not step.done():
        state = run.state
        if state.outcome or (state.paused and not isinstance(command, c.CallModel)):
            return
        moved = asyncio.create_task(run.log.wait_past(state.seq))
        try:
            await asyncio.wait({step, moved}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            moved.cancel()
            await asyncio.gather(moved, return_exceptions=True)


async def _take(run: RunContext, command: c.Command) -> None:
    await keep_lessons(run, command, run.state)
    await _STEPS[type(command)](run, command)  # type: ignore[operator]


async def _guarded(run: RunContext, step: Step) -> None:
    """Take the step; what goes wrong around it pauses the run with the reason and the next step."""
    try:
        await step(run)
    except (LeaseLost, MemoryStoreError):
        raise
    except SandboxError as error:
        await _pause(run, "sandbox", error.title, error.hint)
    except WorkspaceError as error:
        await _pause(run, "workspace", error.title, error.hint)
    except EngineError as error:
        await _pause(run, "error", error.title, error.hint)
    except OSError as error:
        await _pause(
            run,
            "workspace",
            f"{error.strerror or error}: {error.filename or ''}",
            "Free the disk or mend the folder, then resume.",
        )
    except Exception as error:
        _logger.exception("a step failed", extra={"run_id": run.run_id})
        await _pause(
            run, "error", f"{type(error).__name__}: {error}", "The log file tells more; resume to try the step again."
        )


async def _pause(run: RunContext, reason: e.PauseReason, detail: str, hint: str) -> None:
    await run.log.append(e.RunPaused(reason=reason, detail=run.redact(detail), hint=hint))
