"""`miracle doctor` and its checks say what is there, what is missing, and what to do."""

import asyncio
import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from config.config import Config
from config.load import load_config
from config.paths import Paths
from engine.scripted.faults import Fault, FaultKind
from engine.scripted.server import ScriptedServer
from miracle_tui import checks
from miracle_tui.check import Check
from miracle_tui.cli.commands.doctor import lines_of
from miracle_tui.cli.repairs import make_folders
from miracle_tui.key_check import ask_server
from sandbox.protocol import Capabilities
from tests.cli_fixtures import miracle
from tests.model_fixtures import SCRIPT

NAMES = [
    "Python", "git", "Data folder", "Workspace directory", "Disk", "PostgreSQL", "Memory", "Execution", "Docker",
    "bubblewrap", "Sandbox", "Node.js", "API key", "Configuration", "Terminal",
]  # fmt: skip
KEY = "sk-abcdefghijklmnopqrstWXYZ"


def config(**environ: str) -> Config:
    return load_config(environ={**environ, "MIRACLE_HOME": "/nowhere"})


@pytest.mark.bubblewrap
async def test_doctor_looks_at_everything_and_says_that_a_key_is_missing(tmp_path: Path) -> None:
    done = await miracle("doctor", cwd=tmp_path)
    assert done.code == 1, done.out + done.err
    assert [line.split(":")[0][2:] for line in done.out.splitlines() if line[:1] in "✓!✗" and line] == NAMES
    assert "✓ PostgreSQL: 18." in done.out
    assert "✓ bubblewrap: Python 3" in done.out
    assert "✗ API key: not set\n  → Solution: export OPENAI_API_KEY" in done.out
    assert "1 issue found. Fix it and run again." in done.out


@pytest.mark.bubblewrap
async def test_doctor_is_content_with_a_key_and_never_shows_it(tmp_path: Path) -> None:
    done = await miracle("doctor", "--json", cwd=tmp_path, environ={"OPENAI_API_KEY": KEY})
    found = {check["name"]: check for check in map(json.loads, done.out.splitlines())}
    assert done.code == 0, done.out + done.err
    assert list(found) == NAMES
    assert found["API key"]["detail"].startswith("sk-…WXYZ from environment: OPENAI_API_KEY")
    assert found["API key"]["detail"].endswith("(not checked; `miracle doctor --online` asks the server)")
    assert KEY not in done.out + done.err
    assert "network off" in found["bubblewrap"]["limits"]["enforced"]


@pytest.mark.bubblewrap
async def test_doctor_asks_the_server_about_the_key_when_told_to(tmp_path: Path) -> None:
    async with ScriptedServer(SCRIPT, [Fault(FaultKind.STATUS, 401, "invalid_api_key", listing=True)]) as server:
        environ = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": server.base_url}
        refused = await miracle("doctor", "--online", cwd=tmp_path, environ=environ)
        asked = server.requests[0]
        taken = await miracle("doctor", "--online", cwd=tmp_path, environ=environ)
    assert (asked.method, asked.path, asked.headers["authorization"]) == ("GET", "/v1/models", f"Bearer {KEY}")
    assert refused.code == 1, refused.out
    assert "✗ API key: sk-…WXYZ from environment: OPENAI_API_KEY" in refused.out
    assert "does not accept the API key (401)\n  → Solution: " in refused.out
    assert taken.code == 0, taken.out
    assert f"for {server.base_url}: accepted, 1 model\n" in taken.out
    assert KEY not in refused.out + taken.out


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(FaultKind.CLOSE, listing=True), "No connection to 127.0.0.1"),
        (Fault(FaultKind.STATUS, 404, listing=True), "lists no models"),
        (Fault(FaultKind.STATUS, 503, listing=True), "failed (503)"),
        (Fault(FaultKind.STATUS, 429, listing=True), "limits the rate"),
        (Fault(FaultKind.HANG, listing=True), "did not answer within"),
    ],
)
async def test_a_server_that_does_not_answer_says_nothing_against_the_key(
    monkeypatch: pytest.MonkeyPatch, fault: Fault, words: str
) -> None:
    monkeypatch.setattr("miracle_tui.key_check.ANSWER_S", 0.5)
    async with ScriptedServer(SCRIPT, [fault]) as server:
        there = config(OPENAI_API_KEY=KEY, OPENAI_BASE_URL=server.base_url)
        found = await ask_server(there, checks.check_key(there))
    assert (found.status, words in found.detail) == ("warn", True), found.detail
    assert found.remedy


async def test_a_page_instead_of_models_is_no_answer() -> None:
    async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>")
        writer.close()

    async with await asyncio.start_server(page, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        there = config(OPENAI_API_KEY=KEY, OPENAI_BASE_URL=f"http://127.0.0.1:{port}/v1")
        found = await ask_server(there, checks.check_key(there))
    assert (found.status, "lists no models" in found.detail) == ("warn", True), found.detail


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A bare repository."""
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "bare.git")], check=True)
    return tmp_path / "bare.git"


async def test_the_current_folder_is_looked_at(bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await checks.check_current_folder(tmp_path) == Check("Workspace directory", "ok", str(tmp_path))
    unfit = await checks.check_current_folder(bare)
    assert (unfit.status, "bare repository" in unfit.detail) == ("warn", True)
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    closed = await checks.check_current_folder(tmp_path)
    assert (closed.status, closed.detail) == ("fail", f"{tmp_path}: not writable")
    assert "--workspace" in closed.remedy


async def test_doctor_names_a_database_that_does_not_answer(tmp_path: Path) -> None:
    found = await checks.check_database(config(DATABASE_URL="postgresql://ann:s3cretword@127.0.0.1:9/db"))
    assert found.status == "fail"
    assert found.remedy
    assert "doctor" not in found.remedy
    assert "s3cretword" not in found.detail + found.remedy


async def test_doctor_works_with_a_broken_configuration(tmp_path: Path) -> None:
    (tmp_path / ".miracle").mkdir()
    (tmp_path / ".miracle" / "settings.yaml").write_text("sandbox:\n  backnd: docker\n")
    done = await miracle("doctor", "--json", cwd=tmp_path, environ={"OPENAI_API_KEY": KEY})
    found = {check["name"]: check for check in map(json.loads, done.out.splitlines())}
    assert done.code == 1
    assert "settings.yaml, line 2" in found["Configuration"]["detail"]


async def test_doctor_says_everything_even_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = await miracle("doctor", "--json", cwd=tmp_path, environ={"MIRACLE_HOME": str(tmp_path / "file" / "home")})
    failed = {check["name"] for check in map(json.loads, done.out.splitlines()) if check["status"] == "fail"}
    assert done.code == 1, done.err
    assert {"Data folder", "PostgreSQL", "Sandbox"} <= failed
    assert done.err == ""


def test_an_old_python_is_refused() -> None:
    assert checks.check_python((3, 10, 1)).status == "fail"
    assert checks.check_python().status == "ok"


def test_git_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = checks.check_git()
    assert (found.status, found.detail) == ("fail", "not found")
    assert "Install git" in found.remedy


def test_a_server_of_ones_own_may_do_without_a_key() -> None:
    assert checks.check_key(config(OPENAI_BASE_URL="http://127.0.0.1:8000/v1")).status == "ok"


@pytest.mark.parametrize(
    ("docker", "bubblewrap", "wanted", "status", "words"),
    [
        (True, True, "auto", "ok", "runs use docker"),
        (False, True, "auto", "ok", "runs use bubblewrap"),
        (True, True, "bubblewrap", "ok", "runs use bubblewrap (as configured)"),
        (False, True, "docker", "fail", "docker is configured"),
        (False, False, "auto", "fail", "nothing here can isolate"),
    ],
)
def test_the_sandbox_that_is_used(docker: bool, bubblewrap: bool, wanted: str, status: str, words: str) -> None:
    found = [Capabilities("docker", docker), Capabilities("bubblewrap", bubblewrap)]
    check = checks.choose(found, wanted)
    assert check.status == status
    assert words in check.detail


@pytest.mark.parametrize(("secret", "shown"), [(KEY, "sk-…WXYZ"), ("abcdefghijklmnop", "…mnop"), ("short", "…")])
def test_masked(secret: str, shown: str) -> None:
    assert checks.masked(secret) == shown


def test_a_remedy_of_several_lines_is_indented() -> None:
    check = Check("bubblewrap", "warn", "no \x1b[2J", "First\nsecond")
    assert lines_of(check) == ["! bubblewrap: no ␛[2J", "  → Solution: First", "    second"]


def test_fix_makes_missing_folders_and_says_so(tmp_path: Path) -> None:
    paths = Paths(tmp_path / "d", tmp_path / "c", tmp_path / "h", tmp_path / "l")
    made = make_folders(replace(config(), paths=paths))
    assert made == [f"✓ made the folder {folder}" for folder in (paths.data, paths.config, paths.cache, paths.logs)]
    assert make_folders(replace(config(), paths=paths)) == []


async def test_database_status(tmp_path: Path) -> None:
    done = await miracle("db", "status", "--json", cwd=tmp_path)
    record = json.loads(done.out)
    assert done.code == 0
    assert record["postgresql"].startswith("18.")
    assert record["pgvector"].startswith("0.")
    assert "events" in record["rows"]
