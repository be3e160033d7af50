"""The keeper: a small process that is the embedded server's parent and stops it when nobody uses it any more.

Every Miracle holds a shared lock on one file of the server's home. The keeper waits for the exclusive lock, which the
kernel grants once the last user is gone, however it went: a user that was killed leaves no server behind.
Standard library only, so that it starts in milliseconds and stays small.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from memory.postmaster import Home, forget_socket, locked, open_lock, remove_socket, running_pid, try_lock, wait_gone

STOP_S = 60.0
"""Seconds for an orderly shutdown, after which the server is stopped without one and recovers at its next start."""


@dataclass(frozen=True)
class Order:
    """What the starter asks of a keeper."""

    home: str
    argv: tuple[str, ...]
    """The server's command; `{cluster}` stands for its data directory. Empty adopts a server that already runs."""
    socket: str
    """The socket directory."""
    uid: int | None
    """The account that the server runs under; None for our own."""
    gid: int | None


def spawn(order: Order) -> None:
    """Start a keeper, detached from this process; it ends with its server."""
    root = str(Path(__file__).resolve().parent.parent)
    code = f"import sys; sys.path.insert(0, {root!r}); from memory.keeper import main; main()"
    with Path(order.home, "server.log").open("ab") as log:
        subprocess.run(
            [sys.executable, "-I", "-S", "-c", code],
            input=json.dumps(asdict(order)).encode(),
            stdout=subprocess.DEVNULL,
            stderr=log,
            cwd="/",
            start_new_session=True,
            check=True,
        )


def main() -> None:
    """Read the order, leave the starter, keep the server until it ends."""
    order = Order(**json.load(sys.stdin))
    home = Home(Path(order.home))
    if os.fork():
        os._exit(0)
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    for name in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)
    if not _take_post(home):
        return
    server = _launch(order, home) if order.argv else None
    stopping = threading.Event()
    stopper = threading.Thread(target=_stop_when_unused, args=(home, server, stopping), daemon=True)
    stopper.start()
    status = _watch_adopted(home) if server is None else server.wait()
    try:
        home.exit_note.write_text(str(status))
    except FileNotFoundError:
        remove_socket(Path(order.socket))
    if stopping.is_set():
        stopper.join(STOP_S)
    sys.stderr.flush()
    os._exit(0)


def _take_post(home: Home) -> bool:
    # The keeper before us may still be on its way out; its lock goes with it. Ours stays open until we end.
    fd = open_lock(home.keeper_lock)
    for _ in range(500):
        if try_lock(fd):
            return True
        time.sleep(0.01)
    return False


def _launch(order: Order, home: Home) -> "subprocess.Popen[bytes]":
    folder = os.open(home.cluster, os.O_RDONLY)
    cluster = reach(home.cluster, folder, foreign=order.uid is not None)
    server: subprocess.Popen[bytes] = subprocess.Popen(
        [part.replace("{cluster}", cluster) for part in order.argv],
        stdin=subprocess.DEVNULL,
        stdout=2,
        pass_fds=(folder,),
        umask=0o077,
        # The terminal's Ctrl+C must not reach the server.
        start_new_session=True,
        preexec_fn=_unignore,
        **account(order.uid, order.gid),  # type: ignore[call-overload]
    )
    return server


def _unignore() -> None:
    # Ignored signals are inherited, and the server waits for exactly these.
    for name in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(name, signal.SIG_DFL)


def account(uid: int | None, gid: int | None) -> dict[str, object]:
    """Arguments for subprocess that drop root for this account."""
    return {} if uid is None else {"user": uid, "group": gid, "extra_groups": []}


def reach(folder: Path, fd: int, *, foreign: bool) -> str:
    """A path to an open folder for another account, which may not be allowed to walk the way that leads there.

    Linux follows the descriptor's link without looking at the folders above, so none of them must be opened to others.
    """
    link = f"/proc/self/fd/{fd}"
    return link if foreign and os.path.exists(link) else str(folder)


def _watch_adopted(home: Home) -> int:
    while running_pid(home) is not None:
        time.sleep(0.5)
    return 0


def _stop_when_unused(home: Home, server: "subprocess.Popen[bytes] | None", stopping: threading.Event) -> None:
    try:
        _stop_after_last_user(home, stopping)
    except FileNotFoundError:
        # Somebody deleted the home: there is nothing left to keep in order.
        if server is not None:
            server.send_signal(signal.SIGQUIT)


def _stop_after_last_user(home: Home, stopping: threading.Event) -> None:
    while True:
        users = open_lock(home.users_lock)
        fcntl.flock(users, fcntl.LOCK_EX)
        # A starter takes the start lock first, then the users lock: in any other order we could wait for each other.
        os.close(users)
        try:
            with locked(home.start_lock, STOP_S):
                users = open_lock(home.users_lock)
                unused = try_lock(users)
                os.close(users)
                if unused:
                    stopping.set()
                    _stop(home)
                    return
        except TimeoutError:
            continue


def _stop(home: Home) -> None:
    pid = running_pid(home)
    if pid is not None:
        os.kill(pid, signal.SIGINT)
        if not wait_gone(home, pid, STOP_S):
            os.kill(pid, signal.SIGQUIT)
            wait_gone(home, pid, STOP_S)
    forget_socket(home)
