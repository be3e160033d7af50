"""The terminal's window is closed: the app ends, and the database with it."""

import fcntl
import os
import pty
import select
import subprocess
import sys
import termios
import time
from pathlib import Path

from config.paths import find_paths
from memory.postmaster import Home, is_held, running_pid

END_S = 30.0


def test_an_app_whose_terminal_goes_away_ends_and_leaves_no_server(tmp_path: Path) -> None:
    home = Home(find_paths({"MIRACLE_HOME": str(tmp_path)}).database.resolve())
    environ = {**os.environ, "MIRACLE_HOME": str(tmp_path), "TERM": "xterm-256color", "OPENAI_API_KEY": "sk-none"}
    terminal, end = pty.openpty()
    app = subprocess.Popen(
        [sys.executable, "-m", "miracle_tui"],
        stdin=end,
        stdout=end,
        stderr=end,
        env=environ,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(end)
    painted = b""
    deadline = time.monotonic() + END_S
    while b"Give Miracle a goal" not in painted or running_pid(home) is None:
        assert time.monotonic() < deadline, painted[-500:]
        if select.select([terminal], [], [], 0.05)[0]:
            painted += os.read(terminal, 65536)
    os.close(terminal)
    try:
        assert app.wait(END_S) == 0, "it goes on without its terminal"
    finally:
        app.kill()
        app.wait()
    deadline = time.monotonic() + END_S
    while running_pid(home) is not None or is_held(home.keeper_lock):
        assert time.monotonic() < deadline, "the server survives its last user"
        time.sleep(0.05)
