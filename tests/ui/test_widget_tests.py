"""The test pane: live, then by the report, thousands of tests, nothing that steers."""

from typing import Any

import pytest

from sandbox.protocol import TestEvent
from sandbox.report import CaseResult
from tests.widget_fixtures import HOSTILE, SIZES, Host, assert_inert, report, until
from widgets.test_pane import TestPane
from widgets.test_tree import split_id


def case(number: int, outcome: str = "passed", message: str = "") -> TestEvent:
    """A test that ended."""
    result = CaseResult.model_validate(
        {"id": f"tests/test_x.py::test_{number}", "outcome": outcome, "duration_s": 0.01, "message": message}
    )
    return TestEvent("case", case=result)


@pytest.mark.parametrize(
    ("test_id", "parts"),
    [
        ("tests/test_a.py::TestX::test_y[a::b]", ("tests/test_a.py", "TestX › test_y[a › b]")),
        ("test/a.test.js > adds > twice", ("test/a.test.js", "adds › twice")),
        ("adds two numbers", ("", "adds two numbers")),
    ],
)
def test_ids_have_a_file_and_a_name(test_id: str, parts: tuple[str, str]) -> None:
    assert split_id(test_id) == parts


async def test_tests_appear_as_they_run_and_the_report_counts() -> None:
    pane = TestPane()
    app = Host(pane)
    async with app.run_test(size=(90, 20)) as pilot:
        assert "no tests ran yet" in app.shown()
        pane.begin("docker", "pytest -q")
        pane.test_event(TestEvent("collected", count=3))
        pane.test_event(TestEvent("started", name="tests/test_x.py::test_0"))
        await until(pilot, lambda: "test_0" in app.shown())
        assert "running" in app.shown()
        pane.test_event(case(0))
        pane.test_event(case(1, "failed", "E   assert 1 == 2"))
        pane.test_event(case(1, "failed", "E   assert 1 == 2"))
        await until(pilot, lambda: "E   assert 1 == 2" in app.shown())
        assert "✓ 1  ✗ 1  of 3" in app.shown()
        pane.show_report(report(8, 2))
        await until(pilot, lambda: "✓ 8  ✗ 2  of 10   bubblewrap · 1.2s  failed" in app.shown())
        assert "TestB › test_0" in app.shown()
        pane.clear()
        await until(pilot, lambda: "no tests ran yet" in app.shown())


async def test_l_goes_from_tree_to_both_to_log() -> None:
    pane = TestPane()
    app = Host(pane)
    async with app.run_test(size=(60, 20)) as pilot:
        pane.begin("bubblewrap", "pytest")
        pane.output("collected 3 items\n")
        pane.show_report(report(2, 1))
        await pilot.pause()
        pane.tree_view.focus()
        await pilot.press("v")
        await until(pilot, lambda: "collected 3 items" in app.shown() and "test_1" in app.shown())
        await pilot.press("v")
        await until(pilot, lambda: "test_1" not in app.shown())
        assert pane.output_log.has_focus
        await pilot.press("v")
        await until(pilot, lambda: "collected" not in app.shown())


async def test_ten_thousand_tests_mount_nothing() -> None:
    pane = TestPane()
    app = Host(pane)
    async with app.run_test(size=(80, 20)) as pilot:
        await pilot.pause()
        before = len(app.query("*"))
        pane.begin("bubblewrap", "pytest")
        for number in range(10_000):
            pane.test_event(case(number, "failed", "E   wrong") if number == 9_000 else case(number))
        await until(pilot, lambda: pane.counts.passed == 9_999 and pane.tree_view.row_count() > 10_000)
        assert len(app.query("*")) == before
        pane.tree_view.focus()
        await pilot.press("f")
        await until(pilot, lambda: "E   wrong" in app.shown())


async def test_a_failure_folds_and_the_failing_file_is_in_sight() -> None:
    pane = TestPane()
    app = Host(pane)
    async with app.run_test(size=(80, 12)) as pilot:
        pane.begin("bubblewrap", "pytest")
        pane.show_report(report(40, 1))
        await until(pilot, lambda: "AssertionError" in app.shown())
        assert "▸ tests/test_a.py  40/40" in app.shown()
        pane.tree_view.focus()
        await pilot.press("f", "enter")
        await until(pilot, lambda: "AssertionError" not in app.shown())


async def test_what_went_wrong_outside_the_tests_is_shown() -> None:
    pane = TestPane()
    app = Host(pane)
    async with app.run_test(size=(80, 12)) as pilot:
        pane.show_report(report(0, 0, reason="incomplete", detail="SyntaxError: bad [/foo]", output="log here"))
        await until(pilot, lambda: "SyntaxError: bad [/foo]" in app.shown())
        assert "incomplete" in app.shown()
        await until(pilot, lambda: pane.output_log.line_count == 1)


@pytest.mark.parametrize("size", SIZES)
async def test_hostile_tests_are_inert_at_any_size(size: tuple[int, int]) -> None:
    pane = TestPane()
    app = Host(pane)
    async with app.run_test(size=size) as pilot:
        pane.begin(HOSTILE[3], HOSTILE[1])
        pane.view = "both"
        for number, text in enumerate(HOSTILE):
            pane.test_event(TestEvent("started", name=text))
            values: dict[str, Any] = {"id": f"{text}.py::{text}{number}", "outcome": "failed", "message": text * 3}
            failed = CaseResult.model_construct(None, duration_s=0.1, **values)
            pane.test_event(TestEvent("case", case=failed))
            pane.output(text)
        await pilot.pause(0.2)
        assert_inert(app.shown())
        pane.show_report(report(1, 1, detail="\n".join(HOSTILE).replace("\ud800", ""), backend=HOSTILE[4]))
        await pilot.pause(0.1)
        assert_inert(app.shown())
