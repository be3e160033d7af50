"""Settles questions headless: from prepared answers, by policy, or by asking at the prompt."""

import asyncio
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from engine.errors import CommandRefused
from engine.events import ApprovalRequested, Decision
from engine.state import State
from miracle_tui.cli.answers import Answers
from miracle_tui.cli.console import say
from miracle_tui.cli.inert import one_line

if TYPE_CHECKING:
    from engine.engine import Engine

CHOICES: dict[str, tuple[Decision, bool]] = {
    "o": ("once", False),
    "y": ("once", False),
    "r": ("run", False),
    "d": ("deny", False),
    "n": ("deny", False),
    "x": ("deny", True),
}
"""A key to its decision, and whether a reason is asked for."""

STUCK_CHOICES: dict[str, tuple[Decision, bool]] = {"g": ("once", False), "h": ("once", True), "e": ("deny", False)}
STUCK_PROMPT = "  [g]o on, go on with a [h]int, [e]nd the run, [l]ater > "
PROMPT = "  [o]nce, for this [r]un, [d]eny, deny with a reason [x], [l]ater > "


class Lines(Protocol):
    """Where a person's lines come from."""

    async def ask(self, prompt: str) -> str | None: ...


class TerminalLines:
    """Lines typed at the terminal, read on the event loop: a thread that waits for input could not be ended."""

    def __init__(self) -> None:
        self._typed = b""

    async def ask(self, prompt: str) -> str | None:
        """The next line without its end; None when the input is closed."""
        sys.stdout.write(prompt)
        sys.stdout.flush()
        while b"\n" not in self._typed:
            piece = await self._read()
            if not piece:
                return None
            self._typed += piece
        line, _, self._typed = self._typed.partition(b"\n")
        return line.decode("utf-8", "replace").strip()

    async def _read(self) -> bytes:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        number = sys.stdin.fileno()
        loop.add_reader(number, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(number)
        return os.read(number, 65536)


@dataclass
class Answerer:
    """Answers what it can."""

    prepared: Answers | None = None
    """Answers to the reprompter's questions."""
    allow_all: bool = False
    """Allow every approval that is no question."""
    lines: Lines | None = None
    """Where to ask the person; None when nobody is there."""

    async def settle(self, engine: "Engine", state: State) -> bool:
        """Answer the questions that wait.

        Returns:
            True when every one has its answer and the run can go on.
        """
        answered = [await self._settle(engine, state.run_id, a.request) for a in state.pending_approvals]
        return all(answered)

    async def _settle(self, engine: "Engine", run_id: str, request: ApprovalRequested) -> bool:
        found = await self._decide(request)
        if found is None:
            return False
        decision, reason, answers = found
        try:
            await engine.answer(run_id, request.approval_id, decision, reason=reason, answers=answers)
        except CommandRefused as exc:
            # Somebody answered from elsewhere meanwhile; their answer stands.
            say([f"! {one_line(exc.title)}"])
        return True

    async def _decide(self, request: ApprovalRequested) -> tuple[Decision, str, tuple[str, ...]] | None:
        if request.topic == "questions":
            if self.prepared is not None:
                return "once", "", self.prepared.to(request.questions)
            return await self._ask_questions(request)
        if self.allow_all:
            return "once", "", ()
        return await self._ask(request)

    async def _ask_questions(self, request: ApprovalRequested) -> tuple[Decision, str, tuple[str, ...]] | None:
        if self.lines is None:
            return None
        say(["  Answer each question; an empty line skips it."])
        replies = []
        for number, question in enumerate(request.questions, 1):
            reply = await self.lines.ask(f"  {number}. {one_line(question, 400)}\n  > ")
            if reply is None:
                return None
            replies.append(reply)
        return "once", "", tuple(replies)

    async def _ask(self, request: ApprovalRequested) -> tuple[Decision, str, tuple[str, ...]] | None:
        if self.lines is None:
            return None
        stuck = request.topic == "stuck"
        choices, prompt, why = (STUCK_CHOICES, STUCK_PROMPT, "Hint") if stuck else (CHOICES, PROMPT, "Why?")
        while True:
            reply = await self.lines.ask(prompt)
            if reply is None or reply.lower().startswith("l"):
                return None
            if reply[:1].lower() in choices:
                decision, explain = choices[reply[:1].lower()]
                reason = await self.lines.ask(f"  {why} > ") if explain else ""
                return decision, reason or "", ()
