"""What sandboxed code may not reach: the network, the host's secrets and files, the kernel's dangerous calls."""

import json
import os
from pathlib import Path

import pytest

from sandbox.identity import running_identity
from sandbox.protocol import Backend, EnvSpec
from tests.abuse.cases import abuse
from tests.sandbox_fixtures import run_in

NETWORK = r"""
import json, socket
tried = {}
def attempt(name, action):
    try:
        action()
        tried[name] = "REACHED"
    except OSError as exc:
        tried[name] = type(exc).__name__
def connect(family, kind, address):
    with socket.socket(family, kind) as s:
        s.settimeout(2)
        s.connect(address)
        s.send(b"x")
attempt("tcp", lambda: connect(socket.AF_INET, socket.SOCK_STREAM, ("1.1.1.1", 80)))
attempt("udp", lambda: connect(socket.AF_INET, socket.SOCK_DGRAM, ("1.1.1.1", 53)))
attempt("tcp6", lambda: connect(socket.AF_INET6, socket.SOCK_STREAM, ("2606:4700:4700::1111", 80)))
attempt("metadata", lambda: connect(socket.AF_INET, socket.SOCK_STREAM, ("169.254.169.254", 80)))
attempt("dns", lambda: socket.getaddrinfo("example.com", 80))
attempt("vsock", lambda: socket.socket(40, socket.SOCK_STREAM).close())
attempt("alg", lambda: socket.socket(38, socket.SOCK_SEQPACKET).close())
attempt("packet", lambda: socket.socket(17, socket.SOCK_RAW).close())
attempt("raw", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close())
print(json.dumps(tried))
"""


@abuse("1", "TCP, UDP, DNS, the metadata address, VSOCK, ALG, PACKET and raw sockets", "an error each")
async def test_1_no_way_into_any_network(backend: Backend, sandbox_workspace: Path) -> None:
    ended, output = await run_in(backend, sandbox_workspace, "python3", "-c", NETWORK)
    assert ended.reason == "ok", output
    tried = json.loads(output)
    assert len(tried) == 9
    assert "REACHED" not in tried.values(), tried


async def test_1_loopback_works_inside(backend: Backend, sandbox_workspace: Path) -> None:
    code = (
        "import socket; s = socket.create_server(('127.0.0.1', 0)); "
        "c = socket.create_connection(s.getsockname()); a, _ = s.accept(); a.send(b'hi'); print(c.recv(2))"
    )
    ended, output = await run_in(backend, sandbox_workspace, "python3", "-c", code)
    assert (ended.reason, output.strip()) == ("ok", "b'hi'")


SECRETS = r"""
import os, pathlib
for process in pathlib.Path("/proc").glob("[0-9]*"):
    for name in ("environ", "cmdline"):
        try:
            print(name, (process / name).read_bytes())
        except OSError:
            pass
home = pathlib.Path.home()
print("home", home, sorted(home.glob("**/*")))
for place in ("/root", "/home"):
    try:
        print(place, sorted(pathlib.Path(place).rglob("*.*")))
    except OSError as exc:
        print(place, type(exc).__name__)
print("environment", dict(os.environ))
"""


@abuse("2", "Secrets in every /proc/*/environ and cmdline, in $HOME, in ~/.ssh", "absent")
async def test_2_no_secret_of_the_host_is_visible(
    backend: Backend, sandbox_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-value")
    ended, output = await run_in(backend, sandbox_workspace, "python3", "-c", SECRETS)
    assert ended.reason == "ok", output
    assert "sk-very-secret-value" not in output
    assert "OPENAI_API_KEY" not in output
    assert ".ssh" not in output
    assert "/tmp/home" in output
    assert str(sandbox_workspace) not in output


PROC_SYS = r"""
import os
opened = 0
for folder, _, names in os.walk("/proc/sys"):
    for name in names:
        try:
            os.close(os.open(os.path.join(folder, name), os.O_WRONLY))
            opened += 1
        except OSError:
            pass
print(opened)
"""


@abuse("3", "Every file under /proc/sys opened for writing", "none opens")
async def test_3_nothing_under_proc_sys_can_be_opened_for_writing(backend: Backend, sandbox_workspace: Path) -> None:
    ended, output = await run_in(backend, sandbox_workspace, "python3", "-c", PROC_SYS)
    assert (ended.reason, output.strip()) == ("ok", "0")


@abuse("3", "bubblewrap started by root", "runs as an unprivileged user")
@pytest.mark.parametrize("backend", [pytest.param("bubblewrap", marks=pytest.mark.bubblewrap)], indirect=True)
async def test_3_bubblewrap_does_not_run_as_root(backend: Backend, sandbox_workspace: Path) -> None:
    ended, output = await run_in(backend, sandbox_workspace, "python3", "-c", "open('made', 'w').close()")
    assert ended.reason == "ok", output
    assert (sandbox_workspace / "made").stat().st_uid == running_identity()[0] != 0


WRITES = r"""
import errno, json, os
tried = {}
for path in ("/usr/x", "/etc/x", "/bin/x", "/opt/tools/x", "/opt/tools/python/x.py",
             "/opt/tools/runners/reporter.py", "/x", "/opt/x", "/usr/bin/python3"):
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT))
        tried[path] = "WRITTEN"
    except OSError as exc:
        tried[path] = errno.errorcode[exc.errno]
print(json.dumps(tried))
"""


@abuse("4", "Writing /usr, /etc, the tool environment, the interpreter", "EROFS or EACCES")
async def test_4_only_the_workspace_and_temporary_space_can_be_written(
    backend: Backend, sandbox_workspace: Path
) -> None:
    env = await backend.prepare(EnvSpec("python"))
    ended, output = await run_in(backend, sandbox_workspace, "python3", "-c", WRITES, env=env)
    assert ended.reason == "ok", output
    tried = json.loads(output)
    assert set(tried.values()) <= {"EROFS", "EACCES", "ETXTBSY"}, tried
    assert tried["/opt/tools/x"] == tried["/usr/x"] == "EROFS"
    ended, output = await run_in(backend, sandbox_workspace, "sh", "-c", "echo hi >/workspace/a && echo hi >/tmp/a")
    assert (ended.reason, (sandbox_workspace / "a").read_text()) == ("ok", "hi\n")


CALLS = r"""
import ctypes, errno, json, platform
libc = ctypes.CDLL(None, use_errno=True)
arm = platform.machine() == "aarch64"
calls = {"mount": (165, 40), "unshare": (272, 97), "ptrace": (101, 117), "bpf": (321, 280), "keyctl": (250, 219),
         "io_uring_setup": (425, 425), "setns": (308, 268), "userfaultfd": (323, 282), "perf_event_open": (298, 241),
         "init_module": (175, 105), "pivot_root": (155, 41), "add_key": (248, 217)}
tried = {}
for name, numbers in calls.items():
    ctypes.set_errno(0)
    flags = 0x10000000 if name == "unshare" else 0
    result = libc.syscall(numbers[arm], flags, 0, 0, 0, 0)
    tried[name] = "DONE" if result >= 0 else errno.errorcode[ctypes.get_errno()]
print(json.dumps(tried))
"""


@abuse("5", "mount, unshare, ptrace, bpf, keyctl, io_uring, setns, perf, userfaultfd, modules", "EPERM or ENOSYS")
async def test_5_dangerous_system_calls_are_refused(backend: Backend, sandbox_workspace: Path) -> None:
    ended, output = await run_in(backend, sandbox_workspace, "python3", "-c", CALLS)
    assert ended.reason == "ok", output
    tried = json.loads(output)
    assert set(tried.values()) <= {"EPERM", "ENOSYS"}, tried


STATUS = r"""
import json, os, pathlib
lines = dict(line.split(":\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\t" in line)
sockets = [str(path) for place in ("/run", "/var/run", "/tmp") for path in pathlib.Path(place).rglob("*")
           if path.is_socket()] if os.path.exists("/var/run") else []
keys = ("CapEff", "CapPrm", "CapBnd", "NoNewPrivs", "Seccomp", "Groups")
print(json.dumps({**{key: lines[key].strip() for key in keys}, "sockets": sockets, "uid": os.getuid(),
                  "docker": os.path.exists("/var/run/docker.sock")}))
"""


@abuse(
    "6",
    "docker.sock and host sockets; capabilities, setuid programs",
    "none there; no capability, NoNewPrivs, seccomp on",
)
async def test_6_no_sockets_no_capabilities_no_new_privileges(backend: Backend, sandbox_workspace: Path) -> None:
    ended, output = await run_in(backend, sandbox_workspace, "python3", "-c", STATUS)
    assert ended.reason == "ok", output
    status = json.loads(output)
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == int(status["CapBnd"], 16) == 0
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert status["sockets"] == []
    assert not status["docker"]
    assert status["uid"] != 0
    assert str(os.getgid()) not in status["Groups"].split() or os.getgid() != 0
