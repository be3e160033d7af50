"""Canaries: secrets planted wherever a run meets them, searched for in every byte that leaves the process or stays."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from psycopg import sql

from config.config import Config
from config.forms import forms_of
from config.paths import find_paths
from engine.bus import Delta, OutputText
from engine.events import Recorded
from engine.scripted.faults import Fault, FaultKind
from engine.scripted.script import Script
from engine.scripted.server import ScriptedServer
from memory.embedded import EmbeddedServer
from tests.engine_fixtures import engine_config, scripted_engine, task_of
from tests.integration.test_cli_terminal import Terminal
from tests.tiny_script import WRONG, tiny_script

pytestmark = pytest.mark.bubblewrap

FROM_ENVIRONMENT = "canary/Env7x91+Qm4tZ8wK2r"
FROM_DOTENV = "canary-Dot5p37.Vb6nY1sJ9h"
FROM_KEY = "canary-Api2k64_Hd8gL3fX5c"
IN_GOAL = "ghp_" + "Canary0Goal123456789abcdef"
IN_FILE = "glpat-" + "Canary1File23456789"
ASSIGNED = "c4n4ry9f86d081884c7d659a2"
PEM = "-----BEGIN EC " + "PRIVATE KEY-----\nMHcCAQEEIcanaryPemBody\n-----END EC " + "PRIVATE KEY-----"
CANARIES = (FROM_ENVIRONMENT, FROM_DOTENV, FROM_KEY, IN_GOAL, IN_FILE, ASSIGNED, "canaryPemBody")

LEAKING_TESTS = """\
import base64
import sys
import urllib.parse
from pathlib import Path

from double import double

SECRET = Path(__file__).parents[1].joinpath(".env").read_text().split("=", 1)[1].strip()


def test_double() -> None:
    print(SECRET, base64.b64encode(f"me:{SECRET}".encode()).decode(), urllib.parse.quote(SECRET, safe=""))
    print(SECRET.encode().hex(), {"value": SECRET}, SECRET.encode().hex(" "), base64.b32encode(SECRET.encode()))
    for letter in SECRET:
        sys.stderr.write(letter)
        sys.stderr.flush()
    assert double(3) == 6, SECRET
"""


def leaking_script() -> Script:
    """The smallest goal, worked on by a model that repeats every secret it can get at."""
    repeated = f"The token is {FROM_ENVIRONMENT}, the key {IN_FILE}, and {FROM_KEY}."
    reads = [
        {"name": "read_file", "arguments": {"path": ".env"}},
        {"name": "read_file", "arguments": {"path": "keys.py"}},
        {"name": "run_command", "arguments": {"command": "cat .env keys.py"}},
    ]
    coder = {
        "role": "coder",
        "visit": 1,
        "turns": [
            {"text": repeated, "calls": reads},
            {
                "text": "I write it down.",
                "calls": [
                    {"name": "create_file", "arguments": {"path": "double.py", "content": WRONG}},
                    {"name": "create_file", "arguments": {"path": f"{FROM_KEY}.txt", "content": FROM_ENVIRONMENT}},
                ],
            },
            {"text": repeated, "calls": [{"name": "submit_work", "arguments": {"summary": repeated}}]},
        ],
    }
    return tiny_script(
        wrong_first=True,
        tests=LEAKING_TESTS,
        extra=[coder],
        goal=f"Write double(n). My token is {IN_GOAL}.",
        files={
            ".env": f"STRIPE_SECRET={FROM_DOTENV}\n",
            "keys.py": f'KEY = "{IN_FILE}"\nSESSION_TOKEN = "{ASSIGNED}"\nPEM = """{PEM}"""\n',
        },
    )


def found_in(text: str) -> list[str]:
    """The canaries that a text holds in any form."""
    return [form for form in forms_of(CANARIES) if form in text]


def dump(conninfo: str) -> Iterator[tuple[str, str]]:
    """Every row of every table of every database, as text."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        tables = connection.execute(
            "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE'"
            " and table_schema not in ('pg_catalog', 'information_schema')"
        ).fetchall()
        for schema, table in tables:
            rows = connection.execute(sql.SQL("select t::text from {} t").format(sql.Identifier(schema, table)))
            for (row,) in rows.fetchall():
                yield table, row


@pytest.fixture
async def conninfo() -> AsyncIterator[str]:
    """The database that `miracle` opens by itself."""
    server = EmbeddedServer(find_paths().database, durable=False)
    yield await server.start()
    await server.stop()


async def command_lines(pid: int, seen: set[str]) -> None:
    """Collect what the process table shows of a process and its children, again and again."""
    while True:
        for process in psutil.Process(pid).children(recursive=True):
            try:
                seen.add(" ".join(process.cmdline()))
            except psutil.Error:
                continue
        await asyncio.sleep(0.1)


async def test_no_canary_reaches_the_terminal_the_database_the_log_the_cassette_or_the_model(
    conninfo: str, tmp_path: Path
) -> None:
    script, folder, cassette = leaking_script(), tmp_path / "project", tmp_path / "cassette.jsonl"
    task_of(script, folder)
    goal = tmp_path / "goal.txt"
    goal.write_text(script.goal)
    refusals = [Fault(FaultKind.STATUS, 500, message=f"no luck with {FROM_KEY} and {IN_FILE}")]
    titles: set[str] = set()
    async with ScriptedServer(script, refusals) as server:
        terminal = await Terminal.open(
            "run", "-t", f"@{goal}", "--base-url", server.base_url, "--model", "m", "--approve", "all",
            "--record", str(cassette), cwd=folder,
            environ={
                "DEPLOY_TOKEN": FROM_ENVIRONMENT, "OPENAI_API_KEY": FROM_KEY, "LOG_LEVEL": "DEBUG",
                "MIRACLE_OPENAI__RETRY__MIN_WAIT_SECONDS": "0.01", "MIRACLE_OPENAI__RETRY__MAX_WAIT_SECONDS": "0.05",
            },
        )  # fmt: skip
        watching = asyncio.create_task(command_lines(terminal.process.pid, titles))
        code = await terminal.ended()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    assert code == 0, terminal.shown
    assert "✓ GREEN" in terminal.shown

    assert not found_in(terminal.shown)
    for request in server.requests:
        assert not found_in(request.body.decode()), request.path
    assert any("[redacted]" in request.body.decode() for request in server.requests)
    assert not found_in(cassette.read_text())
    assert cassette.stat().st_mode & 0o077 == 0
    leaks = {(table, form) for table, row in dump(conninfo) for form in found_in(row)}
    assert not leaks
    paths = find_paths()
    # The run's commits hold the person's own files, secrets and all; what Miracle wrote of its own does not.
    written = [path for path in (*paths.logs.rglob("*"), *paths.repositories.glob("*/miracle.json")) if path.is_file()]
    assert written
    for path in written:
        assert not found_in(path.read_text(errors="replace")), path
    assert titles
    assert not found_in("\n".join(titles))


@pytest.fixture
def config(database_url: str, sandbox_workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("DEPLOY_TOKEN", FROM_ENVIRONMENT)
    overrides: dict[str, Any] = {"settings.sandbox.backend": "bubblewrap", "openai.api.key": FROM_KEY}
    return engine_config(database_url, sandbox_workspace / "home", **overrides)


async def test_no_canary_streams_to_the_screen(config: Config, sandbox_workspace: Path) -> None:
    script = leaking_script()
    folder = sandbox_workspace / "project"
    folder.mkdir()
    live: list[object] = []
    async with scripted_engine(config, script) as (engine, _):
        run_id = await engine.start(task_of(script, folder))

        async def look() -> None:
            async for item in engine.watch(run_id):
                live.append(item)  # noqa: PERF401 what is there when it is cancelled counts

        looking = asyncio.create_task(look())
        state = await engine.settled(run_id)
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
    assert state.outcome == "success"
    said = "".join(item.text for item in live if isinstance(item, Delta))
    printed = "".join(item.text for item in live if isinstance(item, OutputText))
    assert "The token is [redacted], the key [redacted], and [redacted]." in said
    assert "[redacted]" in printed
    assert not found_in(said)
    assert not found_in(printed)
    rest = json.dumps([repr(item) for item in live if not isinstance(item, Recorded)], ensure_ascii=False)
    assert not found_in(rest)
