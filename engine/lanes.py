"""The steps that a run has under way: at most one for each phase, and one for the run itself."""

import asyncio
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self

from engine import commands as c
from engine.run_log import RunLog
from engine.state import State

MAX_REPEATS = 10
"""Times that one command may be asked for in a row before the run is stopped: more would go on for ever."""


def lane_of(state: State, command: c.Command) -> str:
    """The phase that a command belongs to; "" for the run itself."""
    match command:
        case c.CallModel() | c.RunTool() | c.AcceptSubmission():
            session = state.session_by(command.session_id)
            return session.phase_id if session else ""
        case c.Record() | c.PrepareWorkspace() | c.MergeTier():
            return ""
        case _:
            return command.phase_id


def name_of(command: c.Command) -> str:
    """What a command is called in a sentence."""
    return type(command.event if isinstance(command, c.Record) else command).__name__


class Lanes:
    """Steps side by side, one a lane; the end of the context stops them all.

    Args:
        leaving: set when the process ends; whoever waits here then looks again.
    """

    def __init__(self, leaving: asyncio.Event) -> None:
        self._leaving = leaving
        self._steps: dict[str, asyncio.Task[None]] = {}
        self._commands: dict[str, c.Command] = {}
        self._asked: dict[str, tuple[c.Command, int, int]] = {}
        """The last command of each lane, where the log stood then, and how often it was asked for in a row."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for step in self._steps.values():
            step.cancel()
        await asyncio.gather(*self._steps.values(), return_exceptions=True)

    @property
    def busy(self) -> bool:
        """Whether a step is under way."""
        return bool(self._steps)

    def takes(self, lane: str) -> bool:
        """Whether a step can begin here; one of the run itself waits for those of all phases, and they for it."""
        return not self._steps if lane == "" else lane not in self._steps and "" not in self._steps

    def repeats(self, lane: str, command: c.Command, seq: int) -> bool:
        """Whether a command comes to nothing: it left no event at all, or was asked for too often in a row."""
        before = self._asked.get(lane)
        if isinstance(command, c.Record):
            self._asked.clear()
        if before is None or before[0] != command:
            self._asked[lane] = (command, seq, 0)
            return False
        times = before[2] + 1
        self._asked[lane] = (command, seq, times)
        hopeless = before[1] == seq or times >= MAX_REPEATS
        if hopeless:
            del self._asked[lane]
        return hopeless

    def forget(self) -> None:
        """Begin to count anew: the run stood still, and somebody moved it."""
        self._asked.clear()

    def begin(self, lane: str, command: c.Command, work: Coroutine[Any, Any, None]) -> None:
        """Let a step begin."""
        self._commands[lane] = command
        self._steps[lane] = asyncio.create_task(work, name=name_of(command))

    def stop_unless(self, may_go_on: Callable[[c.Command], bool]) -> None:
        """Stop the steps that may not go on."""
        for lane, step in self._steps.items():
            if not may_go_on(self._commands[lane]):
                step.cancel()

    async def move(self, log: RunLog, seq: int, timeout_s: float | None) -> bool:
        """Wait until a step ends or the log grows; steps that ended make room. False when only the time was over.

        Raises:
            LeaseLost, MemoryStoreError: what ended a step.
        """
        looks: list[asyncio.Task[Any]] = [asyncio.create_task(log.wait_past(seq))]
        if not self._leaving.is_set():
            looks.append(asyncio.create_task(self._leaving.wait()))
        try:
            waited_for = {*looks, *self._steps.values()}
            done, _ = await asyncio.wait(waited_for, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for look in looks:
                look.cancel()
            await asyncio.gather(*looks, return_exceptions=True)
        for lane in [lane for lane, step in self._steps.items() if step.done()]:
            step = self._steps.pop(lane)
            if not step.cancelled() and (error := step.exception()):
                raise error
        return bool(done)
