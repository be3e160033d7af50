"""The line that says what is going on, and the words that linger."""

from dataclasses import replace

import pytest

from engine.events import RunPaused
from engine.llm.protocol import ToolCall
from engine.state import Session, State
from tests.widget_fixtures import HOSTILE, SIZES, Host, assert_inert, request, state, until, waiting_plan
from widgets.activity_line import ActivityLine
from widgets.dialogs.amount_dialog import parse_amount
from widgets.stream_view import StreamView


def session(role: str, *pending: ToolCall) -> Session:
    """An agent at work."""
    return Session(id="s", role=role, phase_id="s2", iteration=3, visit=1, messages=(), pending=pending)


def paused(reason: str, detail: str = "", hint: str = "") -> State:
    """A run that stopped."""
    return state(paused=RunPaused(reason=reason, detail=detail, hint=hint))


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (None, "enter begins"),
        (state(sessions=(session("coder"),)), "CODE › test › reflect   ⠋ coder thinks"),
        (state(sessions=(session("coder", ToolCall(id="1", name="edit_file", arguments="{}")),)), "⠋ coder changes"),
        (
            state(sessions=(session("tester", ToolCall(id="1", name="some_tool", arguments="{}")),)),
            "TEST › reflect   ⠋ tester some tool",
        ),
        (state(sessions=(session("reflector"),)), "REFLECT   ⠋ reflector thinks"),
        (waiting_plan(), "◆ The plan waits for you   a opens it"),
        (paused("person"), "‖ paused  space goes on"),
        (
            paused("budget", "The budget is used up.", "Resume with more."),
            "space goes on  The budget is used up. Resume",
        ),
        (state(outcome="success"), "success   proved by its tests  P takes the result"),
        (state(outcome="failed", reason="15 iterations were not enough"), "not enough  n starts another run"),
        (state(outcome="cancelled"), "cancelled   n starts another run"),
    ],
)
async def test_it_says_what_is_going_on(shown: State | None, words: str) -> None:
    line = ActivityLine()
    line.still = True
    app = Host(line)
    async with app.run_test(size=(110, 3)) as pilot:
        line.state = shown
        await until(pilot, lambda: words in app.shown())


async def test_review_and_audit_are_stages_only_where_they_are_wanted() -> None:
    line = ActivityLine()
    app = Host(line)
    async with app.run_test(size=(110, 3)) as pilot:
        task = state().task
        assert task is not None
        line.state = state(task=task.model_copy(update={"review": True}), sessions=(session("reviewer"),))
        await until(pilot, lambda: "code › REVIEW › test" in " ".join(app.shown().split()))
        assert "audit" not in app.shown()


async def test_a_notice_stands_until_the_stage_changes_and_a_tool_stays_in_sight() -> None:
    line = ActivityLine()
    line.still = True
    app = Host(line)
    async with app.run_test(size=(110, 3)) as pilot:
        line.state = state(sessions=(session("coder"),))
        line.tool_done("create_file", "roman.py", ok=True)
        await until(pilot, lambda: "coder thinks  ✓ writes roman.py" in app.shown())
        line.notice("too many requests; attempt 2 in 5 s")
        await until(pilot, lambda: "attempt 2 in 5 s" in app.shown())
        line.state = state(sessions=(session("tester"),))
        await until(pilot, lambda: "tester thinks" in app.shown())
        assert "roman.py" not in app.shown()
        assert "attempt" not in app.shown()


async def test_an_interrupted_run_says_how_it_goes_on_and_letters_in_the_line_need_escape() -> None:
    line = ActivityLine()
    line.still = True
    app = Host(line)
    async with app.run_test(size=(110, 3)) as pilot:
        line.state = state(sessions=(session("coder"),))
        line.held = False
        await until(pilot, lambda: "interrupted  space goes on where it stopped" in app.shown())
        assert not line.works
        line.state = waiting_plan()
        line.writing = True
        await until(pilot, lambda: "esc a opens it" in app.shown())


@pytest.mark.parametrize("size", SIZES)
async def test_hostile_texts_are_inert(size: tuple[int, int]) -> None:
    line = ActivityLine()
    app = Host(line)
    text = " ".join(HOSTILE[1:])
    safe = text.encode("utf-8", "replace").decode()
    async with app.run_test(size=size) as pilot:
        for shown in (
            state(outcome="failed", reason=text),
            paused("error", safe, safe),
            replace(waiting_plan(), approvals=(replace(waiting_plan().approvals[0], request=request(title=safe)),)),
            state(sessions=(session(text, ToolCall(id="1", name=text, arguments="{}")),)),
        ):
            line.state = shown
            line.notice(text)
            line.tool_done(text, text, ok=False)
            await pilot.pause()
            assert_inert(app.shown())
            line.notice("")
            await pilot.pause()
            assert_inert(app.shown())


async def test_last_words_linger_until_they_are_read_or_others_speak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("widgets.stream_view.LINGER_S", 0.1)
    view = StreamView()
    app = Host(view)
    async with app.run_test(size=(60, 10)) as pilot:
        view.role = "coder"
        view.stream("all of it")
        await until(pilot, lambda: "all of it▌" in app.shown())
        view.end_stream(linger=True)
        assert view.has_class("-live")
        await until(pilot, lambda: "all of it" not in app.shown())
        view.stream("one")
        view.end_stream(linger=True)
        view.stream("two")
        await until(pilot, lambda: "two▌" in app.shown())
        assert "one" not in app.shown()
        await pilot.pause(0.2)
        assert view.has_class("-live"), "the end of the first words must not take the second ones"


@pytest.mark.parametrize(
    ("text", "whole", "amount"),
    [
        ("5", False, 5.0),
        (" $2.50 ", False, 2.5),
        ("2,5", False, 2.5),
        ("3", True, 3.0),
        ("2.5", True, None),
        ("0", False, None),
        ("-1", False, None),
        ("nan", False, None),
        ("inf", True, None),
        ("1e9", False, None),
        ("", False, None),
        ("five", False, None),
    ],
)
def test_amounts(text: str, whole: bool, amount: float | None) -> None:
    assert parse_amount(text, whole=whole) == amount
