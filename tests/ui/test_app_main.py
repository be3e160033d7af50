"""How Miracle is started."""

import subprocess
import sys
from pathlib import Path

import pytest

from miracle_tui.__main__ import HOUSE, leave_working_directory


def test_the_working_directory_leaves_the_import_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = tmp_path / "link"
    here = tmp_path / "here"
    here.mkdir()
    link.symlink_to(here)
    monkeypatch.chdir(here)
    assert leave_working_directory(["", str(here), str(link), ".", "/usr/lib/python"]) == ["/usr/lib/python"]


def test_the_house_itself_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HOUSE)
    assert leave_working_directory([HOUSE, "/usr/lib/python"]) == [HOUSE, "/usr/lib/python"]


@pytest.mark.parametrize("package", ["config", "engine", "widgets", "textual", "click"])
def test_a_persons_own_packages_are_never_imported(tmp_path: Path, package: str) -> None:
    trap = tmp_path / package
    trap.mkdir()
    (trap / "__init__.py").write_text("raise SystemExit('the trap sprang')\n")
    done = subprocess.run(
        [sys.executable, "-m", "miracle_tui", "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "the trap sprang" not in done.stdout + done.stderr
    assert done.returncode == 0, done.stderr


def test_without_a_terminal_it_says_what_to_do(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "miracle_tui"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "needs a terminal" in done.stderr
    assert "miracle run" in done.stderr
