"""The loop: `decide`, carry the commands out, append what came of them, and again, until the run waits or is over."""

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
from engine.gates.expiry import expired, next_expiry
from engine.lanes import Lanes, lane_of, name_of
from engine.places import Place
from engine.run_context import RunContext
from engine.standing_rules import with_answers
from engine.state import State
from engine.steps.check import scan_changes, test_worktree
from engine.steps.dependencies import install_dependencies, resolve_dependencies
from engine.steps.hooks import run_hooks
from engine.steps.integrity import compare_tests, try_mutants, try_on_base
from engine.steps.phases import merge_tier, open_phase
from engine.steps.prepare import prepare_workspace, restore_worktrees, take_checkpoint
from engine.steps.prove import prove
from engine.steps.remember import embed_soon, recall
from engine.steps.session import accept_submission, call_model, open_session
from engine.steps.tool import run_tool
from memory.errors import LeaseLost, MemoryStoreError
from sandbox.errors import SandboxError

Step = Callable[[RunContext], Awaitable[None]]

MAX_CHAIN = 8
"""Events that are decided one on the other and appended together."""
PLACE_S = 1.0
"""Seconds without a place after which a person is told what the run waits for."""
_NO_PLACE = "other runs are at work; orchestrator.max_concurrent_tasks says how many may be"
_STUCK = "Resume to try again; if it stays so, the log file tells more."
_STEPS = {
    c.PrepareWorkspace: prepare_workspace,
    c.OpenPhase: open_phase,
    c.MergeTier: merge_tier,
    c.OpenSession: open_session,
    c.CallModel: call_model,
    c.RunTool: run_tool,
    c.AcceptSubmission: accept_submission,
    c.TakeCheckpoint: take_checkpoint,
    c.Scan: scan_changes,
    c.ResolveDependencies: resolve_dependencies,
    c.InstallDependencies: install_dependencies,
    c.RunTests: test_worktree,
    c.Recall: recall,
    c.CompareTests: compare_tests,
    c.TryOnBase: try_on_base,
    c.TryMutants: try_mutants,
    c.Prove: prove,
    c.RunHooks: run_hooks,
}
_logger = logging.getLogger(__name__)


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


async def drive(run: RunContext, places: asyncio.Semaphore, leaving: asyncio.Event) -> State:
    """Work on the run until it is over; while it is paused or waits for a person, wait with it.

    Args:
        run: the run, held under its lease.
        places: how many runs may be at work at a time in this process.
        leaving: set when the process ends: nothing new is begun, and what is paid for may still arrive.

    Raises:
        LeaseLost: another executor took the run.
        MemoryStoreError: the store cannot be written; the run goes on from its last event when it is driven again.
    """
    await run.log.load()
    follower = asyncio.create_task(run.log.follow(), name=f"follow {run.run_id}")
    worker = asyncio.create_task(_work(run, Place(places), leaving), name=f"work {run.run_id}")
    try:
        # Without its follower a run would never hear of a pause or an answer again: its end is the end of the work.
        await asyncio.wait({follower, worker}, return_when=asyncio.FIRST_COMPLETED)
        return worker.result() if worker.done() else await follower
    finally:
        for task in (worker, follower):
            task.cancel()
        await asyncio.gather(worker, follower, return_exceptions=True)


async def _work(run: RunContext, place: Place, leaving: asyncio.Event) -> State:
    async with Lanes(leaving) as lanes:
        mended = False
        while run.state.outcome is None and (lanes.busy or not leaving.is_set()):
            before = run.state
            commands = () if leaving.is_set() else decide(before)
            record = next((one for one in commands if isinstance(one, c.Record)), None)
            if not commands and not lanes.busy:
                lanes.forget()
                mended = False
                await _until_moved(run, lanes, before)
            elif commands and not mended and not lanes.busy:
                # Whatever went on before it was stopped, work begins with files that the log knows of.
                mended = True
                await _guarded(run, restore_worktrees)
            elif record is not None:
                await _record(run, record, lanes)
            else:
                for command in commands:
                    lane = lane_of(before, command)
                    if not lanes.takes(lane):
                        continue
                    if lanes.repeats(lane, command, before.seq):
                        did = f"{name_of(command)} was done again and again and changed nothing."
                        await _pause(run, "error", did, _STUCK)
                        break
                    lanes.begin(lane, command, _carry_out(run, command, place, leaving))
                lanes.stop_unless(partial(_may_go_on, run.state, leaving.is_set()))
                await _until_moved(run, lanes, before)
        return run.state


def _may_go_on(state: State, leaving: bool, command: c.Command) -> bool:
    """A pause, the run's or the process's end stop a step; but a paid answer may still arrive, and a hook still end."""
    return not state.outcome and (not (state.paused or leaving) or isinstance(command, c.CallModel | c.RunHooks))


async def _until_moved(run: RunContext, lanes: Lanes, before: State) -> None:
    """Wait for a step or for somebody's event; a question whose time is over is answered meanwhile."""
    ends = next_expiry(before)
    left_s = None if ends is None else max((ends - datetime.now(UTC)).total_seconds(), 0)
    moved = await lanes.move(run.log, before.seq, left_s)
    if not moved and (answer := expired(run.state, datetime.now(UTC))):
        await run.log.append(answer)


async def _record(run: RunContext, command: c.Record, lanes: Lanes) -> None:
    before = run.state
    if lanes.repeats("", command, before.seq):
        await _pause(run, "error", f"{name_of(command)} was recorded again and again and changed nothing.", _STUCK)
        return
    await _guarded(run, partial(_append, command=command))


async def _append(run: RunContext, command: c.Record) -> None:
    before = run.state
    decided = list(chain(before, command))
    state, events = decided[-1][0], [record.event for _, record in decided]
    # Steps of other phases may have appended meanwhile; then it is decided anew.
    appended = await run.log.append_at(before.seq, *await with_answers(run, state, *events))
    if appended and any(isinstance(event, e.RunFinished) and event.outcome == "success" for event in events):
        await embed_soon(run, run.run_id)


async def _carry_out(run: RunContext, command: c.Command, place: Place, leaving: asyncio.Event) -> None:
    waits = asyncio.get_running_loop().call_later(PLACE_S, run.notice, _NO_PLACE)
    try:
        async with place:
            waits.cancel()
            if not run.state.paused and not leaving.is_set():
                await _guarded(run, partial(_take, command=command))
    finally:
        waits.cancel()


async def _take(run: RunContext, command: c.Command) -> None:
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
