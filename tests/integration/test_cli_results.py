"""Taking a result in parts, taking it back, and giving its room back: from the command line, on one green run."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from config.paths import find_paths
from engine.scripted.server import ScriptedServer
from tests.cli_fixtures import adder_script, aside, database, miracle

pytestmark = [pytest.mark.bubblewrap, pytest.mark.usefixtures("database")]
__all__ = ["database"]


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=A", "-c", "user.email=a@b", *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


async def green_run(project: Path) -> str:
    """A run of the repository that is over and green."""
    project.mkdir()
    (project / "README.md").write_text("# Sums\n")
    git(project, "init", "-q", "-b", "main")
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "first")
    async with ScriptedServer(adder_script()) as server:
        done = await miracle(
            "run", "-t", "Write add(a, b) in adder.py.", "--base-url", server.base_url, "--model", "scripted",
            "--approve", "all", cwd=project,
        )  # fmt: skip
    assert done.code == 0, done.out + done.err
    return done.run_id


async def taken_in_parts(project: Path, run: str) -> None:
    """First one hunk, uncommitted; then, past a conflict, all of it as a merge."""
    listed = json.loads((await aside("promote", run, "--hunks", "--json")).out)
    files = {file["path"]: file["status"] for file in listed["files"]}
    assert files["adder.py"] == "added"
    assert len(files) > 1
    assert "+    return a + b" in (await aside("promote", run, "--hunks")).out

    part = await aside("promote", run, "--take", "adder.py:1", "--seen", listed["seen"])
    assert part.code == 0, part.err
    assert "left out" in part.out
    assert git(project, "status", "--porcelain") == "?? adder.py"

    (project / "adder.py").write_text("def add(a, b):\n    return b + a\n")
    refused = await aside("promote", run, "--merge")
    assert refused.code == 2
    assert "you have another file of that name" in refused.err
    assert (await aside("promote", run, "--merge", "--seen", "earlier", "--mine", "adder.py")).code == 2
    (project / "adder.py").unlink()

    seen = await aside("undo", run, "--dry-run")
    assert "adder.py: " not in seen.out
    taken = await aside("promote", run, "--merge")
    assert taken.code == 0, taken.err
    assert f"miracle undo {run}" in taken.out
    assert git(project, "status", "--porcelain") == ""


async def room_given_back(project: Path, run: str) -> None:
    """The worktree goes, the branch stays."""
    paths = find_paths()
    here = [json.loads(line) for line in (await aside("worktrees", "--json")).out.splitlines()]
    (mine,) = [one for one in here if one["run_id"] == run]
    assert (mine["status"], mine["at_work"], mine["removed"]) == ("success", False, False)
    assert mine["bytes"] > 0
    removed = await aside("worktrees", "--remove-ended")
    # Runs of other tests that are over may have left theirs in the same folder.
    assert re.search(rf"^{run} .* removed ", removed.out, re.MULTILINE)
    assert re.search(r"✓ \d+ worktrees? removed", removed.out)
    assert not (paths.worktrees / run).exists()
    assert run in git(project, "branch", "--list", "autonomous/*")
    assert run not in (await aside("worktrees")).out


async def test_a_result_is_taken_in_parts_taken_back_and_its_worktree_removed(tmp_path: Path) -> None:
    project = tmp_path / "project"
    run = await green_run(project)
    await taken_in_parts(project, run)
    merge = git(project, "rev-parse", "HEAD")
    await room_given_back(project, run)

    plan = json.loads((await aside("undo", run, "--dry-run", "--json")).out)
    assert plan["moves"].startswith("main goes from")
    back = await aside("undo", run)
    assert back.code == 0, back.err
    assert "main is back at" in back.out
    assert not (project / "adder.py").exists()
    assert git(project, "rev-parse", "HEAD@{1}") == merge
    assert git(project, "status", "--porcelain") == ""
    kinds = [json.loads(line)["kind"] for line in (await aside("show", run, "--events", "--json")).out.splitlines()]
    assert kinds[-3:] == ["promoted", "promoted", "undone"]
    # The part that was taken first is a promotion of its own.
    assert (await aside("undo", run)).code == 0
    assert "no promotion that could be undone" in (await aside("undo", run)).err
    again = await aside("promote", run, "--only", "adder.py", "--json")
    assert json.loads(again.out)["files"] == ["adder.py"]
