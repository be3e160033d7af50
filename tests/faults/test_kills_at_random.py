"""A run that is killed at moments nobody chose, alone and with all that it started, ends as if nothing was."""

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fault_figures import Figures
from tests.fault_fixtures import Nursery, nursery, ordeal
from tests.tiny_script import tiny_script

pytestmark = pytest.mark.bubblewrap

KILLS = 40


@pytest.fixture
async def family() -> AsyncIterator[Nursery]:
    """Processes to kill."""
    async with nursery() as made:
        yield made


@pytest.mark.parametrize("tree", [True, False], ids=["with-all-it-started", "alone"])
async def test_kills_at_any_moment(
    family: Nursery, database_url: str, sandbox_workspace: Path, figures: Figures, tree: bool
) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    moments = random.Random(seed)
    async with ordeal(family, database_url, sandbox_workspace, tiny_script(wrong_first=True), figures) as run:
        while figures.kills < KILLS and not run.over:
            await run.live(after_s=moments.uniform(0.03, 0.4), tree=tree)
        await run.to_the_end()


@pytest.mark.parametrize("tree", [True, False], ids=["with-all-it-started", "alone"])
async def test_kills_while_git_or_a_sandbox_is_at_work(
    family: Nursery, database_url: str, sandbox_workspace: Path, figures: Figures, tree: bool
) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    moments = random.Random(seed)
    async with ordeal(family, database_url, sandbox_workspace, tiny_script(wrong_first=True), figures) as run:
        while figures.kills < KILLS and not run.over:
            # Making the worktree takes some twenty programs; what comes later takes a few at a time.
            most = 10 if run.state.workspace else 30
            delay_s = moments.choice((0, moments.uniform(0, 0.006)))
            await run.live(kill={"at": "program", "n": moments.randint(1, most), "delay_s": delay_s, "tree": tree})
        await run.to_the_end()
