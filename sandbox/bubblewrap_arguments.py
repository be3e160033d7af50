"""What bubblewrap is told: mounts, namespaces, variables; no path of the host shows in a command line."""

import os
from collections.abc import Iterable, Mapping, Sequence

from sandbox.interpreters import Interpreter
from sandbox.protocol import ExecSpec, Limits

SHM_BYTES, TMP_BYTES, FILE_BYTES = 64 * 2**20, 256 * 2**20, 512 * 2**20
OPEN_FILES = 1024
NODE_MODULES = "/node_modules"
"""Where Node.js looks last for a package that the workspace does not hold."""
NAMES = "/opt/bin"
"""Holds `python`, `python3` and `node` under these names, whatever they are called on the host."""
ISOLATION = (
    "--unshare-all", "--unshare-user", "--disable-userns", "--uid", "1000", "--gid", "1000", "--hostname", "sandbox",
    "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv",
)  # fmt: skip
SYSTEM = ("--ro-bind", "/usr", "/usr", "--dir", "/etc")
ETC = ("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "mime.types")
FILES = {
    "/etc/passwd": b"root:x:0:0:root:/root:/usr/sbin/nologin\nsandbox:x:1000:1000::/tmp/home:/bin/sh\n",
    "/etc/group": b"root:x:0:\nsandbox:x:1000:\n",
    "/etc/hosts": b"127.0.0.1 localhost sandbox\n::1 localhost\n",
}
"""Files of the sandbox's own: tests that listen on localhost find it without the host's names."""
KERNEL = (
    "--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys", "--dev", "/dev",
    "--size", str(SHM_BYTES), "--tmpfs", "/dev/shm", "--size", str(TMP_BYTES), "--perms", "1777", "--tmpfs", "/tmp",
    "--dir", "/tmp/home", "--remount-ro", "/dev",
)  # fmt: skip


def bubblewrap_options(
    spec: ExecSpec,
    programs: Mapping[str, Interpreter],
    *,
    seccomp: int,
    files: Mapping[str, int],
) -> list[str]:
    """The options that go through `--args`.

    Args:
        spec: what to run.
        programs: name in the sandbox to interpreter.
        seccomp: descriptor of the filter.
        files: path in the sandbox to the descriptor of its content, for each of `FILES`.
    """
    options = [*ISOLATION, *SYSTEM]
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        if os.path.lexists(f"/{name}"):
            options += ["--symlink", f"usr/{name}", f"/{name}"] if os.path.islink(f"/{name}") else []
            options += [] if os.path.islink(f"/{name}") else ["--ro-bind", f"/{name}", f"/{name}"]
    for name in ETC:
        options += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    for path, descriptor in files.items():
        options += ["--ro-bind-data", str(descriptor), path]
    options += [*KERNEL, "--dir", NAMES]
    for mount in dict.fromkeys(program.mount for program in programs.values() if program.mount):
        options += ["--ro-bind", str(mount), str(mount)]
    for name, program in programs.items():
        options += ["--symlink", str(program.executable), f"{NAMES}/{name}"]
    if spec.env.root is not None:
        options += ["--ro-bind", str(spec.env.root), "/opt/tools"]
        if has_node_modules(spec):
            options += ["--symlink", "opt/tools/node_modules", NODE_MODULES]
    options += ["--bind" if spec.writable else "--ro-bind", str(spec.workspace), "/workspace"]
    options += ["--remount-ro", "/", "--chdir", "/workspace"]
    for name, value in with_nonce(spec, variables(spec, path=f"{NAMES}:/usr/local/bin:/usr/bin:/bin")).items():
        options += ["--setenv", name, value]
    return [*options, "--seccomp", str(seccomp)]


def variables(spec: ExecSpec, *, path: str) -> dict[str, str]:
    """The whole environment of sandboxed code: nothing of the host's."""
    found = {
        "PATH": path,
        "HOME": "/tmp/home",
        "USER": "sandbox",
        "LOGNAME": "sandbox",
        "LANG": "C.UTF-8",
        "TMPDIR": "/tmp",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
    }
    if spec.env.root is not None and spec.env.spec.language == "python":
        # The test tools come first: no package that a project brings takes their place.
        found["PYTHONPATH"] = "/opt/tools/python" + (":/opt/tools/project" if spec.env.spec.lock else "")
    if has_node_modules(spec):
        found["NODE_PATH"] = "/opt/tools/node_modules"
        found["PATH"] = f"/opt/tools/node_modules/.bin:{path}"
    return {**found, **spec.variables}


def has_node_modules(spec: ExecSpec) -> bool:
    """Whether the environment holds packages of npm, which Node.js finds in a folder above the workspace."""
    return spec.env.root is not None and spec.env.spec.language == "node" and bool(spec.env.spec.lock)


def with_nonce(spec: ExecSpec, found: Mapping[str, str]) -> dict[str, str]:
    """Variables with the secret of the reports; the runner's inner half wipes it before any tested code runs."""
    return {**found, **({"MIRACLE_NONCE": spec.nonce} if spec.nonce else {})}


def pinned(processors: Iterable[int]) -> list[str]:
    """What stands before bubblewrap to keep it, and all within, on these processors.

    Outside of the sandbox, whose filter then refuses to change it.
    """
    return ["/usr/bin/taskset", "--cpu-list", ",".join(map(str, processors))]


_TOLD = ("/bin/sh", "-c", 'read -r _ && exec "$@" </dev/null', "sh")
"""Bubblewrap takes the end of what it blocks on for leave to go on: a starter that died would have given it."""


def limited(argv: Sequence[str], limits: Limits) -> list[str]:
    """The command under its resource limits, begun only when a line on its input says so.

    RLIMIT_DATA and not RLIMIT_AS: Node.js reserves far more addresses than it uses.
    """
    return [
        "/usr/bin/prlimit", f"--nproc={limits.pids}", f"--data={limits.memory_bytes}", f"--fsize={FILE_BYTES}",
        f"--cpu={max(1, round(limits.timeout_s))}", "--core=0", f"--nofile={OPEN_FILES}", *_TOLD, *argv,
    ]  # fmt: skip


def memory_file(name: str, content: bytes) -> int:
    """An inheritable descriptor that reads as the content, from its start."""
    opened = os.memfd_create(name, 0)
    os.write(opened, content)
    os.lseek(opened, 0, os.SEEK_SET)
    return opened
