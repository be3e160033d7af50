"""`miracle doctor` and its checks say what is there, what is missing, and what to do."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from config.config import Config
from config.load import load_config
from config.paths import Paths
from miracle_tui import checks
from miracle_tui.cli.commands.doctor import lines_of
from miracle_tui.cli.repairs import make_folders
from sandbox.protocol import Capabilities
from tests.cli_fixtures import miracle

NAMES = [
    "Python", "git", "Data folder", "Disk", "PostgreSQL", "Docker", "bubblewrap", "Sandbox", "Node.js", "API key",
    "Configuration", "Terminal",
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
    assert KEY not in done.out + done.err


async def test_doctor_names_a_database_that_does_not_answer(tmp_path: Path) -> None:
    found = await checks.check_database(config(DATABASE_URL="postgresql://ann:s3cretword@127.0.0.1:9/db"))
    assert found.status == "fail"
    assert found.remedy
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
    check = checks.Check("bubblewrap", "warn", "no \x1b[2J", "First\nsecond")
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
