"""`miracle sandbox status` and `clean`, over environments of their own."""

import json
import os
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from miracle_tui.cli.main import cli
from sandbox.environments_kept import DAY_S, USES


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with an old environment and a new one, and no Docker engine."""
    folder = tmp_path / "data" / "environments"
    (folder / USES).mkdir(parents=True)
    for name, days in (("python-old", 99), ("node-new", 1)):
        (folder / name).mkdir()
        (folder / name / "file").write_bytes(b"x" * 5000)
        (folder / USES / name).touch()
        os.utime(folder / USES / name, (time.time() - days * DAY_S,) * 2)
    return tmp_path


def miracle(home: Path, *arguments: str) -> Result:
    environ = {"MIRACLE_HOME": str(home), "DOCKER_HOST": f"unix://{home}/none.sock"}
    return CliRunner().invoke(cli, ["sandbox", *arguments], env=environ)


def test_status_tells_what_is_there_and_what_is_not(home: Path) -> None:
    result = miracle(home, "status")
    assert result.exit_code == 0, result.output
    assert "no images: No Docker engine answers" in result.output
    assert result.output.index("node-new") < result.output.index("python-old")
    lines = [json.loads(line) for line in miracle(home, "status", "--json").output.splitlines()]
    assert [(one["kind"], one["name"], one["in_use"]) for one in lines] == [
        ("environment", "python-old", False),
        ("environment", "node-new", False),
    ]


def test_clean_removes_what_is_old_and_all_when_asked(home: Path) -> None:
    assert "1 environment removed" in miracle(home, "clean").output
    assert not (home / "data" / "environments" / "python-old").exists()
    (removed,) = [json.loads(line) for line in miracle(home, "clean", "--all", "--json").output.splitlines()]
    assert (removed["name"], removed["removed"]) == ("node-new", True)


def test_a_build_without_an_engine_says_what_to_do(home: Path) -> None:
    result = miracle(home, "build", "--if-missing")
    assert result.exit_code != 0
    assert "No Docker engine answers" in result.output + str(result.exception or "")
