"""A sandbox whose starter dies before it lets it go leaves half of itself, which the next look at the backend ends."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable

import psutil
import pytest

from sandbox.bubblewrap_arguments import memory_file
from sandbox.identity import sandbox_identity
from sandbox.orphans import end_orphans

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
