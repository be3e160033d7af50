"""Ties a program to this process: when this one is gone, even by SIGKILL, the program and its group are killed.

The program's first act is to leave a watcher in its own process group, which reads a pipe that only this process can
write to. The end of that pipe is the end of the group; a line in it sends the watcher home.
"""

import os
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_TIED = """
exec 3<&0 </dev/null
( { trap '' TERM INT HUP; read -r _ <&3 || kill -s KILL 0; } >/dev/null 2>&1 & )
exec 3<&-
exec "$@"
"""
"""The watcher is nobody's child, so that a program which waits for its children does not wait for it."""


class Tether:
    """A pipe that a program watches; start it in a session of its own with `stdin` as its input.

    The program reads nothing: its own input is empty. Descriptor 3 cannot be passed on to it.
    """

    def __init__(self) -> None:
        self.stdin, self._held = os.pipe2(os.O_CLOEXEC)

    def argv(self, program: Sequence[str]) -> list[str]:
        """The command line that starts a program tied."""
        return ["/bin/sh", "-c", _TIED, "sh", *program]

    def let_go(self) -> None:
        """Let what the program left in the background live on."""
        with suppress(BrokenPipeError):
            os.write(self._held, b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        """Close the pipe: what was not let go and still runs is killed."""
        os.close(self.stdin)
        os.close(self._held)


def run_tied(command: Sequence[str | Path], **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run a program to its end, tied, and read what it says; its process group ends with it.

    Args:
        command: the program and its arguments.
        options: of `subprocess.run`.

    Raises:
        subprocess.TimeoutExpired: it took longer than `timeout`.
        OSError: nothing can be started.
    """
    with Tether() as tether:
        return subprocess.run(
            tether.argv([str(part) for part in command]), stdin=tether.stdin, capture_output=True, text=True,
            errors="replace", check=False, start_new_session=True, **options,
        )  # fmt: skip
