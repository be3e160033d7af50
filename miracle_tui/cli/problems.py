"""Errors as a person meets them: what is wrong, what to do next, and the exit status.

Problem
+-- BadInput        exit 2: an argument, a file, a name that does not stand for anything
+-- NotPossible     exit 1: understood, but it cannot be done now
"""

import json
import os
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path

import click

from miracle_tui.cli.console import tell
from miracle_tui.cli.inert import inert, one_line

SUCCESS, FAILED, USAGE, WAITING, BUDGET, INTERRUPTED = 0, 1, 2, 3, 4, 130
"""Exit statuses of `run`, `resume` and `demo`; the other commands use the first three."""


class Problem(Exception):
    """The base: a title, and a hint that says what to do next."""

    code = FAILED

    def __init__(self, title: str, hint: str = "") -> None:
        super().__init__(title)
        self.title = title
        self.hint = hint


class BadInput(Problem):
    """What was asked for does not make sense."""

    code = USAGE


class NotPossible(Problem):
    """It cannot be done now."""


def report(exc: BaseException) -> int:
    """Tell the person about an error on stderr.

    Args:
        exc: what ended the command.

    Returns:
        The exit status.
    """
    if isinstance(exc, click.exceptions.Exit):
        return exc.exit_code
    if isinstance(exc, KeyboardInterrupt | click.Abort):
        tell(["Interrupted."])
        return INTERRUPTED
    if isinstance(exc, BrokenPipeError):
        _forget_stdout()
        return FAILED
    if isinstance(exc, BaseExceptionGroup):
        return report(exc.exceptions[0])
    if isinstance(exc, click.UsageError):
        return _tell(exc.format_message(), _usage_hint(exc), USAGE)
    if isinstance(exc, click.ClickException):
        return _tell(exc.format_message(), "", USAGE)
    if isinstance(exc, Problem):
        return _tell(exc.title, exc.hint, exc.code)
    return _report_from_below(exc)


def _report_from_below(exc: BaseException) -> int:
    from config.errors import ConfigError
    from engine.errors import EngineError, WorkspaceError
    from memory.errors import MemoryStoreError, RunUnknown
    from sandbox.errors import SandboxError

    if isinstance(exc, ConfigError | EngineError | MemoryStoreError | SandboxError):
        code = USAGE if isinstance(exc, ConfigError | WorkspaceError | RunUnknown) else FAILED
        return _tell(exc.title, exc.hint, code)
    if isinstance(exc, OSError) and exc.filename is not None:
        return _tell(f"{exc.filename}: {exc.strerror}", "Check the path, its permissions and the free space.", FAILED)
    kept = _keep_traceback(exc)
    where = f"The whole traceback is in {kept}." if kept else "The log file could not be written."
    return _tell(f"Miracle met an error of its own: {type(exc).__name__}: {exc}", where, FAILED)


def _clean(text: str) -> str:
    """Without secrets: what a library says in its errors is not ours to trust."""
    from config.secrets import named_secrets, redact

    return redact(text, named_secrets(os.environ))


def _tell(title: str, hint: str, code: int) -> int:
    title, hint = _clean(title), _clean(hint)
    lines = [f"Error: {one_line(title, 2000)}"]
    if hint:
        lines += [
            f"Next: {line}" if not number else f"      {line}" for number, line in enumerate(inert(hint).split("\n"))
        ]
    tell(lines)
    return code


def _usage_hint(exc: click.UsageError) -> str:
    path = exc.ctx.command_path if exc.ctx else "miracle"
    return f"`{path} --help` shows what it takes, with examples."


def _keep_traceback(exc: BaseException) -> Path | None:
    """Append the traceback to the log file, as a line like its others; None when it cannot be written."""
    from config.logging import FILE
    from config.paths import find_paths

    path = find_paths().logs / FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        line = json.dumps(
            {
                "timestamp": datetime.now(UTC).isoformat(),
                "level": "ERROR",
                "event": "command_failed",
                "exception": _clean("".join(traceback.format_exception(exc))),
            }
        )
        with open(path, "a", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(f"{line}\n")
    except OSError:
        return None
    return path


def _forget_stdout() -> None:
    """Point stdout at nothing, so that Python does not complain about the broken pipe when it flushes at exit."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(devnull, sys.stdout.fileno())
    finally:
        os.close(devnull)
