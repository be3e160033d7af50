"""Which runs ring, and how a terminal is told."""

from datetime import UTC, datetime

import pytest

from engine.summary import RunSummary
from miracle_tui.attention import Call, calls
from miracle_tui.ring import GIVE_TITLE_BACK, KEEP_TITLE, Ring, plain, sequence_for

WHEN = datetime(2026, 1, 1, tzinfo=UTC)
EVIL = "x\x1b]0;owned\x07\ny\x9d"


def run(run_id: str, status: str) -> RunSummary:
    return RunSummary(
        run_id=run_id, title=f"title of {run_id}", status=status, stage="CODING", outcome="", cost_usd=0, tokens=0,
        iterations=0, phases_done=0, phases_total=0, started_at=WHEN, updated_at=WHEN, scripted=False, workspace="w",
    )  # fmt: skip


def test_a_run_rings_when_it_comes_to_need_a_person_and_not_again() -> None:
    before = {"a": "running", "b": "waiting", "c": "running"}
    now = [run("a", "waiting"), run("b", "waiting"), run("c", "running")]
    assert [call.run_id for call in calls(before, now)] == ["a"]


@pytest.mark.parametrize("status", ["waiting", "paused", "success", "failed"])
def test_every_end_and_every_question_rings(status: str) -> None:
    (call,) = calls({"a": "running"}, [run("a", status)])
    assert call == Call("a", "title of a", status)
    assert call.words


def test_runs_that_were_there_before_the_app_do_not_ring() -> None:
    assert calls({}, [run("old", "waiting")]) == []


def test_what_a_person_cancelled_does_not_ring() -> None:
    assert calls({"a": "running"}, [run("a", "cancelled")]) == []


def test_a_text_from_a_model_is_one_line_without_control_characters() -> None:
    assert plain(EVIL) == "x ]0;owned y"


@pytest.mark.parametrize(
    ("environment", "begins"),
    [
        ({"TERM": "xterm-kitty"}, "\x1b]99;"),
        ({"TERM": "foot"}, "\x1b]777;notify;"),
        ({"TERM_PROGRAM": "WezTerm"}, "\x1b]9;"),
        ({"TERM_PROGRAM": "WezTerm", "TMUX": "1"}, "\x1bPtmux;\x1b\x1b]9;"),
        ({"TERM": "xterm-256color"}, ""),
    ],
)
def test_each_terminal_is_told_in_its_way(environment: dict[str, str], begins: str) -> None:
    told = sequence_for(environment, "title", "words")
    assert told.startswith(begins) if begins else told == ""


async def test_only_the_ways_of_the_settings_are_taken_and_the_title_comes_back() -> None:
    written: list[str] = []
    ring = Ring(written.append, ("title",), {"TERM_PROGRAM": "WezTerm"})
    await ring.ring("a run", "asks", away=True)
    assert written == []
    ring.show(EVIL)
    ring.show("Miracle")
    ring.close()
    ring.close()
    assert written[0] == KEEP_TITLE
    assert written[1] == "\x1b]2;x ]0;owned y\x1b\\"
    assert written.count(GIVE_TITLE_BACK) == 1


async def test_the_desktop_is_told_only_when_the_person_is_away() -> None:
    written: list[str] = []
    ring = Ring(written.append, ("bell", "desktop"), {"TERM_PROGRAM": "WezTerm"})
    await ring.ring("a run", "asks", away=False)
    assert written == ["\a"]
    await ring.ring("a run", "asks", away=True)
    assert written[-1] == "\x1b]9;a run: asks\x1b\\"
