"""Taking a result hunk by hunk and taking it back, in the app."""

from dataclasses import replace

from engine import events as e
from tests.ui import recorded_run
from tests.ui.app_fixtures import opened_app, until
from tests.ui.recorded_run import RUN
from tests.ui.scripted_engine import ScriptedEngine
from tests.ui.test_screen_questions import engine_with, notices
from widgets.dialogs.confirm_dialog import ConfirmDialog
from widgets.dialogs.error_dialog import ErrorDialog
from widgets.dialogs.hunk_dialog import HunkDialog
from widgets.dialogs.promote_dialog import PromoteDialog


def taken() -> ScriptedEngine:
    engine = engine_with(recorded_run.until_success())
    engine.tell(RUN, e.Promoted(how="merge", detail="3 files", undo="refs/miracle/r/before-promotion"))
    return engine


async def test_hunks_are_chosen_and_written() -> None:
    engine = engine_with(recorded_run.until_success())
    async with opened_app(engine, show=RUN) as (app, pilot):
        await pilot.press("escape", "P")
        await until(pilot, lambda: isinstance(app.screen, PromoteDialog))
        await pilot.press("h")
        await until(pilot, lambda: isinstance(app.screen, HunkDialog))
        await pilot.press("t", "w")
        await until(pilot, lambda: bool(engine.called("promote")))
        (run_id, how, take), *_ = engine.called("promote")
        assert (run_id, how, take.sides["README.md"]) == (RUN, "merge", {1: "theirs", 2: "theirs"})
        await until(pilot, lambda: "U takes it back" in notices(app))


async def test_a_folder_that_cannot_be_looked_at_leaves_the_other_ways_open() -> None:
    engine = engine_with(recorded_run.until_success())
    engine.unseen = "/home/ada/numerals is gone"
    async with opened_app(engine, show=RUN) as (app, pilot):
        await pilot.press("escape", "P")
        await until(pilot, lambda: isinstance(app.screen, PromoteDialog))
        await pilot.press("b")
        await until(pilot, lambda: engine.called("promote") == [(RUN, "branch")])


async def test_undoing_asks_with_its_blast_radius() -> None:
    engine = taken()
    async with opened_app(engine, show=RUN) as (app, pilot):
        await pilot.press("escape", "U")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        assert isinstance(app.screen, ConfirmDialog)
        text = app.screen._text
        for words in ("roman.py: removed", "main goes from", "git reflog keeps it", "on a remote already"):
            assert words in text
        await pilot.press("n")
        assert engine.called("undo") == []
        await pilot.press("U")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        await pilot.press("y")
        await until(pilot, lambda: engine.called("undo") == [(RUN,)])
        await until(pilot, lambda: "Taken back" in notices(app))


async def test_undoing_over_later_changes_is_refused_by_name() -> None:
    engine = taken()
    engine.undoing = replace(engine.undoing, conflicts=("README.md: both changed the same lines",))
    async with opened_app(engine, show=RUN) as (app, pilot):
        await pilot.press("escape", "U")
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
        assert engine.called("undo") == []


async def test_there_may_be_nothing_to_undo() -> None:
    engine = engine_with(recorded_run.until_success())
    async with opened_app(engine, show=RUN) as (app, pilot):
        await pilot.press("escape", "U")
        await until(pilot, lambda: "Nothing of this run was taken" in notices(app))
