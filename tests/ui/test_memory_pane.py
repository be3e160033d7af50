"""Memories on the run's screen: what each was worth, and what a person does with it from the keyboard."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from textual import on

from engine import events as e
from engine.evolve import fold
from memory.hits import Entry, Hit
from memory.marks import Mark
from memory.records import Recollection
from miracle_tui.keymap import check_keymap
from miracle_tui.screens.keys import key_groups
from miracle_tui.screens.timeline_screen import TimelineScreen
from tests.ui.app_fixtures import opened_app, until
from tests.ui.memory_story import LOOP, PAIRS, RANGE, SOLUTION, story
from tests.ui.recorded_run import RUN, recorded, until_plan, until_success
from tests.ui.scripted_engine import ScriptedEngine
from tests.widget_fixtures import HOSTILE, Host, assert_inert
from widgets.dialogs.confirm_dialog import ConfirmDialog
from widgets.dialogs.error_dialog import ErrorDialog
from widgets.dialogs.memory_dialog import MemoryDialog
from widgets.history_preview import HistoryPreview
from widgets.reflection_pane import ReflectionPane

USED = story(PAIRS.memory_id)
MENDED = USED.until(e.TestsFinished, 2)


def text_of(pane: ReflectionPane) -> str:
    return "\n".join(pane.row_text(y) for y in range(pane.row_count()))


def engine_with(events: list[e.Event]) -> ScriptedEngine:
    engine = ScriptedEngine()
    engine.tell(RUN, *events)
    engine.tell(PAIRS.run_id, *until_success())
    return engine


@pytest.mark.parametrize(
    ("events", "head"),
    [
        (USED.until(e.Recalled), "93% same failure  shown"),
        (USED.until(e.ReflectionSubmitted), "93% same failure  used, pending"),
        (MENDED, "93% same failure  used, helped"),
        (story(PAIRS.memory_id, failing_after=3).events, "93% same failure  used, did not help"),
        (story().until(e.TestsFinished, 2), "93% same failure  not used"),
    ],
)
async def test_a_memory_says_what_it_was_worth(events: list[e.Event], head: str) -> None:
    pane = ReflectionPane()
    async with Host(pane).run_test(size=(100, 60)) as pilot:
        pane.state = fold(recorded(events))
        await pilot.pause()
        text = text_of(pane)
        assert head in text
        for words in (
            "REMEMBERED  3 shown to the reflector",
            "from run coins-9f2c, iteration 3",
            "helped 3 of 4 times before",
            "helped: Put 900",
            "▸ change +4 -1",
            "⚠ untrusted: from another project",
            "tried without success: Raise ValueError",
            "44% like code  ★ pinned",
            "FOR THE PLAN  1 shown to the planner",
            "52% like words solution  used, pending",
            "plan: - One direction",
        ):
            assert words in text
        assert text.count("untrusted") == 1
        pane.number = 1
        await pilot.pause()
        assert "FOR THE PLAN" not in text_of(pane)


async def test_what_the_planner_used_is_judged_by_the_run() -> None:
    pane = ReflectionPane()
    async with Host(pane).run_test(size=(100, 60)) as pilot:
        pane.state = fold(recorded(USED.until(e.PlanSubmitted)))
        await pilot.pause()
        assert text_of(pane).startswith("FOR THE PLAN")
        pane.state = fold(recorded(USED.events))
        await pilot.pause()
        assert "52% like words solution  used, helped" in text_of(pane)


@pytest.mark.parametrize("size", [(80, 24), (20, 5)])
async def test_hostile_memories_are_inert(size: tuple[int, int]) -> None:
    pane = ReflectionPane(acts=True)
    host = Host(pane)
    async with host.run_test(size=size) as pilot:
        pane.focus()
        for raw in HOSTILE:
            text = raw.encode("utf-8", "replace").decode()
            values = dict.fromkeys(("memory_id", "title", "cause", "solution", "plan", "project", "run_id"), text)
            item = Recollection(similarity=2.0, fix=f"--- a\n+++ b\n@@\n+{text}", own_project=False, **values)
            events = [
                event.model_copy(update={"items": (item,)}) if isinstance(event, e.Recalled) else event
                for event in USED.until(e.Recalled)
            ]
            pane.state = fold(recorded(events))
            pane.action_edge(1)
            await pilot.press("right")
            assert_inert(host.shown())


class Screen(Host):
    """Keeps what the pane asks."""

    def __init__(self, pane: ReflectionPane) -> None:
        super().__init__(pane)
        self.asked: list[tuple[str, str]] = []

    @on(ReflectionPane.MemoryAsked)
    def _asked(self, event: ReflectionPane.MemoryAsked) -> None:
        assert event.control is event.pane
        self.asked.append((event.wish, event.shown.item.memory_id))


async def test_the_cursor_goes_from_memory_to_memory_and_scrolls_between() -> None:
    pane = ReflectionPane(acts=True)
    app = Screen(pane)
    async with app.run_test(size=(76, 12)) as pilot:
        pane.state = fold(recorded(MENDED))
        pane.focus()
        await pilot.press("o")
        seen: list[str] = []
        for _ in range(40):
            if pane.current is not None and seen[-1:] != [pane.current.item.memory_id]:
                seen.append(pane.current.item.memory_id)
            await pilot.press("down")
        assert seen == [one.memory_id for one in (PAIRS, RANGE, LOOP, SOLUTION)]
        assert pane.scroll_offset.y == pane.max_scroll_y
        await pilot.press("home")
        assert pane.scroll_offset.y == 0
        await pilot.press("end", "o", "up", "up", "enter", "pageup", "pageup", "pageup")
        assert pane.scroll_offset.y == 0
        assert app.asked == [("run", PAIRS.memory_id), ("run", SOLUTION.memory_id), ("open", LOOP.memory_id)]
        while pane.current is None or pane.current.item != PAIRS:
            await pilot.press("down")
        await pilot.press("right")
        assert pane.scroll_offset.y == pane.cursor, "as much of the change as there is room for is in sight"


async def test_a_change_is_shown_on_demand_and_the_cursor_keeps_its_memory() -> None:
    pane = ReflectionPane(acts=True)
    async with Screen(pane).run_test(size=(100, 50)) as pilot:
        pane.state = fold(recorded(USED.until(e.Recalled)))
        pane.focus()
        await pilot.press("right")
        assert '-PAIRS = ((1000, "M")' in text_of(pane)
        await pilot.press("left")
        assert 'PAIRS = ((1000, "M")' not in text_of(pane)
        await pilot.press("down", "right")
        before = pane.cursor
        pane.state = fold(recorded(USED.until(e.ReflectionSubmitted)))
        assert pane.current is not None
        assert pane.current.item == RANGE
        assert pane.cursor == before + 6, "cause and hypothesis stand above now"


async def test_a_pane_that_nobody_listens_to_offers_no_keys() -> None:
    pane = ReflectionPane()
    app = Screen(pane)
    async with app.run_test(size=(100, 50)) as pilot:
        pane.state = fold(recorded(MENDED))
        pane.focus()
        await pilot.press("down", "p", "d", "o", "enter")
        assert app.asked == []
        assert pane.current is None


async def test_memories_are_read_pinned_forgotten_and_followed_by_key() -> None:
    engine = engine_with(MENDED)
    hit = Hit("failure", PAIRS.memory_id, PAIRS.run_id, PAIRS.title, "", datetime(2026, 1, 2, tzinfo=UTC))
    texts = dict.fromkeys(("message", "ctx_text", "hypothesis", "code_context", "fix"), "")
    values = {**texts, "cause": "The whole cause.", "solution": PAIRS.solution}
    engine.entries[PAIRS.memory_id] = Entry(hit, values, shown=6, used=5, helped=4, harmed=1)
    engine.marked = {
        LOOP.memory_id: Mark(LOOP.memory_id),
        RANGE.memory_id: Mark(RANGE.memory_id, forgotten=True),
    }
    async with opened_app(engine, size=(120, 50), show=RUN) as (app, pilot):
        pane = app.run_screen.furniture.reflection
        theme = app.theme

        async def press(key: str, holds: Callable[[], bool]) -> None:
            await pilot.press(key)
            await until(pilot, holds)

        def here() -> bool:
            return app.screen is app.run_screen

        await until(pilot, lambda: "61% like error  forgotten" in text_of(pane))
        assert "pinned" not in text_of(pane), "it was pinned when it was recalled, and is no more"
        await pilot.press("escape", "3", "m")
        await until(pilot, lambda: pane.current is not None)
        await press("p", lambda: "same failure  ★ pinned" in text_of(pane))
        await press("p", lambda: "same failure  used" in text_of(pane))
        await press("d", lambda: isinstance(app.screen, ConfirmDialog))
        await press("n", here)
        await press("d", lambda: isinstance(app.screen, ConfirmDialog))
        await press("y", lambda: here() and "same failure  forgotten" in text_of(pane))
        await press("d", lambda: "same failure  used" in text_of(pane))
        marks = [(True, None), (False, None), (None, True), (None, False)]
        assert engine.called("mark_memory") == [(PAIRS.memory_id, *mark) for mark in marks]

        await press("enter", lambda: isinstance(app.screen, MemoryDialog))
        preview = app.screen.query_one(HistoryPreview)
        await until(pilot, lambda: "The whole cause." in [preview.row_text(y) for y in range(preview.row_count())])
        await press("p", lambda: here() and "★ pinned  used" in text_of(pane))
        await press("o", lambda: isinstance(app.screen, TimelineScreen))
        assert isinstance(app.screen, TimelineScreen)
        assert app.screen.reel.run_id == PAIRS.run_id
        await press("escape", here)

        await pilot.press("down", "down")
        await press("enter", lambda: isinstance(app.screen, MemoryDialog))
        preview = app.screen.query_one(HistoryPreview)
        assert preview.row_text(0).startswith("Memory does not hold it any more"), "what was shown is still there"
        await press("o", lambda: isinstance(app.screen, ErrorDialog))
        await press("escape", here)
        assert app.theme == theme
        pane.state = fold(recorded(until_plan()))
        await press("d", lambda: app.theme != theme)


def test_the_help_tells_the_keys_and_a_keymap_changes_them() -> None:
    rows = dict(key_groups({"memory.pin": "x"}, [])["Memory, in the reflection"])
    assert "x" in rows
    assert rows["x"] == "Pin"
    usable, problems = check_keymap({"memory.pin": "x", "memory.run": "d"}, ReflectionPane.BINDINGS)
    assert usable == {"memory.pin": "x"}
    assert "taken by memory.forget" in problems[0]
