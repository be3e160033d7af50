"""The profile for macOS names what is allowed, and nothing gets out of its quotes."""

import sys
from pathlib import Path

import pytest

from config.settings import Sandbox
from sandbox.choose import probe_all
from sandbox.protocol import Env, EnvSpec, ExecSpec
from sandbox.seatbelt import probe_seatbelt, seatbelt_command, seatbelt_profile
from tests.sandbox_fixtures import sandbox_paths

NO_ENV = Env(EnvSpec("python"), "none", None)


def rules(profile: str, operation: str) -> str:
    return "\n".join(line for line in profile.splitlines() if line.startswith(f"(allow {operation}"))


def test_everything_is_denied_that_is_not_named(tmp_path: Path) -> None:
    work, scratch = tmp_path / "work", tmp_path / "scratch"
    profile = seatbelt_profile(work, scratch, [tmp_path / "tools"])
    assert profile.splitlines()[:3] == ["(version 1)", "(deny default)", "(deny network*)"]
    assert profile.count("(") == profile.count(")")
    assert "network" not in rules(profile, "")
    written = rules(profile, "file-write*")
    assert f'(subpath "{work}")' in written
    assert f'(subpath "{scratch}")' in written
    for kept in ("/usr", "/Users", str(tmp_path / "tools"), str(Path.home())):
        assert f'(subpath "{kept}")' not in written
    assert f'(subpath "{Path.home()}")' not in rules(profile, "file-read*")
    assert "/Users" not in profile


def test_a_read_only_workspace_is_not_written(tmp_path: Path) -> None:
    written = rules(seatbelt_profile(tmp_path / "work", tmp_path / "s", writable=False), "file-write*")
    assert str(tmp_path / "work") not in written


def test_a_path_stays_within_its_quotes(tmp_path: Path) -> None:
    evil = tmp_path / 'a") (allow default) (subpath "'
    profile = seatbelt_profile(evil, tmp_path / "back\\slash")
    assert '\\") (allow default) (subpath \\"' in profile
    assert "back\\\\slash" in profile
    with pytest.raises(ValueError, match="control"):
        seatbelt_profile(tmp_path / "a\n(allow default)", tmp_path / "s")


def test_the_environment_holds_nothing_of_the_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    command, environment = seatbelt_command(ExecSpec("t", ("python3", "-V"), tmp_path, NO_ENV), tmp_path / "s")
    assert command[1] == "-p"
    assert command[3:] == ["python3", "-V"]
    assert "OPENAI_API_KEY" not in environment
    assert environment["HOME"] == environment["TMPDIR"] == str(tmp_path / "s")


async def test_it_is_never_chosen_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    assert probe_seatbelt().usable == (sys.platform == "darwin")
    assert "memory" in probe_seatbelt().missing
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    monkeypatch.setenv("PATH", "/nonexistent")
    assert {found.name for found in await probe_all(Sandbox(), sandbox_paths())} == {"docker", "bubblewrap"}
