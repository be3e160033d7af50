"""How any other command is run in a sandbox: its exit status is the result."""

import shlex
from collections.abc import Sequence

from sandbox.report import CaseResult, Reason


def shell_command(command: str) -> tuple[str, ...]:
    """A line of shell as an argument list."""
    return ("sh", "-c", command)


def command_case(command: Sequence[str], reason: Reason, duration_s: float, output: str) -> CaseResult:
    """The one test that a command counts as."""
    passed = reason == "ok"
    return CaseResult(
        id=shlex.join(command),
        outcome="passed" if passed else "failed",
        duration_s=duration_s,
        message="" if passed else output[-8000:],
    )
