"""What one run learns helps the next, with evidence; and every row of it can be made again from the logs."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from config.config import Config
from engine import events as e
from engine.engine import Engine
from engine.errors import CommandRefused
from engine.evidence import Evidence, evidence_of
from engine.lessons import query_of
from engine.rebuild import rebuild
from engine.scripted.script import Script
from engine.state import State
from memory.database import Database
from memory.recalling import RecallFilters
from memory.tables import PROJECTIONS
from memory.views import FailureQuery
from tests.engine_fixtures import config, folder, scripted_engine, task_of  # noqa: F401
from tests.tiny_script import tiny_script

pytestmark = pytest.mark.bubblewrap


def script_that_uses(memory: str, pattern: str) -> Script:
    """The tiny script, in which reflector and planner say that they used what says these words, if it is shown."""
    script = tiny_script(wrong_first=True).model_dump(mode="json")
    for session in script["sessions"]:
        call = session["turns"][-1]["calls"][-1]
        if session["role"] == "reflector":
            call["arguments"]["used_memories"] = [f"shown: {memory}", "shown: what no memory says"]
        elif session["role"] == "planner":
            call["arguments"]["used_memories"] = [f"shown: {pattern}"]
    return Script.model_validate(script)


async def finished(engine: Engine, script: Script, workspace: Path) -> State:
    run_id = await engine.start(task_of(script, workspace))
    async with asyncio.timeout(120):
        state = await engine.settled(run_id)
    assert state.outcome == "success", (state.paused, state.reason)
    return state


async def dump(database: Database) -> dict[str, list[str]]:
    """Every row of every projection, as text."""

    async def work(connection: Any) -> dict[str, list[str]]:
        rows = {}
        for name in PROJECTIONS:
            found = await connection.execute(text(f"SELECT to_jsonb(t)::text FROM {name} AS t ORDER BY 1"))
            rows[name] = list(found.scalars())
        return rows

    return await database.run(work)


async def test_what_was_learnt_is_recalled_used_and_ranked_and_can_be_made_again(config: Config, folder: Path) -> None:  # noqa: F811
    script = script_that_uses("return 2 * n", "Double a number")
    async with scripted_engine(config, script) as (engine, server):
        started = await finished(engine, script, folder)
        first = started.run_id
        assert (evidence_of(started, 0), evidence_of(started, 1)) == ({}, {})
        server.requests.clear()
        second = await finished(engine, script, folder)
        prompts = [json.dumps(request.json()) for request in server.requests]
    learnt = f"{first}.1"
    shown = second.iterations[0].recalled or ()
    assert [(one.memory_id, one.via, one.outcome) for one in shown] == [(learnt, "fingerprint", "solved")]
    assert shown[0].fix.count("+    return 2 * n") == 1
    assert evidence_of(second, 1) == {learnt: Evidence(used=True, helped=True)}
    assert evidence_of(second, 0) == {first: Evidence(used=True, helped=True)}
    assert any("what helped" in prompt and learnt in prompt for prompt in prompts)
    async with scripted_engine(config, script) as (engine, _):
        third = await finished(engine, script, folder)
        ranked = third.iterations[0].recalled or ()
        assert [(one.memory_id, one.shown, one.used, one.helped) for one in ranked] == [(learnt, 1, 1, 1)]
        await check_marks(engine, third, learnt)
        await check_rebuild(engine, third)


async def check_marks(engine: Engine, state: State, learnt: str) -> None:
    """Another project's is marked, a pinned one comes first, a forgotten one is not recalled."""
    failures = engine.memory.failures
    query = query_of(state, state.iterations[0])
    stranger = FailureQuery("elsewhere", query.language, report=query.report)
    found = await failures.recall(stranger)
    assert found
    assert not any(one.own_project for one in found)
    newest = f"{state.run_id}.1"
    await engine.mark_memory(newest, pinned=True)
    asked = FailureQuery(query.project, query.language, report=query.report)
    first = (await failures.recall(asked))[0]
    assert (first.memory_id, first.pinned) == (newest, True)
    await engine.mark_memory(newest, forgotten=True)
    await engine.mark_memory(learnt, forgotten=True)
    assert not {newest, learnt} & {one.memory_id for one in await failures.recall(asked)}
    assert not await failures.recall(asked, filters=RecallFilters(kind="scan"))
    with pytest.raises(CommandRefused):
        await engine.mark_memory("nothing", pinned=True)


async def check_rebuild(engine: Engine, state: State) -> None:
    """The rows made again are the rows that were there, forks included."""
    database, log = engine.memory.database, await engine.log(state.run_id)
    at = {type(one.event): one.seq for one in log}
    reflected = await engine.fork(state.run_id, at[e.ReflectionSubmitted], hypothesis="double it", drive=False)
    await engine.fork(state.run_id, at[e.Recalled], drive=False)
    await engine.fork(reflected, drive=False)
    await engine.cancel(reflected)
    before = await dump(database)
    owners = {json.loads(row)["failure_id"].rpartition(".")[0] for row in before["failures"]}
    assert len(owners) == 5, "three runs, a fork that does something else, and one that is still to reflect"

    async def spoil(connection: Any) -> None:
        await connection.execute(text("UPDATE failures SET cause = 'spoilt'"))
        await connection.execute(text("DELETE FROM recalls"))
        await connection.execute(text("INSERT INTO runs (run_id) VALUES ('nobody')"))
        await connection.execute(text("INSERT INTO iterations (run_id, number) VALUES ('nobody', 1)"))

    await database.run(spoil)
    told: list[tuple[int, int]] = []
    done = await rebuild(engine.memory, lambda run, of: told.append((run, of)))
    assert await dump(database) == before
    assert told == [(number, 6) for number in range(1, 7)]
    assert (done.runs, done.rows) == (6, sum(len(rows) for rows in before.values()))
