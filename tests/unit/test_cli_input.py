"""What a person types and the files they name: goals, answers, names of runs."""

import io
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.summary import PendingApproval, RunSummary
from miracle_tui.cli.answers import Answers, read_answers
from miracle_tui.cli.problems import BadInput
from miracle_tui.cli.run_names import pick_approval, pick_run
from miracle_tui.cli.texts import read_text

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def run(run_id: str) -> RunSummary:
    return RunSummary(run_id, "", "running", "INIT", "", 0.0, 0, 0, 0, 0, NOW, NOW, False, "/w")


def question(run_id: str, number: int) -> PendingApproval:
    return PendingApproval(run_id, f"{run_id}.{number}", "plan", "Approve the plan?", NOW)


def test_a_goal_is_text_or_a_file_or_stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "goal.md").write_text("\ufeff  from a file\n", encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"from stdin\n")))
    assert read_text("as text", "the goal") == "as text"
    assert read_text(f"@{tmp_path / 'goal.md'}", "the goal") == "from a file"
    assert read_text("-", "the goal") == "from stdin"


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "empty"), (b" \n", "empty"), (b"\xff\xfe", "not UTF-8"), (b"a\0b", "NUL"), (b"x" * 2_000_001, "long")],
)
def test_a_file_that_is_no_goal_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "goal.md"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=words) as caught:
        read_text(f"@{path}", "the goal")
    assert caught.value.hint


@pytest.mark.parametrize("name", ["missing.md", "."])
def test_a_goal_file_that_is_not_there_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="does not exist"):
        read_text(f"@{tmp_path / name}", "the goal")


@pytest.mark.parametrize(
    ("name", "content", "answers"),
    [
        ("a.txt", "yes\n\nno\n", ("yes", "no", "")),
        ("a.yaml", "- yes\n- 3.12\n", ("yes", "3.12", "")),
        ("a.json", '["one", 2, true]', ("one", "2", "yes")),
        ("a.yml", "version: 3.12\nDATABASE: sqlite\n", ("3.12", "sqlite", "")),
    ],
)
def test_answers_in_every_form(tmp_path: Path, name: str, content: str, answers: tuple[str, ...]) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    assert read_answers(path).to(("Which Python version?", "Which database?", "And why?")) == answers


def test_answers_without_a_question_are_left_out() -> None:
    assert Answers(in_order=("a", "b")).to(("Q?",)) == ("a",)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.json", "[1,", "line 1: is not valid JSON"),
        ("a.yaml", "a: [\n", "is not valid YAML"),
        ("a.yaml", "- [1]\n", "does not hold answers"),
        ("a.yaml", "a: {b: c}\n", "does not hold answers"),
        ("a.json", "3", "does not hold answers"),
    ],
)
def test_broken_answers_are_refused(tmp_path: Path, name: str, content: str, words: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BadInput, match=words):
        read_answers(path)


def test_a_run_by_id_beginning_or_last() -> None:
    runs = [run("roman-numerals-b2"), run("roman"), run("todo-cli-a1")]
    assert pick_run(runs, "todo") == "todo-cli-a1"
    assert pick_run(runs, "roman") == "roman"
    assert pick_run(runs, "last") == "roman-numerals-b2"


@pytest.mark.parametrize(
    ("name", "words"), [("roman", "stands for 2 runs"), ("x", "No run begins"), ("", "No run begins")]
)
def test_a_name_that_is_no_run_is_refused(name: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        pick_run([run("roman-1"), run("roman-2")], name)


def test_last_of_nothing_says_how_to_begin() -> None:
    with pytest.raises(BadInput, match="no run yet"):
        pick_run([], "last")


@pytest.mark.parametrize("name", ["roman-1.2", "roman.2", "last.2"])
def test_a_question_by_name(name: str) -> None:
    waiting = [question("roman-1", 1), question("roman-1", 2)]
    assert pick_approval(waiting, [run("roman-1")], name).approval_id == "roman-1.2"


def test_a_run_names_its_only_question() -> None:
    assert pick_approval([question("roman-1", 4)], [], "roman").approval_id == "roman-1.4"


@pytest.mark.parametrize(
    ("name", "words"), [("roman", "stands for 2"), ("roman.9", "No question"), (".1", "No question")]
)
def test_a_name_that_is_no_question_is_refused(name: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        pick_approval([question("roman-1", 1), question("roman-1", 2)], [], name)
