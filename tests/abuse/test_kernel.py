"""Attacks on the kernel's surface that the sandbox leaves open: each is tried, and has to come to nothing."""

import json
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.protocol import Backend
from tests.abuse.cases import abuse
from tests.sandbox_fixtures import cache_root, run_in

COMMON = r"""
import ctypes, errno, json, os, platform, resource, signal, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
arm = platform.machine() == "aarch64"
tried = {}
def attempt(name, action):
    try:
        found = action()
        tried[name] = "DONE" if found is None else found
    except OSError as exc:
        tried[name] = errno.errorcode[exc.errno]
    except ValueError as exc:
        tried[name] = "EPERM" if "not allowed" in str(exc) else str(exc)
def call(name, number, *arguments):
    def made():
        ctypes.set_errno(0)
        if libc.syscall(number, *arguments) < 0:
            raise OSError(ctypes.get_errno(), "")
    if number is not None:
        attempt(name, made)
"""
SHOW = "\nprint(json.dumps(tried))\n"
REFUSED = {"EPERM", "ENOSYS", "EACCES", "EROFS", "ENOENT", "ENXIO", "ESRCH", "ENOSPC", "EINVAL", "ECONNREFUSED"}

SET_USER_ID = r"""
libc.umask(0)
attempt("chmod", lambda: (open("a", "w").close(), os.chmod("a", 0o4755))[1])
attempt("fchmod", lambda: os.fchmod(os.open("b", os.O_CREAT | os.O_WRONLY, 0o755), 0o4755))
attempt("open", lambda: os.close(os.open("c", os.O_CREAT | os.O_WRONLY, 0o4755)))
attempt("mknod", lambda: os.mknod("d", 0o104755))
call("fchmodat2", 452, -100, b"a", 0o4755, 0)
call("creat", None if arm else 85, b"e", 0o4755)
how = (ctypes.c_uint64 * 3)(os.O_CREAT | os.O_WRONLY, 0o4755, 0)
call("openat2", 437, -100, b"f", ctypes.byref(how), 24)
call("openat of a file of no name", 56 if arm else 257, -100, b".", 0o20200000 | os.O_RDWR, 0o4755)
"""
SPACE = r"""
for place in ("/dev/x", "/dev/pts/x", "/proc/x", "/opt/bin/x", "/opt/x", "/run/x", "/var/tmp/x", "/mnt/x", "/sys/x"):
    attempt(place, lambda: os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o644)))
"""
KERNEL_MEMORY = 'call("msgget", 186 if arm else 68, 0, 0o1600)\n'
PROCESSORS = r"""
attempt("sched_setaffinity", lambda: os.sched_setaffinity(0, range(64)))
attempt("nice", lambda: os.setpriority(os.PRIO_PROCESS, 0, -5))
attempt("oom", lambda: os.write(os.open("/proc/self/oom_score_adj", os.O_WRONLY), b"-900") and None)
for name in ("RLIMIT_FSIZE", "RLIMIT_CORE", "RLIMIT_NOFILE"):
    infinite = resource.RLIM_INFINITY
    attempt(name, lambda: resource.setrlimit(getattr(resource, name), (infinite, infinite)))
"""
NEW_CALLS = "for number in range(467, 480): call(str(number), number, -1, -1, -1, -1, -1, -1)\n"
NAMESPACES = r"""
for flag in (0x10000000, 0x00020000, 0x40000000, 0x20000000, 0x02000000, 0x04000000, 0x08000000, 0x00000080):
    if flag != 0x00000080:  # in clone, a signal's number stands there
        call(f"clone {flag:x}", 220 if arm else 56, flag | signal.SIGCHLD, 0, 0, 0, 0)
    call(f"unshare {flag:x}", 97 if arm else 272, flag)
    arguments = (ctypes.c_uint64 * 8)(flag, 0, 0, 0, signal.SIGCHLD, 0, 0, 0)
    if flag in (0x10000000, 0x00000080):
        call(f"clone3 {flag:x}", 435, ctypes.byref(arguments), 64)
"""
DEVICES = r"""
for path in ("/dev/kmsg", "/dev/mem", "/dev/kvm", "/dev/fuse", "/dev/vda", "/dev/sda", "/dev/loop0", "/proc/kcore",
             "/proc/kmsg", "/proc/sysrq-trigger", "/sys/kernel/debug/x", "/proc/1/root/root/.bashrc", "/dev/tty"):
    attempt(path, lambda: "READ" if os.read(os.open(path, os.O_RDONLY | os.O_NONBLOCK), 1) else "EACCES")
attempt("mknod", lambda: os.mknod("disk", 0o60666, os.makedev(254, 0)))
attempt("syslog", lambda: libc.klogctl(3, ctypes.create_string_buffer(9), 9) > 0 and "READ" or "EPERM")
"""
CLOCK = r"""
call("clock_settime", 112 if arm else 227, 0, (ctypes.c_long * 2)(1, 0))
call("settimeofday", 170 if arm else 164, (ctypes.c_long * 2)(1, 0), None)
call("adjtimex", 171 if arm else 159, (ctypes.c_long * 32)(1, 100))
call("sethostname", 161 if arm else 170, b"x", 1)
"""
KEYS_AND_MEMORY = r"""
call("add_key", 217 if arm else 248, b"user", b"a", b"b", 1, -3)
call("request_key", 218 if arm else 249, b"user", b"a", None, -3)
call("process_vm_readv", 270 if arm else 310, 1, None, 0, None, 0, 0)
call("pidfd_getfd", 438, 3, 1, 0)
call("kcmp", 272 if arm else 312, 1, 1, 0, 0, 0)
call("perf_event_open", 241 if arm else 298, 0, 0, -1, -1, 0)
call("io_uring_setup", 425, 8, (ctypes.c_char * 200)())
call("io_uring_register", 427, 0, 0, 0, 0)
call("fanotify_init", 262 if arm else 300, 0, 0)
call("open_by_handle_at", 265 if arm else 304, -100, None, 0)
"""


ATTACKS = {
    "set-user-id": SET_USER_ID, "space": SPACE, "kernel-memory": KERNEL_MEMORY, "processors": PROCESSORS,
    "new-calls": NEW_CALLS, "namespaces": NAMESPACES, "devices": DEVICES, "clock": CLOCK, "keys": KEYS_AND_MEMORY,
}  # fmt: skip


@pytest.fixture(scope="module")
def answers() -> dict[str, dict[str, dict[str, str]]]:
    """What each backend said to every attack: all are made in one execution."""
    return {}


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param("set-user-id", marks=abuse(
            "A2", "A setuid program left in the workspace: chmod, open, creat, mknod, openat2, O_TMPFILE",
            "EPERM or ENOSYS, no such file")),
        pytest.param("space", marks=abuse(
            "A3", "Filling memory by files where no size is set: /dev, /opt, /run, /mnt", "nothing can be made")),
        pytest.param("kernel-memory", marks=abuse(
            "A4", "Kernel memory in System V message queues, which no process is charged for", "EPERM")),
        pytest.param("processors", marks=abuse(
            "A5", "More processors, a higher priority, exemption from the OOM killer, higher limits", "refused")),
        pytest.param("new-calls", marks=abuse(
            "A6", "System calls that are newer than the filter", "ENOSYS or EPERM")),
        pytest.param("namespaces", marks=abuse(
            "A7", "Nested namespaces of every kind by clone, clone3 and unshare", "refused")),
        pytest.param("devices", marks=abuse(
            "A8", "Kernel log and memory, disks, a device of one’s own, the terminal", "absent or refused")),
        pytest.param("clock", marks=abuse("A9", "Turning the clock, renaming the machine", "EPERM")),
        pytest.param("keys", marks=abuse(
            "A10", "Keyrings, another process’s memory and descriptors, performance counters, io_uring, file handles",
            "EPERM or ENOSYS")),
    ],
)  # fmt: skip
async def test_what_the_kernel_is_asked_for_is_refused(
    backend: Backend,
    sandbox_workspace: Path,
    attack: str,
    answers: dict[str, dict[str, dict[str, str]]],
    seen: Callable[[str], None],
) -> None:
    if backend.name not in answers:
        script = COMMON + "".join(f"tried = {{}}\n{ATTACKS[name]}{SHOW}" for name in ATTACKS)
        ended, output = await run_in(backend, sandbox_workspace, "python3", "-c", script)
        assert ended.reason == "ok", output
        answers[backend.name] = dict(zip(ATTACKS, map(json.loads, output.splitlines()), strict=True))
        files = [path.lstat().st_mode for path in sandbox_workspace.iterdir()]
        assert files
        assert not any(mode & stat.S_ISUID or not stat.S_ISREG(mode) for mode in files)
    tried = answers[backend.name][attack]
    assert tried
    assert set(tried.values()) <= REFUSED, tried
    seen(", ".join(sorted(set(tried.values()))))


OUTSIDE = (
    COMMON
    + r"""
name, marker, *pids = sys.argv[1:]
def connect():
    with socket.socket(socket.AF_UNIX) as s:
        s.connect("\0" + name)
attempt("abstract socket", connect)
for pid in pids:
    attempt(f"kill {pid}", lambda: os.kill(int(pid), signal.SIGKILL))
for process in filter(str.isdigit, os.listdir("/proc")):
    for way in ("root", "cwd"):
        attempt(f"{process} {way}", lambda: open(f"/proc/{process}/{way}{marker}").read())
def others(process):
    held = [os.readlink(f"/proc/{process}/fd/{fd}") for fd in os.listdir(f"/proc/{process}/fd")]
    return [one for one in held if one.startswith("/") and not one.startswith(("/dev/null", "/proc/"))
            or one.startswith("socket:")] or "ENOENT"
attempt("descriptors", lambda: others("self"))
attempt("descriptors of 1", lambda: others("1"))
"""
    + SHOW
)


@abuse("A11", "The host by its abstract sockets, process ids, /proc/*/root and inherited descriptors", "out of reach")
async def test_nothing_of_the_host_is_within_reach(
    backend: Backend, sandbox_workspace: Path, seen: Callable[[str], None]
) -> None:
    marker = cache_root() / f"marker-{os.getpid()}"
    marker.write_text("host")
    name = f"miracle-abuse-{os.getpid()}"
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("\0" + name)
            listening.listen()
            pids = [str(pid) for pid in (os.getpid(), os.getppid()) if pid > 50]
            argv = ("python3", "-c", OUTSIDE, name, str(marker), *pids)
            ended, output = await run_in(backend, sandbox_workspace, *argv)
    finally:
        marker.unlink()
    assert ended.reason == "ok", output
    tried = json.loads(output)
    assert set(tried.values()) <= REFUSED, tried
    seen(", ".join(sorted(set(tried.values()))))


CRASH = r"""
import ctypes, os, resource
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
print(hard, flush=True)
ctypes.string_at(0)
"""


@abuse("A12", "A crash that leaves its memory in a core file", "no core file")
async def test_a_crash_leaves_no_core_file(
    backend: Backend, sandbox_workspace: Path, seen: Callable[[str], None]
) -> None:
    ended, output = await run_in(backend, sandbox_workspace, "python3", "-c", CRASH)
    assert (ended.reason, ended.exit_code) == ("failed", 139), output
    # Docker keeps no order between what the code and its shell say.
    assert "0" in output.splitlines()
    assert list(sandbox_workspace.iterdir()) == []
    seen("SIGSEGV, nothing left")
