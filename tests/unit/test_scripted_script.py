"""Scripts: which session speaks where, and what is wrong with a broken file."""

from pathlib import Path

import pytest

from engine.scripted.script import Script, ScriptError, load_script, parse_script
from tests.model_fixtures import SCRIPT, place

HEADER = """\
name: small
title: Small
goal: Say something
description: One session.
language: python
project_type: script
sessions:
"""


def script(*sessions: str) -> Script:
    """A script whose sessions say their own conditions."""
    lines = [f"  - {{{conditions}, turns: [{{text: '{conditions}'}}, {{text: later}}]}}" for conditions in sessions]
    return parse_script(HEADER + "\n".join(lines), Path("small.yaml"))


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ({}, "role: coder"),
        ({"phase": "p1"}, "role: coder, phase: p1"),
        ({"phase": "p1", "visit": 2}, "role: coder, phase: p1, visit: 2"),
        ({"phase": "p1", "visit": 3}, "role: coder, phase: p1"),
        ({"phase": "p9", "iteration": 7}, "role: coder, iteration: 7"),
        ({"phase": "p1", "iteration": 7}, "role: coder, phase: p1"),
        ({"phase": "p2", "visit": 1}, "role: coder"),
        ({"phase": "p2", "visit": 5}, "role: coder"),
        (
            {"phase": "p1", "visit": 2, "conversation": "assert 1 == 2"},
            "role: coder, phase: p1, visit: 2, when: 1 == 2",
        ),
        ({"phase": "p1", "turn": 1}, "later"),
        ({"phase": "p1", "turn": 9}, "later"),
    ],
)
def test_the_most_precise_session_speaks(at: dict[str, object], said: str) -> None:
    small = script(
        "role: coder",
        "role: coder, phase: p1",
        "role: coder, phase: p1, visit: 2",
        "role: coder, phase: p1, visit: 2, when: 1 == 2",
        "role: coder, iteration: 7",
        "role: coder, phase: p2, visit: 2",
    )
    turn = small.turn_at(place(**at))
    assert turn is not None
    assert turn.text == said


def test_a_later_visit_falls_back_on_an_earlier_one() -> None:
    small = script("role: coder, phase: p1, visit: 1", "role: coder, phase: p1, visit: 2")
    turn = small.turn_at(place(phase="p1", visit=5))
    assert turn is not None
    assert turn.text.endswith("visit: 2")


def test_no_session_is_no_turn() -> None:
    assert SCRIPT.turn_at(place(role="planner")) is None
    assert script("role: coder, phase: p1").turn_at(place(phase="p2")) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HEADER + "  - {role: coder, turns: []}\n", "bad.yaml:8: sessions.0.turns: "),
        (HEADER + "  - role: coder\n    turns:\n      - txt: hello\n", "bad.yaml:10: sessions.0.turns.0.txt: "),
        (
            HEADER + "  - role: coder\n    turns:\n      - calls: [{name: x}]\n",
            "bad.yaml:10: sessions.0.turns.0.calls.0: ",
        ),
        (HEADER.replace("python", "cobol") + "  - {role: coder, turns: [{text: x}]}\n", "bad.yaml:5: language: "),
        ("name: small\n  title: [\n", "bad.yaml:2: "),
        ("- just\n- a list\n", "bad.yaml:1: (the whole file): "),
        ("", "bad.yaml:1: (the whole file): "),
        ("name: x\n\tkey: y\n", "bad.yaml:2: "),
    ],
)
def test_a_broken_file_names_file_line_and_key(text: str, expected: str) -> None:
    with pytest.raises(ScriptError) as caught:
        parse_script(text, Path("bad.yaml"))
    assert caught.value.title.startswith(expected)
    assert caught.value.hint


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match="No script 'nothing'") as caught:
        load_script("nothing")
    assert "roman-numerals" in caught.value.hint
    with pytest.raises(ScriptError):
        load_script(str(tmp_path))


def test_a_script_is_loaded_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(HEADER + "  - {role: coder, turns: [{text: x}]}\n")
    assert load_script(str(path)).name == "small"
