"""What a tool is: a name, a description, a model of its arguments, and an effect inside the worktree."""

import os
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from config.rules import CommandRules
from engine.errors import ToolError
from engine.events import Topic
from engine.task import BlastRadius
from engine.tools.intent import Intent
from engine.workspace.testfiles import is_test_file
from sandbox.report import Reason
from sandbox.safe_files import split_relative

OUTPUT_BUDGET = 16_000
"""Characters of a result that go back to the model."""
MAX_PATH = 1_000
FORBIDDEN_NAMES = frozenset({".git", ".miracle"})
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class Arguments(BaseModel):
    """The base of all tools' arguments: nothing is guessed, nothing unknown is let through."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


@dataclass(frozen=True)
class CommandRun:
    """How a command ended in the sandbox."""

    exit_code: int | None
    output: str
    reason: Reason = "ok"
    duration_s: float = 0.0


@dataclass(frozen=True)
class ToolResult:
    """What a tool did; `output` goes back to the model."""

    ok: bool
    output: str
    target: str = ""
    """What it was about, for the screen: a path, a command."""
    strike: bool = False
    """True when the call itself was malformed."""


@dataclass(frozen=True)
class ToolContext:
    """Where a tool works, and what it may do there."""

    worktree: Path
    role: str
    read_only: frozenset[str] = frozenset()
    """Files that the tester wrote: the coder reads them and cannot change them."""
    write_only_tests: bool = False
    """True for the tester, which writes test files and nothing else."""
    existing_tests: frozenset[str] = frozenset()
    """The person's own tests: no agent changes them."""
    identity: tuple[int, int] | None = None
    """User and group that sandboxed code runs as."""
    run: Callable[[str], Awaitable[CommandRun]] | None = None
    """Runs a command line in the sandbox."""
    rules: CommandRules = field(default_factory=CommandRules)
    approved: bool = False
    """True when a person allowed exactly this call."""
    questions: bool = False
    """Whether a person may be asked."""
    intent: Intent | None = None
    """The note that a call leaves before it writes."""


class NeedsApproval(Exception):
    """A person has to allow a call before it is carried out."""

    def __init__(
        self,
        topic: Topic,
        subject: str,
        title: str,
        detail: str,
        blast_radius: BlastRadius,
        *,
        questions: tuple[str, ...] = (),
    ) -> None:
        super().__init__(title)
        self.topic = topic
        self.subject = subject
        self.title = title
        self.detail = detail
        self.blast_radius = blast_radius
        self.questions = questions


class Tool(Protocol):
    """A tool that a model can call. `run` raises `ToolError` or `UnsafePath`; their text goes back to the model."""

    @property
    def name(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def arguments(self) -> type[Arguments]: ...

    async def run(self, context: ToolContext, arguments: Any) -> ToolResult: ...


def checked_path(path: str) -> str:
    """A path as the worktree's files are named: without `.` and doubled slashes.

    Raises:
        ToolError: it names something that no tool may touch.
        UnsafePath: it is empty, absolute, or leads out.
    """
    if bad := _CONTROL.search(path):
        raise ToolError(f"The path contains a control character (U+{ord(bad[0]):04X}); use a plain name.")
    if len(path) > MAX_PATH:
        raise ToolError(f"The path has {len(path):,} characters; at most {MAX_PATH:,} are allowed.")
    parts = split_relative(path)
    for part in parts:
        if part.casefold() in FORBIDDEN_NAMES:
            raise ToolError(f"{path}: {part} belongs to git or to Miracle and is closed to tools.")
        if len(os.fsencode(part)) > 255:
            raise ToolError(f"{path}: a name in it is longer than 255 bytes.")
    return "/".join(parts)


def check_writable(context: ToolContext, path: str) -> None:
    """Refuse a write that this role may not make.

    Args:
        context: the role and its limits.
        path: as `checked_path` returns it.

    Raises:
        ToolError: the reason, for the model.
    """
    if path in context.existing_tests:
        raise ToolError(
            f"{path} is one of the project's own tests and stays as it is. "
            "Make the code satisfy it; put new tests into a new file."
        )
    if path in context.read_only:
        raise ToolError(
            f"{path} was written by the tester and is read-only for you. "
            "Change the code so that the tests pass; if a test is wrong, say so when you submit."
        )
    if context.write_only_tests and not is_test_file(path):
        raise ToolError(
            f"{path} is no test file, and you may only write tests: files in tests/, test_*.py, *_test.py, "
            "conftest.py, *.test.js, *.test.mjs, *.spec.js."
        )


def cut(text: str, budget: int = OUTPUT_BUDGET, advice: str = "") -> str:
    """A text within a budget of characters, with a note that says so where it was cut.

    Args:
        text: the whole.
        budget: most characters, the note not counted.
        advice: how to see the rest.
    """
    if len(text) <= budget:
        return text
    head = text[:budget]
    if (end := head.rfind("\n")) > budget // 2:
        head = head[: end + 1]
    note = f"[cut: {len(head):,} of {len(text):,} characters are shown{'. ' + advice if advice else ''}]"
    return f"{head.rstrip()}\n{note}"
