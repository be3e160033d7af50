"""What sandboxed code leaves behind must not hurt the host that reads it, commits it and removes it."""

import asyncio
import os
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from config.paths import Paths
from config.rules import LanguageRules, SafetyRules
from engine.workspace.checkpoint import checkpoint, restore
from engine.workspace.prepared import Prepared
from engine.workspace.worktree import prepare_worktree
from sandbox.environments import prepare_environment
from sandbox.errors import UnsafePath
from sandbox.identity import sandbox_identity
from sandbox.protocol import Backend, EnvSpec, ExecSpec, Limits, Output
from sandbox.removal import remove_tree
from sandbox.safe_files import read_text
from sandbox.scan import scan
from tests.abuse.cases import abuse
from tests.sandbox_fixtures import NO_ENV, run_in, sandbox_paths
from tests.workspace_fixtures import Folder

LEFT = r"""
import os, socket
os.symlink("/etc/passwd", "link")
os.symlink("/proc/self/environ", "self")
os.symlink("/", "up")
os.mkfifo("fifo")
socket.socket(socket.AF_UNIX).bind("sock")
os.link("/workspace/own", "hard") if os.path.exists("own") else None
for target in ("/etc/passwd", "/opt/tools/runners/reporter.py", "/usr/bin/env"):
    try:
        os.link(target, "stolen")
    except OSError:
        pass
"""


@abuse("17", "Links to the host, /proc/self, a FIFO and a socket left in the workspace", "rejected, no hang")
async def test_17_what_is_left_is_not_followed(
    backend: Backend, sandbox_workspace: Path, seen: Callable[[str], None]
) -> None:
    ended, output = await run_in(backend, sandbox_workspace, "python3", "-c", LEFT)
    assert ended.reason == "ok", output
    began = time.monotonic()
    for name in ("link", "self", "up/etc/passwd", "fifo", "sock"):
        with pytest.raises(UnsafePath):
            read_text(sandbox_workspace, name)
    assert not (sandbox_workspace / "stolen").exists()
    assert time.monotonic() - began < 1
    seen("rejected")


SWAP = """
import os, time
os.mkdir("real"); open("real/passwd", "w").write("mine")
os.symlink("/etc", "linked")
os.symlink("real", "at")
end = time.monotonic() + 1
print("go", flush=True)
while time.monotonic() < end:
    for target in ("/etc", "real"):
        os.symlink(target, "next"); os.rename("next", "at")
    os.rename("real", "dir"); os.rename("linked", "real"); os.rename("real", "linked"); os.rename("dir", "real")
"""


@abuse("A14", "Folders swapped for links while the host reads below them", "never the host’s file")
async def test_a_race_against_the_hosts_reads_is_lost(
    backend: Backend, sandbox_workspace: Path, seen: Callable[[str], None]
) -> None:
    found: set[str] = set()
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            for path in ("at/passwd", "real/passwd", "linked/passwd"):
                try:
                    found.add(read_text(sandbox_workspace, path))
                except UnsafePath:
                    continue

    reading = asyncio.create_task(asyncio.to_thread(read))
    ended, output = await run_in(backend, sandbox_workspace, "python3", "-c", SWAP)
    over.set()
    await reading
    assert ended.reason == "ok", output
    assert found == {"mine"}
    seen("only its own file")


async def prepared(folder: Path) -> Prepared:
    """A run's worktree of a small project."""
    project = Folder(folder / "project")
    project.git("init", "-q")
    project.write({"app.py": "x = 1\n"})
    project.commit()
    paths = Paths(data=folder / "home", config=folder / "config", cache=folder / "cache", logs=folder / "logs")
    return await prepare_worktree("run-1", project.root, paths, sandbox_identity())


EVIL_GIT = r"""
mkdir -p .git/hooks sub && cd sub && mkdir .git
for place in ../.git .git; do
  printf '[core]\n\tfsmonitor = touch /tmp/RAN\n\thooksPath = hooks\n' >$place/config
  printf '[filter "x"]\n\tclean = touch /tmp/RAN; cat\n' >>$place/config
done
printf '#!/bin/sh\ntouch /tmp/RAN\n' >../.git/hooks/pre-commit; chmod 755 ../.git/hooks/pre-commit
printf '* filter=x\n' >../.gitattributes; printf 'x = 2\n' >../app.py; cp ../app.py in.py
"""


@abuse("18", "A fsmonitor, hooks and clean filters for the host’s git", "not executed")
async def test_18_git_runs_nothing_of_the_workspace(
    backend: Backend, sandbox_workspace: Path, seen: Callable[[str], None]
) -> None:
    work = await prepared(sandbox_workspace)
    trace = sandbox_workspace / "RAN"
    script = EVIL_GIT.replace("/tmp/RAN", str(trace))
    ended, output = await run_in(backend, work.worktree, "sh", "-c", script)
    assert ended.reason == "ok", output
    taken = await checkpoint(work, "x", base=work.base_commit)
    assert "app.py" in {file.path for file in taken.files}
    await restore(work, work.base_commit)
    assert not trace.exists()
    seen("nothing ran")


NAMES = r"""
import os
for name in ("a\nb", "\x1b]52;c;eA==\x07", "\udcff", "-rf", "--help", "x" * 255, " ", "\u202egpj.exe"):
    open(name, "wb").write(b"1")
os.mkfifo("fifo")
for path, levels in (("a" * 200, 25), ("b", 1100)):
    for _ in range(levels):
        os.mkdir(path); os.chdir(path)
    open("f", "w").close()
    os.chdir("/workspace")
"""


DEEPER = "import os\nos.mkfifo('pipe')\nfor _ in range(1100):\n  os.mkdir('c'); os.chdir('c')\n"


@abuse("A15", "Names that are options, escape sequences or no text, and folders nested thousands deep",
       "committed or pruned, put back, removed")  # fmt: skip
async def test_any_tree_can_be_committed_put_back_and_removed(
    backend: Backend, sandbox_workspace: Path, seen: Callable[[str], None]
) -> None:
    work = await prepared(sandbox_workspace)
    ended, output = await run_in(backend, work.worktree, "python3", "-c", NAMES)
    assert ended.reason == "ok", output
    taken = await checkpoint(work, "x", base=work.base_commit)
    assert {"-rf", "--help", "a\nb", "x" * 255} <= {file.path for file in taken.files}
    assert any("nested too deep" in note for note in taken.notes)
    await run_in(backend, work.worktree, "python3", "-c", DEEPER)
    await restore(work, work.base_commit)
    assert [path.name for path in work.worktree.rglob("*") if not path.is_dir()] == ["app.py"]
    await run_in(backend, work.worktree, "python3", "-c", DEEPER)
    remove_tree(work.worktree)
    assert not work.worktree.exists()
    seen("as expected")


@abuse("19", "A .pth file and a sitecustomize written into a tool environment", "read-only, not executed on the host")
async def test_19_the_tool_environment_stays_clean(
    backend: Backend, sandbox_workspace: Path, seen: Callable[[str], None]
) -> None:
    env = await backend.prepare(EnvSpec("python"))
    script = "for f in evil.pth sitecustomize.py; do echo 'import os' >/opt/tools/python/$f; done; ls -l /opt/tools"
    ended, output = await run_in(backend, sandbox_workspace, "sh", "-c", script, env=env)
    assert "Read-only file system" in output, (ended, output)
    assert env.root is not None
    assert not {"evil.pth", "sitecustomize.py"} & set(os.listdir(env.root / "python"))
    again = await prepare_environment(EnvSpec("python"), sandbox_paths().environments, sandbox_paths().cache, None)
    assert again.root is not None
    assert all(not path.stat().st_mode & stat.S_IWOTH for path in env.root.rglob("*"))
    seen("EROFS")


HIDDEN = {
    ".bandit": ("[bandit]\nskips = B102,B307\n", ""),
    "nosec": ("", "  # nosec"),
    ".eggs": ("", ""),
    "20k terms": ("", "\nx = " + "+".join(["1"] * 20_000)),
    "deep": ("", "\nx = " + "(" * 5_000 + ")" * 5_000),
}


@pytest.mark.parametrize("trick", HIDDEN)
@abuse("22", "Code hidden from the scan: .bandit, nosec, .eggs, 20,000 terms, 5,000 brackets", "flagged or blocked")
async def test_22_nothing_hides_from_the_scan(tmp_path: Path, trick: str, seen: Callable[[str], None]) -> None:
    configuration, suffix = HIDDEN[trick]
    path = ".eggs/app.py" if trick == ".eggs" else "app.py"
    (tmp_path / ".eggs").mkdir()
    (tmp_path / ".bandit").write_text(configuration)
    (tmp_path / path).write_text(f"exec(input()){suffix}\n")
    rules = SafetyRules(python=LanguageRules(blocked_functions=("exec",)))
    found = await scan(tmp_path, [path], rules, "python")
    assert any(item.verdict in ("blocked", "approval_required") for item in found)
    seen("blocked or asked for")


DRIP = "import os\nfor _ in range(150_000): os.write(1, b'\\x1e')"


@abuse("A16", "Output of single bytes, each one the beginning of a report", "read at once, the host stays responsive")
async def test_a_drip_of_output_does_not_hold_the_host_up(
    backend: Backend, sandbox_workspace: Path, seen: Callable[[str], None]
) -> None:
    spec = ExecSpec("drip", ("python3", "-c", DRIP), sandbox_workspace, NO_ENV, limits=Limits(timeout_s=30), nonce="n")
    size, spent = 0, time.process_time()
    async for event in backend.run(spec):
        size += len(event.text) if isinstance(event, Output) else 0
    assert size == 150_000
    assert time.process_time() - spent < 3
    seen("as expected")
