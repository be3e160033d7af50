"""A run goes on while its database stops, is killed, loses its connections, and comes back, again and again."""

import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from engine import events as e
from memory.postmaster import Home, is_held, running_pid
from tests.engine_fixtures import engine_config, scripted_engine, task_of
from tests.fault_figures import Figures
from tests.faults.checks import check_log, end_at_once
from tests.tiny_script import tiny_script

pytestmark = pytest.mark.bubblewrap

WAYS = (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)
"""As `pg_ctl stop` has them: fast and immediate; and a postmaster that is killed outright."""
RESTARTS = 6


async def test_restarts_of_every_kind_under_a_run(sandbox_workspace: Path, figures: Figures) -> None:
    script = tiny_script(wrong_first=True)
    folder = sandbox_workspace / "project"
    folder.mkdir()
    config = engine_config(None, sandbox_workspace / "home", **{"settings.sandbox.backend": "bubblewrap"})
    home = Home(config.paths.database)
    async with scripted_engine(config, script) as (engine, server):
        run_id = await engine.start(task_of(script, folder))
        async with asyncio.timeout(120):
            async for item in engine.watch(run_id):
                if not isinstance(item, e.Recorded):
                    continue
                if item.seq > 6 * figures.restarts and figures.restarts < RESTARTS:
                    _strike(home, WAYS[figures.restarts % len(WAYS)])
                    figures.restarts += 1
                if item.event.kind in ("run_finished", "run_paused"):
                    break
        state = await engine.state(run_id)
        stored = await engine.memory.store.read(run_id)
        assert (figures.restarts, state.outcome) == (RESTARTS, "success"), state.paused
        check_log(stored)
        assert state.spend.calls == len(server.requests), "no paid answer was asked for again"
    await _gone(home)


async def test_a_run_goes_on_when_its_connections_are_cut(
    database_url: str, sandbox_workspace: Path, figures: Figures
) -> None:
    import psycopg

    script = tiny_script(wrong_first=True)
    folder = sandbox_workspace / "project"
    folder.mkdir()
    config = engine_config(database_url, sandbox_workspace / "home", **{"settings.sandbox.backend": "bubblewrap"})
    async with scripted_engine(config, script) as (engine, server):
        run_id = await engine.start(task_of(script, folder))
        with psycopg.connect(database_url, autocommit=True) as connection:
            async with asyncio.timeout(120):
                async for item in engine.watch(run_id):
                    if isinstance(item, e.Recorded) and item.event.kind in ("run_finished", "run_paused"):
                        break
                    if isinstance(item, e.Recorded) and item.seq > 6 * figures.restarts:
                        figures.restarts += 1
                        connection.execute(
                            "select pg_terminate_backend(pid) from pg_stat_activity "
                            "where datname = current_database() and pid <> pg_backend_pid()"
                        )
        state = await engine.state(run_id)
        assert state.outcome == "success", state.paused
        check_log(await engine.memory.store.read(run_id))
        assert state.spend.calls == len(server.requests), "no paid answer was asked for again"
        assert figures.restarts >= 5


def _strike(home: Home, how: signal.Signals) -> None:
    with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):  # it may be down from the time before
        postmaster = psutil.Process(running_pid(home) or 0)
        if how is signal.SIGKILL:
            # Without their postmaster the others end by themselves, and until then keep a new server from starting.
            end_at_once(postmaster.children())
        os.kill(postmaster.pid, how)


async def _gone(home: Home) -> None:
    deadline = time.monotonic() + 30
    while running_pid(home) or is_held(home.keeper_lock):
        assert time.monotonic() < deadline, "the server survives its last user"
        await asyncio.sleep(0.05)
