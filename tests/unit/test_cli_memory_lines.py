"""What the command line says about memories."""

import json

import pytest

from engine import events as e
from engine.evolve import evolve, fold
from engine.recollections import all_memories, record_words, source_of
from engine.state import State
from memory.records import Recollection
from miracle_tui.cli.printer import lines_for
from miracle_tui.cli.records import state_record
from miracle_tui.cli.story import story_lines
from miracle_tui.cli.views import JsonView
from tests.ui.memory_story import LOOP, PAIRS, RANGE, SOLUTION, Story, story
from tests.ui.recorded_run import recorded


def told(events: list[e.Event]) -> str:
    state, lines = State(), []
    for item in recorded(events):
        state = evolve(state, item)
        lines += lines_for(item, state)
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (story(PAIRS.memory_id), "  ✓ it helped to remember coins-9f2c.3: AssertionError"),
        (story(PAIRS.memory_id, failing_after=3), "  ✗ it did not help to remember coins-9f2c.3: AssertionError"),
        (story(RANGE.memory_id, failing_after=1), "  ✓ it helped to remember dates-1b7e.1: AssertionError"),
    ],
)
def test_the_story_tells_what_was_recalled_used_and_helped(run: Story, words: str) -> None:
    text = told(run.events)
    for line in (
        "  · recalled (93%, the same failure, helped 3 of 4 times before) AssertionError: assert 'IIII' == 'IV'",
        "  · recalled (61%, a like error, untrusted: another project's) AssertionError: assert 'MMMM' == None",
        "  · recalled (44%, like code, pinned) IndexError: list index out of range",
        f"    ✓ solved by: {PAIRS.solution}",
        f"    ✗ not helped by: {RANGE.solution}",
        "  · recalled (52%, like words) library",
        "  · used base-60aa: library",
        words,
    ):
        assert line in text.split("\n") or line in text
    assert text.count(words) == 1
    assert text.count("to remember base-60aa") == (run.events[-1].kind == "run_finished")


def test_one_that_was_not_used_is_not_judged() -> None:
    text = told(story().events)
    assert "used coins" not in text
    assert "to remember coins" not in text


def test_a_screenful_and_the_record_say_what_each_was_worth() -> None:
    state = fold(recorded(story(PAIRS.memory_id).events))
    lines = story_lines(state)
    assert "  ✓ recalled (52%, like words; used, and it helped) base-60aa: library" in lines
    assert any(
        line.startswith("  ✓ recalled (93%, the same failure, helped 3 of 4 times before; used") for line in lines
    )
    assert any(line.startswith("  · recalled (44%, like code, pinned; not used) f-12") for line in lines)
    record = json.loads(json.dumps(state_record(state)))
    assert [(one["role"], one["worth"]) for one in record["memories"]] == [("planner", "helped")]
    found = [(one["memory"]["memory_id"], one["worth"]) for one in record["iterations"][0]["memories"]]
    assert found == [(PAIRS.memory_id, "helped"), (RANGE.memory_id, "unused"), (LOOP.memory_id, "unused")]


def test_lines_of_json_say_what_an_event_settles(capsys: pytest.CaptureFixture[str]) -> None:
    state = State()
    for item in recorded(story(PAIRS.memory_id).events):
        state = evolve(state, item)
        JsonView().recorded(item, state)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    settled = [(one["kind"], found["memory_id"], found["helped"]) for one in lines for found in one.get("memories", ())]
    assert settled == [
        ("plan_submitted", SOLUTION.memory_id, None),
        ("reflection_submitted", PAIRS.memory_id, None),
        ("tests_finished", PAIRS.memory_id, True),
        ("run_finished", SOLUTION.memory_id, True),
    ]


def test_everything_that_was_shown_is_known() -> None:
    state = fold(recorded(story().events))
    assert [one.item for one in all_memories(state)] == [SOLUTION, PAIRS, RANGE, LOOP]


@pytest.mark.parametrize(
    ("item", "source", "record"),
    [
        (PAIRS, ("coins-9f2c", 3), "helped 3 of 4 times before"),
        (SOLUTION, ("base-60aa", 0), ""),
        (LOOP, ("", 0), ""),
        (
            Recollection(memory_id="a.b.12", similarity=1, title="", shown=2),
            ("a.b", 12),
            "shown twice before, never used",
        ),
        (
            Recollection(memory_id="a.x", similarity=1, title="", shown=2, used=1),
            ("a", 0),
            "used once before, not known what for",
        ),
    ],
)
def test_a_memory_says_where_it_comes_from(item: Recollection, source: tuple[str, int], record: str) -> None:
    assert source_of(item) == source
    assert record_words(item) == record
