"""What `miracle doctor` says of who works on runs."""

from pathlib import Path

import psycopg
from procrastinate import App

from engine.workers.site import site_of
from memory.database import Database
from memory.queue_jobs import QueueJobs, queue_connector
from memory.queue_schema import SCHEMA, prepare_queue
from miracle_tui.worker_check import check_execution
from tests.engine_fixtures import engine_config

QUEUE = {"settings.orchestrator.execution": "queue"}


async def test_inline_execution_asks_nothing_of_the_database(tmp_path: Path) -> None:
    check = await check_execution(engine_config("host=/nowhere port=1 user=x dbname=x", tmp_path))
    assert (check.status, check.detail.partition(":")[0]) == ("ok", "inline")


async def test_a_queue_needs_a_living_worker_for_this_data_folder(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    config = engine_config(database_url, tmp_path, **QUEUE)
    check = await check_execution(config)
    assert (check.status, "0 workers alive" in check.detail) == ("fail", True)
    assert "miracle worker" in check.remedy
    await prepare_queue(database)
    connector = queue_connector(database.parameters)
    async with App(connector=connector).open_async():
        for site, status in (("ffffffffffff", "fail"), (site_of(config.paths), "ok")):
            await QueueJobs(connector, 0, {"name": site, "host": "h", "site": site, "concurrency": 1}).register_worker()
            check = await check_execution(config)
            assert check.status == status, check.detail
        assert "2 workers alive" in check.detail
        assert "1 for this data folder, 0 runs waiting" in check.detail
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(f"update {SCHEMA}.procrastinate_workers set last_heartbeat = now() - interval '1 min'")
        assert (await check_execution(config)).status == "fail"


def test_a_site_is_made_once_and_mended_when_it_is_broken(tmp_path: Path) -> None:
    paths = engine_config(None, tmp_path).paths
    first = site_of(paths)
    assert site_of(paths) == first
    (paths.data / "site").write_text("")
    second = site_of(paths)
    assert second != first
    assert site_of(paths) == second
    assert [file.name for file in paths.data.iterdir() if file.name.startswith("site")] == ["site"]
