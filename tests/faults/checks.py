"""What must hold of a run at every moment, however it was killed: its log, its calls, its worktree, its traces."""

import asyncio
import contextlib
import json
import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from engine import events as e
from engine.commands import MergeTier
from engine.decide import decide
from engine.evolve import fold
from engine.run_log import recorded
from engine.scripted.http import HttpRequest
from engine.state import State
from memory.records import StoredEvent
from tests.engine_fixtures import processes_in

Place = tuple[str, str, int, int, int]
"""Role, phase, iteration, visit, and how many answers the conversation already had."""

UNIQUE: dict[str, tuple[str, ...]] = {
    "run_started": (),
    "workspace_prepared": (),
    "spec_submitted": (),
    "plan_submitted": (),
    "session_opened": ("role", "phase_id", "visit"),
    "call_started": ("call_id",),
    "answer_received": ("call_id",),
    "tool_finished": ("session_id", "tool_call_id"),
    "work_submitted": ("session_id",),
    "tests_submitted": ("session_id",),
    "reflection_submitted": ("session_id",),
    "iteration_started": ("number",),
    "phase_opened": ("phase_id",),
    "tier_merged": ("tier",),
    "checkpointed": ("number", "step"),
    "scan_finished": ("number",),
    "tests_finished": ("number",),
    "recalled": ("number",),
    "phase_finished": ("phase_id",),
    "proof_finished": (),
    "approval_requested": ("approval_id",),
    "approval_answered": ("approval_id",),
    "run_finished": (),
}
"""Kinds of which a run that loses nothing but its process has one each, and by which fields they are told apart."""


def check_log(stored: Sequence[StoredEvent], *, lost: Iterable[str] = ()) -> State:
    """Fold the log, and see that nothing in it is missing or there twice.

    Args:
        stored: the whole log.
        lost: kinds that may be there more than once, because what they tell of was lost and done again.
    """
    assert [one.seq for one in stored] == list(range(1, len(stored) + 1)), "the log has a gap"
    assert len({one.event_id for one in stored}) == len(stored), "an event is stored twice"
    found: Counter[tuple[Any, ...]] = Counter()
    for one in stored:
        assert not isinstance(recorded(one).event, e.Unknown), one.kind
        if one.kind in UNIQUE and one.kind not in lost:
            found[(one.kind, *(one.body[name] for name in UNIQUE[one.kind]))] += 1
    assert not {place: count for place, count in found.items() if count > 1}, "something happened twice"
    state = fold(recorded(one) for one in stored)
    assert state.seq == len(stored)
    return state


@dataclass
class Calls:
    """The model calls of a run, life by life."""

    begins: list[int] = field(default_factory=list)
    answered: list[frozenset[Place]] = field(default_factory=list)
    """Per life, the calls whose answers were in the log when it began."""
    known: frozenset[Place] = frozenset()

    def begin_life(self, requests: int) -> None:
        """A new life begins after so many requests."""
        self.begins.append(requests)
        self.answered.append(self.known)

    def check(self, stored: Sequence[StoredEvent], requests: Sequence[HttpRequest]) -> None:
        """No call whose answer is in the log was asked for again, and none twice in one life."""
        asked = [place_of(request) for request in requests[self.begins[-1] :] if request.method == "POST"]
        again = self.answered[-1].intersection(asked)
        assert not again, f"paid for again: {again}"
        assert len(set(asked)) == len(asked), f"asked twice in one life: {asked}"
        self.known = _answered(stored)
        strange = self.known - {place_of(request) for request in requests}
        assert not strange, f"answers that nobody gave: {strange}"

    def repeated(self, requests: Sequence[HttpRequest], state: State) -> int:
        """Calls that were made and whose answers never reached the log."""
        return len(requests) - state.spend.calls


def place_of(request: HttpRequest) -> Place:
    """Where in the run a request stands."""
    said = request.headers
    turns = sum(message["role"] == "assistant" for message in json.loads(request.body)["messages"])
    numbers = int(said["x-miracle-iteration"]), int(said["x-miracle-visit"]), turns
    return said["x-miracle-role"], said["x-miracle-phase"], *numbers


def _answered(stored: Sequence[StoredEvent]) -> frozenset[Place]:
    sessions: dict[str, tuple[str, str, int, int]] = {}
    turns: Counter[str] = Counter()
    found = set()
    for one in stored:
        body = one.body
        if one.kind == "session_opened":
            place = (body["role"], body["phase_id"], body["iteration"], body["visit"])
            sessions[body["session_id"]] = place
        elif one.kind == "answer_received":
            session = body["session_id"]
            found.add((*sessions[session], turns[session]))
            turns[session] += 1
    return frozenset(found)


def check_worktrees(state: State, home: Path) -> None:
    """Whenever no agent is at work in it, a worktree is what its newest checkpoint says."""
    if state.workspace is None:
        return
    apart = [phase for phase in state.phases if phase.apart and phase.worktree]
    places = {phase.worktree: (phase.id, state.tip_of(phase.id)) for phase in apart}
    if not any(isinstance(command, MergeTier) for command in decide(state)):
        # A merge that is under way writes the files before it moves the branch.
        at_work = next((phase.id for phase in state.phases if phase.state == "active" and not phase.apart), "")
        places[state.workspace.worktree] = (at_work, state.tip)
    for worktree, (phase_id, commit) in places.items():
        session, last = state.session_in(phase_id), state.iteration_of(phase_id) if phase_id else None
        if (session and session.role in ("coder", "tester")) or (last and last.unsaved):
            continue
        git_dir = home / "data" / "repositories" / f"{Path(worktree).name}.run"
        assert tree_of(git_dir, Path(worktree)) == _git(git_dir, "rev-parse", f"{commit}^{{tree}}"), worktree


def tree_of(git_dir: Path, worktree: Path) -> str:
    """The tree that git would make of the worktree as it is, by an index of our own."""
    index = git_dir / "check.index"
    try:
        _git(git_dir, f"--work-tree={worktree}", "add", "-A", index=index)
        return _git(git_dir, f"--work-tree={worktree}", "write-tree", index=index)
    finally:
        index.unlink(missing_ok=True)


def _git(git_dir: Path, *arguments: str, index: Path | None = None) -> str:
    objects = json.loads((git_dir / "miracle.json").read_text())["objects"]
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_OBJECT_DIRECTORY": objects}
    environment |= {"GIT_INDEX_FILE": str(index)} if index else {}
    command = ["git", "-c", "safe.directory=*", f"--git-dir={git_dir}", *arguments]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


def end_at_once(processes: Iterable[psutil.Process]) -> None:
    """Kill processes, some of which may be gone by now."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


async def sandboxes_gone(run_id: str, within_s: float = 15.0) -> None:
    """Wait until nothing runs in the run's worktrees."""
    deadline = time.monotonic() + within_s
    while left := processes_in(run_id):
        assert time.monotonic() < deadline, f"a sandbox survives its run: {left}"
        await asyncio.sleep(0.02)


def check_nothing_left(state: State, home: Path) -> None:
    """A run that is over leaves its branch and its worktree, and no half-written file or lock."""
    folder = home / "data"
    strange = {path.name for path in (folder / "worktrees").iterdir()} - {state.run_id}
    assert not strange, f"left behind: {strange}"
    # In the worktree, half of a written file stays under a name that no checkpoint takes.
    left = [path for path in (folder / "repositories").rglob("*") if path.name.endswith((".lock", ".part", ".index"))]
    assert not left, f"left behind: {left}"
    assert state.receipt is not None
    git_dir = folder / "repositories" / f"{state.run_id}.run"
    assert _git(git_dir, "rev-parse", f"autonomous/{state.run_id}") == state.receipt.commit
