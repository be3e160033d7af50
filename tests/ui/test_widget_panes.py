"""Plan, reflection, status and iterations: views of the folded state, at any size, whatever the texts say."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from textual import on

from engine.events import ReflectionSubmitted, RunPaused
from engine.state import Phase, State
from engine.task import Plan, Spec, Subtask
from tests.widget_fixtures import (
    HOSTILE,
    NOW,
    SIZES,
    Host,
    assert_inert,
    reflected,
    report,
    state,
    until,
    waiting_plan,
)
from widgets.iteration_strip import IterationStrip, sparkline
from widgets.plan_pane import PlanPane
from widgets.reflection_pane import ReflectionPane
from widgets.status_bar import StatusBar


class PlanHost(Host):
    """Keeps what the plan pane says."""

    def __init__(self, pane: PlanPane) -> None:
        super().__init__(pane)
        self.chosen: list[int] = []
        self.edits = 0

    @on(PlanPane.IterationChosen)
    def _chosen(self, event: PlanPane.IterationChosen) -> None:
        assert event.control is event.pane
        self.chosen.append(event.number)

    @on(PlanPane.EditRequested)
    def _edit(self) -> None:
        self.edits += 1


def hostile_state(text: str) -> State:
    """A run whose every text is hostile."""
    text = text.encode("utf-8", "replace").decode()  # the engine's values take no lone surrogates
    dirty = reflected()
    assert dirty.reflection is not None
    assert dirty.recalled is not None
    assert dirty.review is not None
    safe = text or "x"
    subtasks = (Subtask(id="s1", title=safe, description=text), Subtask(id="s2", title=safe, description=text))
    changed = replace(
        dirty,
        hypothesis=text,
        recalled=tuple(item.model_copy(update={"title": text, "project": text}) for item in dirty.recalled),
        reflection=ReflectionSubmitted(session_id="x", cause=text, hypothesis=text),
        review=dirty.review.model_copy(
            update={
                "findings": tuple(f.model_copy(update={"title": text, "path": text}) for f in dirty.review.findings)
            }
        ),
        scan=tuple(f.model_copy(update={"message": text, "path": text}) for f in dirty.scan or ()),
    )
    return state(
        spec=Spec(title=safe, summary=text),
        plan=Plan(subtasks=subtasks),
        phases=tuple(Phase(subtask=s, tier=0, state="active") for s in subtasks),
        iterations=(changed,),
        paused=RunPaused(reason="error", detail=text),
    )


PANES: tuple[Callable[[], Any], ...] = (PlanPane, ReflectionPane, StatusBar, IterationStrip)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("make", PANES)
async def test_hostile_texts_are_inert_at_any_size(make: Callable[[], Any], size: tuple[int, int]) -> None:
    pane = make()
    app = Host(pane)
    async with app.run_test(size=size) as pilot:
        for text in HOSTILE:
            pane.state = hostile_state(text)
            await pilot.pause()
            assert_inert(app.shown())
        pane.state = None
        await pilot.pause()
        assert_inert(app.shown())


async def test_the_plan_shows_tiers_phases_and_iterations() -> None:
    pane = PlanPane()
    app = PlanHost(pane)
    async with app.run_test(size=(70, 24)) as pilot:
        assert "Write below what should be true" in app.shown()
        pane.state = state()
        await until(pilot, lambda: "Roman numerals" in app.shown())
        text = app.shown()
        assert "TIER 2  side by side" in text
        assert "✓ Encode" in text
        assert "● Parse coding 1✗" in text.replace("  ", " ")
        assert "○ Command" in text
        assert "2 ✗ 6/8" in text
        pane.focus()
        await pilot.press("end", "up", "enter")
        await pilot.pause()
        assert app.chosen == [3]


async def test_a_phase_folds_and_the_cursor_stays_on_what_it_was_on() -> None:
    pane = PlanPane()
    app = PlanHost(pane)
    async with app.run_test(size=(70, 24)) as pilot:
        pane.state = state()
        await pilot.pause()
        pane.focus()
        await pilot.press("home", "down", "down", "down")
        assert pane.row(pane.cursor).plain.strip().startswith("╰  2")
        changed = state()
        pane.state = replace(changed, iterations=(*changed.iterations[:1], replace(changed.iterations[1], number=2)))
        await pilot.pause()
        assert pane.row(pane.cursor).plain.strip().startswith("╰  2")
        await pilot.press("left")
        await until(pilot, lambda: "6/8" not in app.shown())
        await pilot.press("enter")
        await until(pilot, lambda: "6/8" in app.shown())


async def test_a_plan_that_waits_says_so_with_its_keys() -> None:
    pane = PlanPane()
    app = PlanHost(pane)
    async with app.run_test(size=(70, 24)) as pilot:
        pane.state = waiting_plan()
        await until(pilot, lambda: "The plan waits for you" in app.shown())
        pane.focus()
        await pilot.press("home", "enter", "e")
        await until(pilot, lambda: app.edits == 2)
        pane.state = state()
        await pilot.press("e")
        await pilot.pause()
        assert app.edits == 2


async def test_reflection_shows_cause_memories_and_findings_by_severity() -> None:
    pane = ReflectionPane()
    app = Host(pane)
    async with app.run_test(size=(80, 40)) as pilot:
        pane.state = state()
        await until(pilot, lambda: "CAUSE" in app.shown())
        text = app.shown()
        for words in (
            "the parser is greedy", "compare with to_roman", "91% same failure  used, pending", "tried: add them",
            "⚠ untrusted: from another project", "2 shown to the reflector", "50% like code  not used",
            "wants a revision", "roman/cli.py:3", "→ ast.literal_eval", "blocked eval",
        ):  # fmt: skip
            assert words in text
        assert text.index("critical") < text.index("info ")
        pane.number = 3
        await until(pilot, lambda: "being tried in iteration 3" in app.shown())
        pane.state = None
        pane.number = 0
        await until(pilot, lambda: "When an iteration fails" in app.shown())


@pytest.mark.parametrize("width", [200, 140, 100, 80, 60, 40, 30, 20, 8, 3])
async def test_the_status_fits_any_width(width: int) -> None:
    bar = StatusBar()
    app = Host(bar)
    async with app.run_test(size=(width, 4)) as pilot:
        bar.now = NOW
        task = state().task
        assert task is not None
        bar.state = state(task=task.model_copy(update={"scripted": True, "unsafe_local": True}))
        for service, known in (("database", "ok"), ("sandbox", "starting"), ("model", "failed")):
            bar.set_service(service, known)
        await pilot.pause()
        line = app.shown().split("\n")[1]
        assert len(line) == width
        if width >= 30:
            assert "SCRIPTED MODEL" in line
            assert "UNSAFE: NOT SANDBOXED" in app.shown()
            assert "CODING" in line
        if width >= 60:
            assert "iteration 3/15" in line
        if width >= 140:
            assert "Roman numerals · phase 2/3 · iteration 3/15 · CODING · $0.12/5.00 · 41k tok · 02:31" in line


async def test_the_status_says_paused_and_waiting() -> None:
    bar = StatusBar()
    app = Host(bar)
    async with app.run_test(size=(120, 4)) as pilot:
        bar.state = waiting_plan()
        await until(pilot, lambda: "WAITING 1" in app.shown())
        bar.state = state(paused=RunPaused(reason="budget"))
        await until(pilot, lambda: "PAUSED budget" in app.shown())
        bar.state = state(outcome="success")
        await until(pilot, lambda: "SUCCESS" in app.shown())
        assert "PAUSED" not in app.shown()
        bar.set_service("sandbox", "failed")
        await until(pilot, lambda: "● sandbox" in app.shown())


async def test_the_strip_keeps_the_newest_iterations() -> None:
    strip = IterationStrip()
    app = Host(strip)
    async with app.run_test(size=(80, 4)) as pilot:
        strip.state = state()
        await until(pilot, lambda: "1 ✓ 8/8   2 ✗ 6/8   3 …" in app.shown())
        assert "failing ▁█ 2" in app.shown()
        many = tuple(replace(reflected(), number=n, report=report(n, 40 - n)) for n in range(1, 41))
        strip.state = state(iterations=many)
        await until(pilot, lambda: "40 ✓ 40/40" in app.shown())
        assert "‹" in app.shown()
        assert " 1 ✗" not in app.shown()


def test_a_sparkline_has_a_bar_for_each_value() -> None:
    assert sparkline([4, 2, 0]) == "█▅▁"
    assert sparkline([0, 0]) == "▁▁"
    assert sparkline([]) == ""
