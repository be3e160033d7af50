"""Pruning: old runs go as a whole, what they taught stays, and work that nobody took does as well."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from config.config import Config
from config.database import Database as DatabaseSettings
from config.database import PostgreSQL
from config.paths import Paths
from engine.pruning import prune
from engine.workspace.checkpoint import checkpoint, tag
from engine.workspace.kept import keep
from engine.workspace.phases import open_phase
from memory.memory import MemoryService
from memory.prune import forget_run, old_runs, put_lessons_back
from memory.records import NewEvent, Row
from memory.size import measure
from tests.database_fixtures import url_of
from tests.doomed_fixtures import Doomed, doomed
from tests.workspace_fixtures import Folder, edit, paths, prepared, repo

__all__ = ["doomed", "paths", "repo"]

LONG_AGO = datetime.now(UTC) - timedelta(days=100)
LIMIT = datetime.now(UTC) - timedelta(days=90)
LESSONS = ("failures", "patterns", "recalls")


@pytest.fixture
async def memory(database_url: str, paths: Paths) -> AsyncIterator[MemoryService]:
    settings = DatabaseSettings(postgresql=PostgreSQL(url=SecretStr(url_of(database_url))))
    opened = await MemoryService.open(Config(paths, database=settings))
    yield opened
    await opened.close()


async def add_run(memory: MemoryService, run_id: str, outcome: str, ended: datetime, *more: NewEvent) -> None:
    """A run with a row in every table."""
    await memory.store.create_run(run_id)
    odd = "tab\t \x1a0000 \\ ' ünï"
    end = ended if outcome else None
    rows = [
        Row("tasks", {"task_id": f"t-{run_id}"}, {"goal": odd}),
        Row(
            "runs",
            {"run_id": run_id},
            {"task_id": f"t-{run_id}", "title": odd, "outcome": outcome, "status": outcome, "finished_at": end},
        ),
        Row("iterations", {"run_id": run_id, "number": 1}, {"cause": "c"}),
        Row("metrics", {"run_id": run_id, "metric_type": "m", "at": ended}, {"value": 1.5}),
        Row("approvals", {"approval_id": f"a-{run_id}"}, {"run_id": run_id}),
        Row("failures", {"failure_id": f"{run_id}.1"}, {"run_id": run_id, "fingerprint": b"\x00\xff", "cause": odd}),
        Row("patterns", {"pattern_id": run_id}, {"description": odd}),
        Row(
            "recalls",
            {"run_id": run_id, "iteration": 1, "role": "reflector", "memory_id": "x.1"},
            {"similarity": 0.1 + 0.2, "helped": True},
        ),
    ]
    events = [NewEvent(f"{run_id}-1", "run_started", {"text": "x" * 1000}), *more]
    await memory.store.append(run_id, events, rows, lease=None, after=0)


async def rows_of(memory: MemoryService, *tables: str) -> dict[str, list[str]]:
    connection = await memory.database.connect()
    try:
        return {
            table: [row[0] async for row in await connection.execute(f"select t::text from {table} as t order by 1")]
            for table in tables
        }
    finally:
        await connection.close()


def promoted(run_id: str, how: str = "merge", left_out: int = 0) -> NewEvent:
    return NewEvent(f"{run_id}-p", "promoted", {"how": how, "left_out": left_out})


async def test_only_runs_that_ended_before_are_old(memory: MemoryService) -> None:
    taken_back = (promoted("back"), NewEvent("back-u", "undone", {}))
    await add_run(memory, "merged", "success", LONG_AGO, promoted("merged"))
    await add_run(memory, "branch", "success", LONG_AGO, promoted("branch", "branch"))
    await add_run(memory, "part", "success", LONG_AGO, promoted("part", left_out=2))
    await add_run(memory, "back", "success", LONG_AGO, *taken_back)
    await add_run(memory, "waiting", "success", LONG_AGO)
    await add_run(memory, "failed", "failed", LONG_AGO)
    await add_run(memory, "recent", "success", datetime.now(UTC))
    await add_run(memory, "paused", "", LONG_AGO)
    found = {run.run_id: run for run in await old_runs(memory.database, LIMIT)}
    assert set(found) == {"merged", "branch", "part", "back", "waiting", "failed"}
    assert {name for name, run in found.items() if run.unpromoted} == {"back", "waiting"}
    assert {name for name, run in found.items() if run.delivered} == {"merged"}
    assert found["merged"].events == 2
    assert found["merged"].bytes > 50
    room = await measure(memory.database, runs=1)
    assert room.runs == 8
    assert len(room.largest) == 1
    assert {"events", "runs"} <= {table.name for table in room.tables}
    assert any(index.name == "pk_events" and index.bytes for index in room.indexes)


async def test_what_was_learnt_stays_and_can_be_put_back_letter_for_letter(
    memory: MemoryService,
    paths: Paths,
) -> None:
    await add_run(memory, "old", "failed", LONG_AGO)
    await add_run(memory, "new", "success", datetime.now(UTC))
    others = await rows_of(memory, "events", "runs", "tasks", "iterations", "metrics", "approvals", "streams")
    lessons = await rows_of(memory, *LESSONS)
    gone = await prune(memory, paths, await old_runs(memory.database, LIMIT))
    assert [run.run_id for run in gone.runs] == ["old"]
    assert await rows_of(memory, *LESSONS) == lessons
    left = await rows_of(memory, *others)
    assert {table: [row for row in rows if "new" in row] for table, rows in others.items()} == left
    await memory.database.run(lambda connection: connection.execute(text(f"TRUNCATE {', '.join(LESSONS)}")))
    assert await put_lessons_back(memory.database) == 3
    assert await put_lessons_back(memory.database) == 0
    put_back = await rows_of(memory, *LESSONS)
    assert put_back == {table: [row for row in rows if "old" in row] for table, rows in lessons.items()}
    assert await old_runs(memory.database, LIMIT) == []


async def test_a_run_at_work_or_unended_is_passed_over(memory: MemoryService, paths: Paths) -> None:
    await add_run(memory, "old", "failed", LONG_AGO)
    found = await old_runs(memory.database, LIMIT)
    lease = await memory.store.lease("old", "somebody")
    assert (await prune(memory, paths, found)).skipped == ("old",)
    await lease.release()
    assert len(await memory.store.read("old")) == 1
    await add_run(memory, "open", "", LONG_AGO)
    with pytest.raises(Exception, match="has ended"):
        await forget_run(memory.database, "open")
    assert len(await memory.store.read("open")) == 1


async def test_refs_and_files_go_but_no_work_that_was_not_handed_over(
    memory: MemoryService,
    repo: Folder,
    paths: Paths,
) -> None:
    for run_id, event in (("merged", promoted("merged")), ("waiting", None)):
        work = await prepared(repo, paths, run_id)
        phase = await open_phase(work, "p1", work.base_commit)
        edit(phase, {"phase.py": "1\n"})
        await checkpoint(phase, "phase", base=phase.base_commit)
        edit(work, {"app.py": "changed\n"})
        commit = (await checkpoint(work, "result", base=work.base_commit)).commit
        await keep(work.home, run_id, "before-promotion", commit)
        await tag(work, "p1", commit)
        await add_run(memory, run_id, "success", LONG_AGO, *([event] if event else []))
    await prepared(repo, paths, "bystander")
    repo.git("checkout", "--quiet", "-b", "own")
    gone = await prune(memory, paths, await old_runs(memory.database, LIMIT))
    assert [run.run_id for run in gone.runs] == ["merged", "waiting"]
    assert gone.branches_kept == ("autonomous/waiting",)
    assert gone.bytes > 0
    refs = repo.git("for-each-ref", "--format=%(refname)").split()
    assert [ref for ref in refs if "merged" in ref] == []
    assert [ref for ref in refs if "waiting" in ref] == [
        "refs/heads/autonomous/waiting",
        "refs/tags/autonomous/waiting/p1",
    ]
    assert "refs/heads/autonomous/bystander" in refs
    assert repo.git("show", "autonomous/waiting:app.py") == "changed"
    assert [folder.name for folder in paths.worktrees.iterdir()] == ["bystander"]
    assert [folder.name for folder in paths.repositories.iterdir()] == ["bystander.run"]


async def test_killed_pruning_is_gone_on_with(
    memory: MemoryService, repo: Folder, paths: Paths, database_url: str, doomed: Doomed
) -> None:
    for run_id in ("first", "second", "third"):
        await prepared(repo, paths, run_id)
        await add_run(memory, run_id, "failed", LONG_AGO)
    lessons = await rows_of(memory, *LESSONS)
    await doomed.kill_in("prune", url_of(database_url), str(paths.data.parent), LIMIT.isoformat())
    left = await old_runs(memory.database, LIMIT)
    assert [run.run_id for run in left] == ["second", "third"], "a run goes as a whole, its files first"
    assert not (paths.worktrees / "second").exists()
    assert (paths.worktrees / "third").exists()
    async with asyncio.timeout(30):
        while left:
            # The server lets go of the lease when it misses whoever was killed.
            await prune(memory, paths, left)
            left = await old_runs(memory.database, LIMIT)
    assert await rows_of(memory, *LESSONS) == lessons
    assert list(paths.worktrees.iterdir()) == list(paths.repositories.iterdir()) == []
    assert "autonomous" not in repo.git("for-each-ref", "--format=%(refname)", "refs/miracle/")


async def test_a_branch_that_the_person_looks_at_stays(
    memory: MemoryService,
    repo: Folder,
    paths: Paths,
) -> None:
    work = await prepared(repo, paths, "merged")
    edit(work, {"app.py": "changed\n"})
    await checkpoint(work, "result", base=work.base_commit)
    await add_run(memory, "merged", "success", LONG_AGO, promoted("merged"))
    repo.git("checkout", "--quiet", "--force", "autonomous/merged")
    gone = await prune(memory, paths, await old_runs(memory.database, LIMIT))
    assert gone.branches_kept == ("autonomous/merged",)
    assert repo.git("status", "--porcelain") == ""
