"""Runs in processes that are killed again and again, and what must hold of them after each kill."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg

from engine.scripted.server import ScriptedServer
from engine.state import State
from engine.task import Task
from memory.database import Database
from memory.store import EventStore
from tests.fault_figures import Figures
from tests.faults.checks import Calls, check_log, check_nothing_left, check_worktrees, end_at_once, sandboxes_gone

LIFE_S = 60.0
"""Seconds without an event after which a life counts as one that hangs; on a busy machine a whole life takes longer."""


class Nursery:
    """The process that forks a child for each life of a run."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.run_id = ""
        """The run that the last child said it works on."""
        self._child = 0

    async def begin(self, orders: dict[str, Any]) -> int:
        """The pid of a child that carries orders out."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(orders).encode() + b"\n")
        word, pid = await self._line()
        assert word == "pid", (word, pid)
        self._child = int(pid)
        return self._child

    async def end(self) -> int:
        """The exit status of the child, or the negative number of the signal that killed it."""
        while True:
            word, rest = await self._line()
            if word == "ended":
                return int(rest)
            assert word in ("run", "appended"), (word, rest)
            self.run_id = rest or self.run_id

    async def ready(self) -> None:
        """Wait until everything is imported."""
        assert await self._line() == ("ready", "")

    async def _line(self) -> tuple[str, str]:
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(LIFE_S):
                word, _, rest = (await self._process.stdout.readline()).decode().strip().partition(" ")
        except TimeoutError as error:
            told = f"the nursery is {_status(self._process.pid)}, the child {_status(self._child)}"
            with contextlib.suppress(ProcessLookupError):
                if self._child:
                    os.kill(self._child, signal.SIGUSR1)  # it says where it stands
                    await asyncio.sleep(1)
                    self._child = _kill(self._child)
            raise AssertionError(f"nothing was said for {LIFE_S:.0f} s: {told}") from error
        return word, rest


def _status(pid: int) -> str:
    try:
        return f"{psutil.Process(pid).status()} ({pid})"
    except psutil.NoSuchProcess:
        return f"gone ({pid})"


@asynccontextmanager
async def nursery() -> AsyncIterator[Nursery]:
    """A process that forks children to kill."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "tests.faults.child"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[1],
    )
    try:
        made = Nursery(process)
        await made.ready()
        yield made
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


def kill_tree(pid: int) -> None:
    """Kill a process and everything it started, as a machine that fails does."""
    try:
        parent = psutil.Process(pid)
        parent.suspend()
        family = [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    end_at_once(family)


@dataclass
class Ordeal:
    """One run, its lives and its deaths."""

    family: Nursery
    database_url: str
    store: EventStore
    server: ScriptedServer
    home: Path
    task: Task
    figures: Figures
    settings: dict[str, Any] = field(default_factory=dict)
    resumes: bool = False
    """Whether the next life begins with a person's resume."""
    run_id: str = ""
    state: State = field(default_factory=State)
    newest: str = ""
    """The kind of the log's last event."""
    calls: Calls = field(default_factory=Calls)

    @property
    def over(self) -> bool:
        return self.state.outcome is not None

    @property
    def worktree(self) -> Path:
        assert self.state.workspace is not None
        return Path(self.state.workspace.worktree)

    async def live(
        self,
        *,
        kill: dict[str, Any] | None = None,
        after_s: float | None = None,
        watch: int = 0,
        when: Callable[[], bool] | None = None,
        tree: bool = True,
        pauses: str = "",
    ) -> int:
        """One life of the run, to its end or to its death, and what must hold after it.

        Args:
            kill: how the child kills itself, as `tests.faults.child` reads it.
            after_s: seconds after which it is killed from here.
            watch: kill it from here as soon as the log is seen to have grown by so many events.
            when: kill it from here as soon as this is so.
            tree: whether what it started is killed with it.
            pauses: the reason for which it pauses, where it does not go on to its end.

        Returns:
            The child's exit status: a negative number when it was killed.
        """
        orders: dict[str, Any] = {"database": self.database_url, "home": str(self.home), "server": self.server.base_url}
        orders |= {"task": self.task.model_dump(mode="json"), "run_id": self.run_id, "resumes": self.resumes}
        orders |= {"kill": {**kill, "tree": tree} if kill else None, "settings": self.settings}
        self.resumes = False
        self.calls.begin_life(len(self.server.requests))
        self.figures.lives += 1
        moment = self._grown(watch) if watch else _so(when) if when else None
        growth = asyncio.create_task(moment, name="the moment of death") if moment else None
        try:
            pid = await self.family.begin(orders)
            ending = asyncio.create_task(self.family.end())
            if growth or after_s is not None:
                await asyncio.wait(
                    {ending, *((growth,) if growth else ())}, timeout=after_s, return_when="FIRST_COMPLETED"
                )
                if not ending.done():
                    (kill_tree if tree else _kill)(pid)
            status = await ending
        finally:
            if growth:
                growth.cancel()
                await asyncio.gather(growth, return_exceptions=True)
        assert status in (0, -signal.SIGKILL), f"the child ended with {status}; its output says why"
        self.figures.kills += status != 0
        await self.check()
        if status == 0:
            reason = self.state.paused.reason if self.state.paused else ""
            assert (self.state.outcome, reason) == (None if pauses else "success", pauses), self.state.paused
        return status

    async def check(self) -> None:
        """What must hold between two lives."""
        self.run_id = self.run_id or await asyncio.to_thread(_begun, self.database_url)
        if not self.run_id:
            return
        await sandboxes_gone(self.run_id)
        await self.server.disconnected()  # what the dead one sent last may not have been read yet
        stored = await self.store.read(self.run_id)
        self.state, self.newest = check_log(stored), stored[-1].kind
        self.calls.check(stored, self.server.requests)
        await asyncio.to_thread(check_worktrees, self.state, self.home)

    async def to_the_end(self) -> None:
        """Let the run live in peace until it is over, and look at all that it leaves."""
        if not self.over:
            assert await self.live() == 0
        self.figures.repeated_calls += self.calls.repeated(self.server.requests, self.state)
        await asyncio.to_thread(check_nothing_left, self.state, self.home)

    async def _grown(self, by: int) -> None:
        end = self.state.seq + by
        async with aclosing(self.store.feed(self.run_id or None, self.state.seq)) as feed:
            async for stored in feed:
                if stored.seq >= end:
                    return


async def _so(when: Callable[[], bool]) -> None:
    while not when():  # noqa: ASYNC110  what is waited for is told by nobody
        await asyncio.sleep(0.005)


def _kill(pid: int) -> int:
    os.kill(pid, signal.SIGKILL)
    return 0


def _begun(database_url: str) -> str:
    """The run whose first event is stored; a child that died early could not tell its name."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute("select run_id from streams where last_seq > 0").fetchone()
    return str(row[0]) if row else ""


@asynccontextmanager
async def ordeal(database_url: str, folder: Path, script: Any, figures: Figures, **task: Any) -> AsyncIterator[Ordeal]:
    """A run that has not begun, in a home of its own below `folder`."""
    from tests.engine_fixtures import task_of

    project = folder / "project"
    project.mkdir()
    database = await Database.open_url(database_url)
    try:
        async with nursery() as family, ScriptedServer(script) as server:
            made = task_of(script, project, **task)
            yield Ordeal(family, database_url, EventStore(database), server, folder / "home", made, figures)
    finally:
        await database.close()
