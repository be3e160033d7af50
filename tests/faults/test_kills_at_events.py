"""A run that is killed on both sides of every commit, and at every event that is seen, ends as if nothing was."""

from pathlib import Path

import pytest

from engine.scripted.script import Script
from tests.fault_figures import Figures
from tests.fault_fixtures import ordeal
from tests.faults.two_phases import two_phases
from tests.tiny_script import tiny_script

pytestmark = pytest.mark.bubblewrap


COMMENT = "# Twice as much.\n"


def inserting() -> Script:
    """A coder whose first session edits its file so that the new text contains the old one."""
    script = tiny_script(wrong_first=True).model_dump()
    coder = next(one for one in script["sessions"] if one["role"] == "coder")
    edit = {"path": "double.py", "old": "def double", "new": f"{COMMENT}def double"}
    wrote, submitted = coder["turns"]
    turns = [wrote, {"calls": [{"name": "edit_file", "arguments": edit}]}, submitted]
    return tiny_script(wrong_first=True, extra=[{**coder, "turns": turns}])


async def test_kills_on_both_sides_of_every_commit(
    database_url: str, sandbox_workspace: Path, figures: Figures
) -> None:
    async with ordeal(database_url, sandbox_workspace, inserting(), figures) as run:
        while not run.over:
            # A call that was begun is begun again first: its answer is the second append of the next life.
            place = 1 + (run.newest == "call_started")
            await run.live(kill={"at": "before", "n": place}, tree=True)
            await run.live(kill={"at": "after", "n": place}, tree=False)
        await run.to_the_end()
        assert len(run.state.iterations) == 2
        assert all(one.body["ok"] for one in await run.store.read(run.run_id) if one.kind == "tool_finished")
        assert (run.worktree / "double.py").read_text().count(COMMENT) == 1, "an edit was made twice"
        assert figures.kills >= 60


async def test_kills_at_every_event_that_is_seen_to_come(
    database_url: str, sandbox_workspace: Path, figures: Figures
) -> None:
    async with ordeal(database_url, sandbox_workspace, tiny_script(wrong_first=True), figures) as run:
        while not run.over:
            await run.live(watch=1 + (run.newest == "call_started"), tree=figures.lives % 2 == 0)
        await run.to_the_end()
        assert len(run.state.iterations) == 2
        assert figures.kills >= 20


async def test_kills_at_every_commit_of_two_phases_side_by_side(
    database_url: str, sandbox_workspace: Path, figures: Figures
) -> None:
    async with ordeal(database_url, sandbox_workspace, two_phases(), figures, parallel_phases=2) as run:
        while not run.over:
            # Each side may have begun a call first; beyond these, whatever comes next is the last of this life.
            place = 1 + sum(bool(session.calling) for session in run.state.sessions)
            await run.live(kill={"at": "after", "n": place}, tree=figures.lives % 2 == 0)
        await run.to_the_end()
        assert len(run.state.iterations) == 3
        assert figures.kills >= 25
