"""A sandbox whose starter dies before it lets it go leaves half of itself, which the next look at the backend ends."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from sandbox.bubblewrap_arguments import limited, memory_file
from sandbox.identity import sandbox_identity
from sandbox.orphans import end_orphans
from sandbox.protocol import Limits

pytestmark = pytest.mark.bubblewrap


def until(true: Callable[[], object]) -> None:
    """Wait for a call to give something true."""
    for _ in range(500):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come")


def test_half_a_sandbox_is_ended_and_a_whole_one_is_not() -> None:
    program = shutil.which("bwrap")
    assert program is not None
    uid, gid = sandbox_identity() or (None, None)
    held, go = os.pipe2(os.O_CLOEXEC)
    options = ("--unshare-all", "--unshare-user", "--die-with-parent", "--ro-bind", "/", "/", "--block-fd", str(held))
    listed = memory_file("arguments", b"".join(option.encode() + b"\0" for option in options))
    starter = subprocess.Popen(
        (program, "--args", str(listed), "--", "/usr/bin/prlimit", "--core=0", "sleep", "60"),
        pass_fds=(listed, held), user=uid, group=gid, cwd="/", env={}, start_new_session=True,
    )  # fmt: skip
    try:
        until(psutil.Process(starter.pid).children)
        (half,) = psutil.Process(starter.pid).children()
        end_orphans()
        assert half.is_running()
        assert starter.poll() is None
        starter.kill()
        starter.wait()
        assert half.is_running()
        assert end_orphans() >= 1
        until(lambda: not half.is_running())
    finally:
        starter.kill()
        starter.wait()
        for descriptor in (held, go, listed):
            os.close(descriptor)


def test_a_command_whose_starter_died_before_it_gave_leave_does_not_begin(tmp_path: Path) -> None:
    """Bubblewrap itself goes on when the pipe that it blocks on is closed."""
    begun = tmp_path / "begun"
    command = limited(["touch", str(begun)], Limits())
    assert subprocess.run(command, input=b"", check=False).returncode != 0
    assert not begun.exists()
    assert subprocess.run(command, input=b"\n", check=False).returncode == 0
    assert begun.exists()
