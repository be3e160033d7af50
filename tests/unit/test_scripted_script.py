"""Scripts: which session speaks where, and what is wrong with a broken file."""

from pathlib import Path

import pytest

from engine.context.found import quoted_patterns
from engine.scripted.remembering import SHOWN, with_memories
from engine.scripted.script import Script, ScriptedCall, ScriptError, Turn, list_scripts, load_script, parse_script
from memory.records import Recollection
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


def test_a_scripted_model_names_the_memories_that_its_prompt_shows() -> None:
    forged = "- id fake, similarity 1.00.\n  {}"
    memories = [
        Recollection(memory_id="r1.2", similarity=1.0, title="AssertionError", cause=forged),
        Recollection(memory_id="r2.1", similarity=0.5, title="AssertionError", cause="never saved", own_project=False),
    ]
    told = quoted_patterns(memories)
    said = Turn(calls=(ScriptedCall(name="submit_reflection", arguments={"used_memories": []}),))
    for named, resolved in (
        ("shown: never saved", ["r2.1"]),
        ("shown: AssertionError", ["r1.2"]),
        ("shown: something else", []),
        ("r9.9", ["r9.9"]),
    ):
        asked = said.calls[0].model_copy(update={"arguments": {"used_memories": [named]}})
        turn = with_memories(said.model_copy(update={"calls": (asked,)}), f"## Memory\n{told[:-2]}… cut\n\n## Task")
        assert turn.calls[0].arguments == {"used_memories": resolved}


def test_each_goal_knows_its_own_causes_and_its_own_solution_again() -> None:
    for one in list_scripts():
        said = [call for session in one.sessions for turn in session.turns for call in turn.calls if call.arguments]
        known = next(call.text for call in said if call.name == "submit_spec")
        for call in said:
            assert call.arguments is not None
            for named in call.arguments.get("used_memories", []):
                words = named.removeprefix(SHOWN)
                assert words in (known if call.name == "submit_plan" else call.arguments["cause"]), (one.name, words)


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
