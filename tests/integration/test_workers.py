"""Three workers, each in a network namespace, over one PostgreSQL: kill, freeze or cut one off, and its runs go on."""

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine import events as e
from engine.engine import Engine
from engine.scripted.server import ScriptedServer
from tests.engine_fixtures import task_of
from tests.tiny_script import tiny_script
from tests.worker_fixtures import MACHINES, Hall, Worker, hall, watcher

pytestmark = [
    pytest.mark.bubblewrap,
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip"), reason="network namespaces need root and iproute2"),
]

TAKEOVER_S = 10.0
"""The promise: a dead worker's run is with another one by then."""


@pytest.fixture(scope="module")
def machines() -> Iterator[Hall]:
    """A worker on each of three machines."""
    with hall() as made:
        asyncio.run(manned(made))
        yield made


async def manned(made: Hall) -> None:
    """See to it that each machine has a living worker."""
    for machine in MACHINES:
        made.net.mend(machine)
        worker = made.workers.get(machine)
        if worker is None or worker.process.poll() is not None:
            made.start(machine, machine, "--concurrency", "1")
    await made.until("three workers live", lambda: made.live() == set(MACHINES) or made.ended())
    assert not made.ended(), [worker.log.read_text()[-2000:] for worker in made.workers.values()]


async def begin(engine: Engine, server: ScriptedServer, folder: Path, name: str = "project", **changes: object) -> str:
    """Start a run of a project of its own."""
    project = folder / name
    project.mkdir()
    return await engine.start(task_of(server.script, project, base_url=server.base_url, **changes))


async def ended(engine: Engine, run_id: str, within_s: float = 90) -> str | None:
    """How a run ended."""
    async with asyncio.timeout(within_s):
        while (state := await engine.state(run_id)).outcome is None:
            assert state.paused is None, state.paused
            await asyncio.sleep(0.2)
    return state.outcome


async def whole(engine: Engine, run_id: str) -> list[e.Event]:
    """The run's events, which have no gap."""
    log = await engine.log(run_id)
    assert [one.seq for one in log] == list(range(1, len(log) + 1))
    return [one.event for one in log]


async def test_runs_spread_over_the_workers_and_end_green(machines: Hall, sandbox_workspace: Path) -> None:
    await manned(machines)
    async with (
        ScriptedServer(tiny_script(), host=machines.net.address, words_per_second=1) as server,
        watcher(machines) as engine,
    ):
        began = time.monotonic()
        # A model that is slow until all are at work: no worker is done with one run before another took its first.
        runs = [await begin(engine, server, sandbox_workspace, f"p{n}") for n in range(3)]
        await machines.until("every worker has a run", lambda: set(machines.at_work().values()) == set(MACHINES))
        print(f"three runs queued and taken within {time.monotonic() - began:.2f} s")
        server.speak(0)
        assert [await ended(engine, run_id) for run_id in runs] == ["success"] * 3
        for run_id in runs:
            await whole(engine, run_id)
            assert machines.epoch(run_id) == 1
        await machines.until("nothing is left in the queue", lambda: machines.at_work() == {})


def kill(made: Hall, worker: Worker) -> None:
    worker.process.send_signal(signal.SIGKILL)
    worker.process.wait()


def freeze(made: Hall, worker: Worker) -> None:
    worker.process.send_signal(signal.SIGSTOP)


def cut(made: Hall, worker: Worker) -> None:
    made.net.cut(worker.machine)


def come_back(made: Hall, worker: Worker) -> None:
    made.net.mend(worker.machine)
    if worker.process.poll() is None:
        worker.process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("fault", [kill, freeze, cut], ids=lambda fault: fault.__name__)
async def test_the_run_of_a_worker_that_is_gone_goes_on_elsewhere(
    machines: Hall, sandbox_workspace: Path, fault: Callable[[Hall, Worker], None]
) -> None:
    await manned(machines)
    async with (
        ScriptedServer(tiny_script(), host=machines.net.address, words_per_second=8) as server,
        watcher(machines) as engine,
    ):
        run_id = await begin(engine, server, sandbox_workspace)
        await machines.until("somebody has the run", lambda: run_id in machines.at_work())
        worker = machines.workers[machines.at_work()[run_id]]

        async def deep() -> bool:
            return await engine.memory.store.last_seq(run_id) >= 12

        await machines.until("the run is at work", deep)
        said = len(worker.said())
        fault(machines, worker)
        before = await engine.memory.store.last_seq(run_id)
        try:
            took_s = await machines.until("another has the run", lambda: machines.epoch(run_id) == 2, 2 * TAKEOVER_S)
            print(f"{fault.__name__}: taken over within {took_s:.2f} s")
            assert took_s < TAKEOVER_S
            assert machines.at_work()[run_id] != worker.name
        finally:
            come_back(machines, worker)
        assert await ended(engine, run_id) == "success"
        events = await whole(engine, run_id)
        assert len(events) > before
        assert machines.epoch(run_id) == 2, "the worker that came back took nothing from the one that went on"
        if fault is not kill:
            gave_up = [line["text"] for line in worker.said()[said:] if line["run_id"] == run_id]
            assert any("held by" in text or "left" in text for text in gave_up), gave_up
            await serves_again(machines, engine, server, sandbox_workspace, worker)
    assert {entry["run_id"] for entry in worker.said() if entry["text"] == "success"}.isdisjoint({run_id})


async def serves_again(made: Hall, engine: Engine, server: ScriptedServer, folder: Path, worker: Worker) -> None:
    """A worker that came back takes runs as before, when the others are busy."""
    runs = [await begin(engine, server, folder, f"again{n}") for n in range(3)]
    await made.until(f"{worker.name} has a run again", lambda: worker.name in made.at_work().values())
    for run_id in runs:
        await engine.cancel(run_id)
    await made.until("all are left", lambda: not set(made.at_work()) & set(runs))


async def test_a_worker_that_is_asked_to_end_lets_a_paid_answer_arrive_and_leaves_the_run_to_another(
    machines: Hall, sandbox_workspace: Path
) -> None:
    await manned(machines)
    async with (
        ScriptedServer(tiny_script(), host=machines.net.address, words_per_second=3) as server,
        watcher(machines) as engine,
    ):
        run_id = await begin(engine, server, sandbox_workspace)
        await machines.until("somebody has the run", lambda: run_id in machines.at_work())
        worker = machines.workers[machines.at_work()[run_id]]

        async def calling() -> bool:
            return any(session.calling for session in (await engine.state(run_id)).sessions)

        await machines.until("an answer is paid for", calling)
        worker.process.send_signal(signal.SIGTERM)
        await machines.until("it has ended", lambda: worker.process.poll() is not None, 30)
        assert worker.process.returncode == 0, worker.log.read_text()[-2000:]
        took_s = await machines.until("another has the run", lambda: machines.epoch(run_id) == 2, TAKEOVER_S)
        print(f"asked to end: another has the run {took_s:.2f} s later")
        assert await ended(engine, run_id) == "success"
        calls = [event for event in await whole(engine, run_id) if isinstance(event, e.CallStarted | e.AnswerReceived)]
        assert len(calls) % 2 == 0, "every call has its answer"
        assert len(server.requests) == len(calls) // 2, "and none was asked for again"


async def test_a_run_that_waits_for_a_person_gives_its_place_back_and_goes_on_when_it_is_answered(
    machines: Hall, sandbox_workspace: Path
) -> None:
    await manned(machines)
    async with (
        ScriptedServer(tiny_script(), host=machines.net.address) as server,
        watcher(machines) as engine,
    ):
        run_id = await begin(engine, server, sandbox_workspace, approve="ask")
        async with asyncio.timeout(60):
            state = await engine.settled(run_id)
        assert [one.request.topic for one in state.pending_approvals] == ["plan"]
        await machines.until("its place is free", lambda: run_id not in machines.at_work(), 15)
        assert not await engine.is_driven(run_id)
        await engine.pause(run_id)
        await engine.answer(run_id, state.pending_approvals[0].request.approval_id, "once")
        await asyncio.sleep(0.5)
        assert (await engine.state(run_id)).paused
        await engine.resume(run_id)
        assert await ended(engine, run_id) == "success"
        assert machines.epoch(run_id) >= 2
