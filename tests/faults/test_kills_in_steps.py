"""Steps that are killed for real while they work: hooks, red first, mutants, the proof, installs, the image's build."""

import asyncio
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.hook_events import HookFinished
from engine.run_log import recorded
from sandbox.environments import make_public, prepare_environment
from sandbox.environments_kept import collect
from sandbox.packages.resolve_python import resolve_python
from sandbox.packages.values import Wanted
from sandbox.protocol import EnvSpec
from sandbox.scratch import IMAGE, MAKING, STEP, sweep
from tests.engine_fixtures import processes_in
from tests.fault_figures import Figures
from tests.fault_fixtures import Nursery, Ordeal, nursery, ordeal
from tests.package_fixtures import package_index
from tests.sandbox_fixtures import sandbox_paths
from tests.tiny_script import WRONG, tiny_script

pytestmark = pytest.mark.bubblewrap

SLOW = "import time\n\nfrom double import double\n\n\ndef test_it():\n    time.sleep(0.4)\n    assert double(3) == 6\n"
HOOK = "echo x >> {0}; test $(wc -l < {0}) -gt {1} || (trap '' TERM HUP; sleep 61.7)"


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"text": f"I call {name}.", "calls": [{"name": name, "arguments": arguments}]}


def saying(word: str) -> list[psutil.Process]:
    """The processes whose command line holds a word."""
    return [one for one in psutil.process_iter(["cmdline"]) if any(word in part for part in one.info["cmdline"] or ())]


async def gone(word: str, within_s: float = 5.0) -> None:
    """Wait until no process says a word any more."""
    deadline = time.monotonic() + within_s
    while left := saying(word):
        assert time.monotonic() < deadline, f"this lives on: {left}"
        await asyncio.sleep(0.02)


async def test_kills_in_hooks_and_in_the_steps_that_judge_the_tests(
    database_url: str, sandbox_workspace: Path, figures: Figures
) -> None:
    mended = call("edit_file", path="double.py", old="n + 2", new="2 * n")
    coder = {"role": "coder", "visit": 1, "turns": [mended, call("submit_work", summary="doubles")]}
    script = tiny_script(extra=[coder], files={"double.py": WRONG}, tests=SLOW)
    before, after = sandbox_workspace / "before", sandbox_workspace / "after"
    task = {"mutants": 2, "hooks": ("before_phase", "after_phase")}
    async with ordeal(database_url, sandbox_workspace, script, figures, **task) as run:
        run.settings = {
            "settings.hooks.before_phase": [{"command": HOOK.format(before, 9)}],
            "settings.hooks.after_phase": [{"command": HOOK.format(after, 1), "again": True}],
        }
        await run.live(when=before.exists, tree=False)
        await gone("sleep 61.7")
        await run.live(pauses="hook")
        run.resumes = True
        for step in ("base", "mutants"):
            assert await run.live(when=at_work(run, step), tree=False) != 0, step
        await run.live(when=after.exists, tree=False)
        await gone("sleep 61.7")
        assert await run.live(when=at_work(run, "proof"), tree=False) != 0
        await run.to_the_end()
        log = [recorded(one).event for one in await run.store.read(run.run_id)]
    assert figures.kills == 5
    ends = [(one.moment, one.end, one.settled) for one in log if isinstance(one, HookFinished)]
    assert ends == [("before_phase", "interrupted", True), ("after_phase", "ok", True)]
    assert (before.read_text(), after.read_text()) == ("x\n", "x\nx\n"), "only the one that may run again did"
    kinds = [event.kind for event in log]
    assert [kinds.count(kind) for kind in ("red_first", "mutants_tried", "proof_finished")] == [1, 1, 1]


def at_work(run: Ordeal, step: str) -> Any:
    """Whether a step's sandbox runs."""
    return lambda: bool(processes_in(f"{run.run_id}-{step}"))


@asynccontextmanager
async def silent_index() -> AsyncIterator[tuple[dict[str, str], asyncio.Event]]:
    """A package index that never answers: the variables that name it, and whether it was asked."""
    asked, over = asyncio.Event(), asyncio.Event()

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await over.wait()
        writer.close()

    async with await asyncio.start_server(never, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        yield {"UV_DEFAULT_INDEX": f"http://127.0.0.1:{port}/simple"}, asked
        over.set()


async def killed_install(family: Nursery, home: Path, lock: str) -> None:
    """Make an environment, and be killed while the installer waits for the index."""
    async with silent_index() as (environ, asked):
        pid = await family.begin({"lock": lock, "home": str(home), "environ": environ})
        async with asyncio.timeout(30):
            await asked.wait()
        installers = psutil.Process(pid).children(recursive=True)
        assert any(one.name() == "uv" for one in installers), installers
        sweep(MAKING, home / "environments")
        assert list((home / "environments").glob(f"{MAKING}*")), "its maker lives"
        os.kill(pid, signal.SIGKILL)
        assert await family.end() == -signal.SIGKILL
        _, alive = await asyncio.to_thread(psutil.wait_procs, installers, 5)
        assert not alive, "the installer outlives Miracle"


async def test_a_killed_install_leaves_no_half_environment(
    sandbox_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = sandbox_workspace / "home"
    environments, cache = home / "environments", home / "cache"
    make_public(environments)
    index, shared, python = package_index(sandbox_workspace / "index"), sandbox_paths(), (3, 11)
    base = await prepare_environment(EnvSpec("python"), shared.environments, shared.cache, python)
    async with nursery() as family:
        await killed_install(family, home, "")
        assert not list(environments.glob("python-*")), "the tools: half an environment has no name"
        assert base.root is not None
        shutil.copytree(base.root, environments / base.root.name, copy_function=os.link)
        monkeypatch.setenv("UV_FIND_LINKS", str(index))
        monkeypatch.setenv("UV_NO_INDEX", "1")
        lock = resolve_python([Wanted(name="alphapkg")], shared.cache, python=python).lock
        await killed_install(family, home, lock)
    assert [path.name for path in environments.glob("python-*")] == [base.root.name]
    assert list(cache.glob(f"{STEP}*"))

    collect(environments, max_bytes=2**40, max_age_s=10**9)
    sweep(STEP, cache)
    assert not list(environments.glob(f"{MAKING}*"))
    assert not list(cache.glob(f"{STEP}*"))
    env = await prepare_environment(EnvSpec("python", lock=lock), environments, cache, python)
    assert env.root is not None
    assert (env.root / "project" / "alphapkg" / "__init__.py").is_file()


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="the offline base is made of Debian packages")
async def test_a_killed_image_build_leaves_nothing(sandbox_workspace: Path) -> None:
    scratch = sandbox_workspace / "tmp"
    scratch.mkdir()
    command = (sys.executable, "-m", "sandbox.images.offline_base", "--tag", "miracle-killed:test")
    own = {**os.environ, "TMPDIR": str(scratch)}
    build = await asyncio.create_subprocess_exec(*command, env=own, stderr=asyncio.subprocess.DEVNULL)
    async with asyncio.timeout(30):
        while not any(one.info["cmdline"][0] == "apt-get" for one in saying(str(scratch))):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert not sweep(IMAGE, scratch), "its maker lives"
    build.kill()
    await build.wait()
    await gone(str(scratch))
    assert len(sweep(IMAGE, scratch)) == 1
    assert not list(scratch.iterdir())
