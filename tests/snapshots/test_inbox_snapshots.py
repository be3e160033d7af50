"""The inbox, and the dialog of a rule with its rehearsal, at two sizes."""

from collections.abc import Awaitable, Callable

import pytest
from textual.pilot import Pilot

from engine.gates.rehearsal import PastAction
from engine.gates.rules import propose_for_command
from miracle_tui.app import MiracleApp
from miracle_tui.screens.inbox_screen import InboxScreen
from miracle_tui.services import Launch
from tests.ui import recorded_run
from tests.ui.app_fixtures import NOW, WORKSPACE, ReadyServices, shown_all, until
from tests.ui.recorded_run import RUN, SECOND, START
from tests.ui.scripted_engine import ScriptedEngine
from widgets.dialogs.approval_dialog import ApprovalDialog
from widgets.dialogs.rule_dialog import RuleDialog
from widgets.inbox_list import InboxList

Compare = Callable[..., bool]
SIZES = ((100, 30), (80, 24))


def app_with() -> MiracleApp:
    """A run that asks about a command, another that asks about its plan, a rule, and a past to rehearse against."""
    engine = ScriptedEngine()
    engine.tell(RUN, *recorded_run.until_command())
    engine.tell("p4qz81", *recorded_run.until_plan())
    rule = propose_for_command("pip install flask")[1]
    about = {"created_at": START, "created_by": "ada@laptop", "uses": 3, "used_at": START, "project": str(WORKSPACE)}
    engine.made_rules = [rule.model_copy(update=about)]
    answers = (
        ("rm -r build", "once"),
        ("rm -r build/cache", "run"),
        ("rm -r build/lib", "deny"),
        ("pip install x", "once"),
    )
    engine.past = [
        PastAction(
            f"numerals-{place}", START + place * SECOND, str(WORKSPACE), command, (), True, decision, "ada@laptop"
        )
        for place, (command, decision) in enumerate(answers)
    ]
    return MiracleApp(Launch(WORKSPACE), ReadyServices(engine))


async def calm(pilot: Pilot[None]) -> MiracleApp:
    """The app with nothing that moves by itself."""
    app = pilot.app
    assert isinstance(app, MiracleApp)
    await until(pilot, lambda: app.engine is not None and app.run_screen.desk is not None)
    app.run_screen.furniture.status.now = NOW
    app.run_screen.furniture.activity.still = True
    app.run_screen.furniture.goal.cursor_blink = False
    app.animation_level = "none"
    return app


def inbox(*keys: str) -> Callable[[Pilot[None]], Awaitable[None]]:
    """Open the inbox and press keys."""

    async def before(pilot: Pilot[None]) -> None:
        app = await calm(pilot)
        await pilot.press("escape", "a")
        await until(pilot, lambda: isinstance(app.screen, InboxScreen) and bool(app.screen.query_one(InboxList).items))
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.1)
        await until(
            pilot, lambda: not any(worker.group == "inbox-preview" and worker.is_running for worker in app.workers)
        )
        app.clear_notifications()
        await pilot.pause(0.3)

    return before


async def rule(pilot: Pilot[None]) -> None:
    """Open the rule's dialog over the run's question, one step wider than the narrowest."""
    app = await calm(pilot)
    engine = app.engine
    assert isinstance(engine, ScriptedEngine)
    app.run_screen.show_run(RUN)
    await until(pilot, lambda: shown_all(app.run_screen, engine))
    await until(pilot, lambda: isinstance(app.screen, ApprovalDialog))
    await pilot.press("a")
    await until(pilot, lambda: isinstance(app.screen, RuleDialog))
    await pilot.press("down", "down")
    app.clear_notifications()
    await pilot.pause(0.3)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_inbox(size: tuple[int, int], snap_compare: Compare) -> None:
    assert snap_compare(app_with(), terminal_size=size, run_before=inbox())


def test_inbox_rule(snap_compare: Compare) -> None:
    assert snap_compare(app_with(), terminal_size=SIZES[0], run_before=inbox("down", "down"))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_rule_dialog(size: tuple[int, int], snap_compare: Compare) -> None:
    assert snap_compare(app_with(), terminal_size=size, run_before=rule)
