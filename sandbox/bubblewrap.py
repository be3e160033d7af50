"""The bubblewrap backend: namespaces of an unprivileged user, made anew for every execution."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import time
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

from sandbox.bubblewrap_arguments import FILES, bubblewrap_options, limited, memory_file, pinned
from sandbox.bubblewrap_remedies import remedy_for
from sandbox.cgroups import ControlGroup, can_limit, remove_abandoned
from sandbox.disk_watch import watch_disk
from sandbox.ending import Ending, Endings, reason_of, to_its_end
from sandbox.environments import prepare_environment
from sandbox.errors import NoBackend
from sandbox.execution import events_until_end
from sandbox.identity import reachable, running_identity, sandbox_identity
from sandbox.interpreters import Interpreter, find_interpreters
from sandbox.orphans import end_orphans
from sandbox.probing import probe_backend
from sandbox.process_tree import watch_memory
from sandbox.protocol import Capabilities, Env, EnvSpec, ExecEvent, ExecSpec, Exited, Started
from sandbox.report import Reason
from sandbox.scopes import can_scope, scope_prefix, scope_variables
from sandbox.seccomp.filter import build_filter

CHUNK = 64 * 1024
GONE_S = 1.0
"""Seconds in which a killed sandbox has to be gone before its starter is killed too."""
ENFORCED = ("network off", "read-only system", "no capabilities", "system-call filter", "memory per process",
            "file size", "open files", "processes", "processors", "temporary space", "time", "output")  # fmt: skip
BY_GROUP = ("memory of all processes together", "processor share")
"""What takes a control group to enforce."""
BEST_EFFORT = ("disk space of the workspace",)


class Bubblewrap:
    """Runs commands in bubblewrap, never as root."""

    name = "bubblewrap"

    def __init__(self, environments: Path, cache: Path) -> None:
        """
        Args:
            environments: folder of the tool environments.
            cache: the installer's private cache.
        """
        self._environments = environments
        self._cache = cache
        self._running = Endings()
        self._turn = 0
        self._capabilities: Capabilities | None = None

    async def probe(self) -> Capabilities:
        """Try it out: once a process, then from memory."""
        if self._capabilities is None:
            if shutil.which("bwrap") is None:
                return Capabilities(self.name, usable=False, remedy="Install bubblewrap with the system's packages.")
            try:
                python, node = await find_interpreters()
            except NoBackend as exc:
                return Capabilities(self.name, usable=False, detail=exc.title, remedy=exc.hint)
            findings, ran = await probe_backend(self, self._environments, (self.name, str(self._environments)))
            detail = f"Python {python.version[0]}.{python.version[1]}"
            detail += f", Node.js {node.version[0]}.{node.version[1]}" if node else ", no Node.js"
            if findings is None or findings.trouble:
                trouble = "; ".join(findings.trouble) if findings else ran
                return Capabilities(self.name, usable=False, detail=trouble, remedy=remedy_for(trouble))
            grouped = can_limit() or await can_scope()
            hard = (*ENFORCED, *BY_GROUP) if grouped else ENFORCED
            soft = BEST_EFFORT if grouped else (*BY_GROUP, *BEST_EFFORT)
            self._capabilities = Capabilities(self.name, True, hard, soft, detail)
        return self._capabilities

    async def prepare(self, spec: EnvSpec) -> Env:
        """The tool environment for this machine's interpreters."""
        python, _ = await find_interpreters()
        return await prepare_environment(spec, self._environments, self._cache, python.version)

    def run(self, spec: ExecSpec) -> AsyncIterator[ExecEvent]:
        """Run a command; see `ExecSpec`."""
        return self._run(spec)

    async def cancel(self, run_id: str) -> None:
        """Stop an execution; nothing happens when it is over."""
        self._running.cancel(run_id)

    async def reap(self) -> int:
        """Only halves of sandboxes that never began can be left, for a sandbox dies with its starter."""
        if can_limit():
            remove_abandoned()
        return await asyncio.to_thread(end_orphans)

    async def close(self) -> None:
        """Stop what still runs."""
        self._running.cancel_all()

    async def _run(self, spec: ExecSpec) -> AsyncGenerator[ExecEvent, None]:
        ending = self._running.begin(spec.run_id)
        try:
            yield Started(self.name)
            began = time.monotonic()
            if not reachable(spec.workspace, write=spec.writable):
                detail = f"The sandbox's user ({running_identity()[0]}) cannot reach or write {spec.workspace}."
                yield Exited("backend_lost", None, 0.0, detail)
                return
            try:
                sandbox = await _Sandbox.start(spec, self._processors(spec.limits.cpus))
            except (OSError, NoBackend) as exc:
                yield Exited("backend_lost", None, time.monotonic() - began, f"bubblewrap cannot be started: {exc}")
                return
            ending.bind(sandbox.kill)
            watchdogs = [asyncio.create_task(sandbox.watch(spec.limits.memory_bytes, ending))]
            if spec.writable:
                watchdogs.append(asyncio.create_task(watch_disk(spec.workspace, spec.limits, ending)))
            try:
                async for event in events_until_end(sandbox.read, sandbox.finished, spec, ending):
                    yield event
            finally:
                for watchdog in watchdogs:
                    watchdog.cancel()
                await sandbox.gone()
            reason, code, detail = sandbox.outcome(ending)
            yield Exited(reason, code, time.monotonic() - began, detail)
        finally:
            self._running.over(spec.run_id)

    def _processors(self, cpus: float) -> list[int]:
        """Processors for one execution, in turn, so that two executions do not share one while others idle."""
        there = sorted(os.sched_getaffinity(0))
        count = min(len(there), max(1, round(cpus)))
        self._turn += count
        return sorted({there[(self._turn + index) % len(there)] for index in range(count)})


class _Sandbox:
    """One running bubblewrap and what it says of itself."""

    def __init__(self, process: asyncio.subprocess.Process, status: int, group: ControlGroup | None) -> None:
        self._process = process
        self._status = status
        self._group = group
        self._heard = b""
        self._init: int | None = None
        self._starved = False
        self._first: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().add_reader(status, self._listen)

    @classmethod
    async def start(cls, spec: ExecSpec, processors: list[int]) -> "_Sandbox":
        """Start bubblewrap; whoever is cancelled meanwhile leaves nothing of it."""
        starting = asyncio.create_task(cls._start(spec, processors))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            await to_its_end(_take_away(starting))
            raise

    @classmethod
    async def _start(cls, spec: ExecSpec, processors: list[int]) -> "_Sandbox":
        """Start it from the loop's own thread: it dies with the thread that started it.

        Nothing of the host goes along: an empty environment, no groups, no descriptors but these.
        """
        python, node = await find_interpreters()
        program = shutil.which("bwrap")
        if program is None:
            raise NoBackend("bubblewrap is not installed.", "Install it with the system's packages.")
        names: dict[str, Interpreter] = {"python": python, "python3": python, **({"node": node} if node else {})}
        seccomp = memory_file("filter", build_filter())
        files = {path: memory_file(path.rpartition("/")[2], content) for path, content in FILES.items()}
        opened = [seccomp, *files.values()]
        status, told = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        held, go = os.pipe2(os.O_CLOEXEC)
        opened += [told, held]
        group = ControlGroup.make(spec.limits) if can_limit() else None
        scoped = group is None and await can_scope()
        try:
            options = bubblewrap_options(spec, names, seccomp=seccomp, files=files)
            options += ["--json-status-fd", str(told), "--block-fd", str(held)]
            opened.append(memory_file("arguments", b"".join(os.fsencode(option) + b"\0" for option in options)))
            uid, gid = sandbox_identity() or (None, None)
            process = await asyncio.create_subprocess_exec(
                *(scope_prefix(spec.limits) if scoped else ()), *pinned(processors),
                program, "--args", str(opened[-1]), "--", *limited(spec.argv, spec.limits),
                stdin=held, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
                env=scope_variables(os.environ) if scoped else {}, cwd="/", start_new_session=True, pass_fds=opened,
                user=uid, group=gid, extra_groups=None if uid is None else [],
            )  # fmt: skip
        except BaseException:
            os.close(status)
            os.close(go)
            if group is not None:
                group.remove()
            raise
        finally:
            for descriptor in opened:
                os.close(descriptor)
        sandbox = cls(process, status, group)
        await sandbox._let_go(go)
        return sandbox

    async def _let_go(self, go: int) -> None:
        """Know and confine the first process, which waits for it before it does anything, and let it begin.

        Whoever only knows the outer half can kill only that, and the inner one would go on alone.
        """
        try:
            ended = asyncio.create_task(self._process.wait())
            await asyncio.wait((self._first, ended), return_when=asyncio.FIRST_COMPLETED)
            ended.cancel()
            if self._group is not None and self._first.done():
                self._group.add(self._first.result())
            os.write(go, b"1\n")
        except (ProcessLookupError, BrokenPipeError):
            pass  # It has ended already; its last words say why.
        except OSError:
            self.kill()
            await self.gone()
            raise
        finally:
            os.close(go)

    async def read(self) -> bytes:
        """The next piece of output."""
        assert self._process.stdout is not None
        return await self._process.stdout.read(CHUNK)

    async def finished(self) -> int:
        """Wait for bubblewrap, and so for the command."""
        return await self._process.wait()

    async def watch(self, limit: int, ending: Ending) -> None:
        """Watch the memory from the moment that the first process is known."""
        await watch_memory(await asyncio.shield(self._first), limit, ending)

    def kill(self) -> None:
        """Kill the namespace's first process, and with it, by the kernel, all the others."""
        if self._init is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._init, signal.SIGKILL)
        else:
            self._kill_starter()

    async def gone(self) -> None:
        """Wait until nothing is left, whatever way it ended."""
        self._listen()
        self.kill()
        try:
            async with asyncio.timeout(GONE_S):
                await self._process.wait()
                await self._namespace_gone()
        except TimeoutError:
            self._kill_starter()
            await self._process.wait()
        asyncio.get_running_loop().remove_reader(self._status)
        os.close(self._status)
        if self._init is not None:
            os.close(self._init)
        if self._group is not None:
            self._starved = self._group.out_of_memory()
            self._group.remove()
        self._first.cancel()
        transport = getattr(self._process, "_transport", None)
        if transport is not None:
            transport.close()

    async def _namespace_gone(self) -> None:
        """Wait for the first process: the kernel ends it only after all the others."""
        if self._init is None:
            return
        loop, dead = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._init, dead.set)
        try:
            await dead.wait()
        finally:
            loop.remove_reader(self._init)

    def outcome(self, ending: Ending) -> tuple[Reason, int | None, str]:
        """Reason, exit status and detail; only a status that bubblewrap reported counts as the command's own."""
        code = next((int(said["exit-code"]) for said in self._said() if "exit-code" in said), None)
        if ending.reason:
            return ending.reason, code, ending.detail
        if code is None:
            return "backend_lost", None, f"bubblewrap ended early. {ending.last_words.strip()}".strip()
        if code != 0 and self._starved:
            return "oom", code, "The processes hold more memory than they may."
        return reason_of(code), code, ""

    def _kill_starter(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    def _listen(self) -> None:
        """Hear the process id of the namespace's first process as soon as there is one."""
        with contextlib.suppress(BlockingIOError):
            while said := os.read(self._status, 4096):
                self._heard += said
            asyncio.get_running_loop().remove_reader(self._status)
        for said_here in self._said():
            if self._init is None and "child-pid" in said_here:
                with contextlib.suppress(ProcessLookupError):
                    self._init = os.pidfd_open(int(said_here["child-pid"]))
                if not self._first.done():
                    self._first.set_result(int(said_here["child-pid"]))

    def _said(self) -> list[dict[str, int]]:
        return [json.loads(line) for line in self._heard.splitlines() if line.strip().endswith(b"}")]


async def _take_away(starting: "asyncio.Task[_Sandbox]") -> None:
    """End what is still being started, once it is there."""
    await asyncio.wait([starting])
    if starting.exception() is None:
        await starting.result().gone()
