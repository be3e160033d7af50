"""A run that is killed at moments nobody chose, alone and with all that it started, ends as if nothing was."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fault_figures import Figures
from tests.fault_fixtures import Ordeal, ordeal
from tests.tiny_script import tiny_script

pytestmark = pytest.mark.bubblewrap

KILLS = 40
Moment = Callable[[random.Random, Ordeal], dict[str, Any]]


def any_moment(drawn: random.Random, run: Ordeal) -> dict[str, Any]:
    """Whatever is under way."""
    return {"after_s": drawn.uniform(0.03, 0.4)}


def git_or_a_sandbox_at_work(drawn: random.Random, run: Ordeal) -> dict[str, Any]:
    """Just after a program was started. Making the worktree takes some twenty; what comes later, a few at a time."""
    most = 10 if run.state.workspace else 30
    delay_s = drawn.choice((0, drawn.uniform(0, 0.006)))
    return {"kill": {"at": "program", "n": drawn.randint(1, most), "delay_s": delay_s}}


@pytest.mark.parametrize("tree", [True, False], ids=["with-all-it-started", "alone"])
@pytest.mark.parametrize("moment", [any_moment, git_or_a_sandbox_at_work], ids=lambda moment: moment.__name__)
async def test_kills_at_random(
    database_url: str, sandbox_workspace: Path, figures: Figures, moment: Moment, tree: bool
) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    drawn = random.Random(seed)
    async with ordeal(database_url, sandbox_workspace, tiny_script(wrong_first=True), figures) as run:
        while figures.kills < KILLS and not run.over:
            await run.live(**moment(drawn, run), tree=tree)
        await run.to_the_end()
