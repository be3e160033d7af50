"""`miracle db` as a person types it, on one real run: backed up, replaced, restored, rebuilt, pruned."""

import json
import stat
from pathlib import Path

import psycopg
import pytest

from config.config import Config
from config.paths import find_paths
from memory.tables import PROJECTIONS
from tests.cli_fixtures import Done, aside
from tests.database_fixtures import url_of
from tests.engine_fixtures import config, folder, scripted_engine, task_of
from tests.tiny_script import tiny_script

pytestmark = pytest.mark.bubblewrap
__all__ = ["config", "folder"]


@pytest.fixture
async def run_id(config: Config, folder: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A green run in the database that DATABASE_URL names from now on."""
    script = tiny_script()
    async with scripted_engine(config, script) as (engine, _):
        made = await engine.start(task_of(script, folder))
        assert (await engine.settled(made)).outcome == "success"
    monkeypatch.setenv("DATABASE_URL", url_of(database_url))
    return made


def rows(database_url: str, *tables: str) -> dict[str, list[tuple[str]]]:
    with psycopg.connect(database_url) as connection:
        return {
            table: connection.execute(f"select t::text from {table} as t order by 1".encode()).fetchall()
            for table in tables
        }


def fine(done: Done) -> Done:
    assert done.code == 0, done.err
    return done


async def test_a_backup_restores_bit_for_bit_into_the_projections_and_old_runs_go(
    run_id: str, database_url: str, tmp_path: Path
) -> None:
    tables = (*PROJECTIONS, "history", "events", "streams", "memory_marks")
    before = rows(database_url, *tables)
    assert before["runs"]
    assert before["iterations"]
    with psycopg.connect(database_url) as connection:
        connection.execute("insert into approval_rules (rule_id, topic) values ('r1', 'command')")
    file = tmp_path / "b.miracle"
    said = fine(await aside("db", "backup", str(file)))
    assert "1 run" in said.out
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    refused = await aside("db", "restore", str(file))
    assert refused.code == 1
    assert "--replace" in refused.err
    bad = tmp_path / "bad"
    bad.write_bytes(file.read_bytes()[:-1])
    assert "damaged" in (await aside("db", "restore", str(bad), "--replace")).err
    assert rows(database_url, *tables) == before

    with psycopg.connect(database_url) as connection:
        connection.execute("delete from events")
        connection.execute("truncate runs, iterations, tasks, failures")
    [restored] = fine(await aside("db", "restore", str(file), "--replace", "--json")).events
    assert rows(database_url, *tables) == before
    kept = Path(restored["replaced"])
    assert kept.parent == find_paths().data / "backups"
    assert kept.exists()

    with psycopg.connect(database_url) as connection:
        connection.execute("truncate runs, iterations, tasks, failures, patterns, recalls, approvals, metrics")
    assert "from the events of 1 run" in fine(await aside("db", "rebuild")).out
    assert rows(database_url, *tables) == before
    assert "1 standing rule came with it" in fine(await aside("db", "restore", str(file), "--replace")).out
    assert rows(database_url, *tables) == before
    assert "not come to its end" not in fine(await aside("db", "status")).out
    await look_at_size_and_prune(run_id, database_url)


async def look_at_size_and_prune(run_id: str, database_url: str) -> None:
    [size] = fine(await aside("db", "size", "--json")).events
    assert size["largest"][0]["run_id"] == run_id
    assert run_id in fine(await aside("db", "size")).out
    assert "No run is that old" in fine(await aside("db", "prune", "--older-than", "90d")).out
    with psycopg.connect(database_url) as connection:
        connection.execute("update runs set finished_at = finished_at - interval '100 days'")
    assert "nobody took the result" in fine(await aside("db", "prune", "--older-than", "90d", "--yes")).out
    [found] = fine(await aside("db", "prune", "--older-than", "8w", "--force", "--dry-run", "--json")).events
    assert (found["run_id"], found["removed"]) == (run_id, False)
    unasked = await aside("db", "prune", "--older-than", "8w", "--force")
    assert (unasked.code, "--yes" in unasked.err) == (2, True)
    assert rows(database_url, "events")["events"]
    done = fine(await aside("db", "prune", "--older-than", "8w", "--force", "--yes"))
    assert "1 run forgotten" in done.out
    assert rows(database_url, "events", "runs", "streams") == {"events": [], "runs": [], "streams": []}
    assert json.loads((await aside("db", "status", "--json")).out)["rows"]["pruned_runs"] == 1


@pytest.mark.parametrize("age", ["", "90", "d", "-1d", "90m", "1.5d", "99999999d", "999999y"])
async def test_an_age_that_is_none_is_refused(age: str) -> None:
    done = await aside("db", "prune", "--older-than", age)
    assert done.code == 2
    assert "90d" in done.err
