"""Moments, plans and comparisons at the command line: what a person types, and what a hostile text may not do."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from engine.compare import Comparison, RunFacts, TestDifference, compare_tests
from engine.llm.protocol import Answer, Message, ToolCall
from engine.moments import Moment, Prompt
from engine.state import Status
from engine.task import FileChange, Plan, Subtask
from miracle_tui.cli.commands.compare import comparison_lines, comparison_record
from miracle_tui.cli.commands.fork import read_plan
from miracle_tui.cli.main import cli
from miracle_tui.cli.moment_lines import moment_lines, plan_text, prompt_lines
from miracle_tui.cli.places import Place, seq_of
from miracle_tui.cli.problems import BadInput
from miracle_tui.cli.report_lines import full_report_lines
from sandbox.report import CaseResult, TestReport
from tests.ui.recorded_run import PLAN

AT = datetime(2025, 3, 3, tzinfo=UTC)
EVIL = "\x1b[2Jgone\u202e"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("show r --at soon", "neither the number of an event nor"),
        ("show r --at iteration:", "neither the number of an event nor"),
        ("show r --at -1", "neither the number of an event nor"),
        ("show r --at ²", "neither the number of an event nor"),
        ("show r --tests --prompt", "two views of the run"),
        ("show r --diff --plan", "--diff stands alone"),
        ("fork r --model coder=", "is not like coder=MODEL"),
        ("fork r --model =m", "is not like coder=MODEL"),
        ("fork r --budget-usd nan", "not an amount above 0"),
        ("fork r --max-iterations 0", "not in the range"),
        ("fork r --plan nowhere.yaml", "does not exist"),
        ("fork r --hypothesis ''", "the hypothesis is empty"),
        ("fork r --hypothesis @nowhere.md", "does not exist"),
        ("compare r", "Missing argument"),
        ("compare r s --diff --json", "--diff stands alone"),
    ],
)
def test_what_is_typed_wrong_gets_a_clear_answer(typed: str, words: str) -> None:
    result = CliRunner().invoke(cli, [word.strip("'") for word in typed.split(" ")])
    assert result.exit_code == 2, result.output
    assert words in result.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("subtasks: [", "is not YAML"),
        ("- one", "is no plan"),
        ("summary: x", "subtasks: Field required"),
        ("subtasks: [{id: a, title: A, description: d, depends_on: [b]}]", "depends on b"),
        ("subtasks: [{id: a, title: A, description: ''}, {id: a, title: B, description: ''}]", "same id"),
        ("!!python/object/apply:os.system [true]", "is not YAML"),
    ],
)
def test_a_file_that_is_no_plan_is_refused_with_what_is_wrong(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    with pytest.raises(BadInput, match=words) as refused:
        read_plan(path)
    assert "--plan" in refused.value.hint


def test_a_plan_that_is_shown_can_be_given_back(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(plan_text(PLAN))
    assert read_plan(path) == PLAN
    path.write_text(json.dumps(PLAN.model_dump(mode="json")))
    assert read_plan(path) == PLAN
    odd = Plan(subtasks=(Subtask(id="a", title=EVIL, description="yes: no\n- 1"),))
    assert "\x1b" not in plan_text(odd)
    assert Plan.model_validate(yaml.safe_load(plan_text(odd))) == odd


def test_a_place_that_the_run_does_not_have_is_refused() -> None:
    assert seq_of(None, [], end=True) == 0
    for place in (Place(1), Place(1, is_iteration=True)):
        with pytest.raises(BadInput) as refused:
            seq_of(place, [], end=True)
        assert refused.value.hint


def _facts(run_id: str, report: TestReport | None) -> RunFacts:
    return RunFacts(
        run_id=run_id, title=EVIL, status=Status.FAILED, commit="c" * 40, iterations=3, phases_green=1, phases_total=2,
        cost_usd=0.5, tokens=1200, calls=7, elapsed_s=61.4, report=report, hypothesis=EVIL, forked_from="a",
        forked_at=9, started_at=AT,
    )  # fmt: skip


def _report(**outcomes: str) -> TestReport:
    cases = tuple(CaseResult.model_validate({"id": name, "outcome": outcome}) for name, outcome in outcomes.items())
    return TestReport(reason="failed", exit_code=1, backend="b", cases=cases)


def test_tests_that_differ_come_first() -> None:
    a = _report(same="passed", gone="passed", broke="passed", bad="failed", mended="error")
    b = _report(same="xfailed", broke="failed", bad="error", mended="passed", new="passed")
    assert [(test.id, test.where) for test in compare_tests(a, b)] == [
        ("gone", "only a"),
        ("broke", "only a"),
        ("mended", "only b"),
        ("new", "only b"),
        ("bad", "neither"),
        ("same", "both"),
    ]
    assert {(test.id, test.where) for test in compare_tests(b, b)} >= {("same", "both"), ("bad", "neither")}
    assert compare_tests(None, b)[0] == TestDifference("same", "", "xfailed")
    assert compare_tests(None, None) == ()


def test_a_comparison_in_words_and_as_json() -> None:
    a, b = _report(**{EVIL: "passed", "same": "passed"}), _report(same="passed")
    changed = tuple(FileChange(path=f"{EVIL}{n}", status="added", added=n) for n in range(30))
    compared = Comparison(_facts("a", a), _facts("b", b), "diff", changed, compare_tests(a, b))
    lines = comparison_lines(compared)
    text = "\n".join(lines)
    assert all(line.isprintable() for line in lines)
    for words in ("1 test green only in a", "1 test green in both", "and 10 more", "1.2k", "61 s", "$0.50"):
        assert words in text
    record = json.loads(json.dumps(comparison_record(compared)))
    assert (record["a"]["status"], record["b"]["passed"], record["tests"][0]["where"]) == ("failed", 1, "only a")
    nothing = Comparison(_facts("a", None), _facts("b", None), "", (), (), note="The worktrees of both runs are gone.")
    assert comparison_lines(nothing)[-1] == "! There is no diff. The worktrees of both runs are gone."


def test_nothing_that_a_model_wrote_reaches_the_terminal_as_it_is() -> None:
    answer = Answer(model=EVIL, text=EVIL, tool_calls=(ToolCall(id="1", name=EVIL, arguments=EVIL),))
    prompt = Prompt(1, "c", "s", EVIL, EVIL, EVIL, 1, (Message(role="user", content=f"{EVIL}\n{EVIL}"),), answer)
    case = CaseResult(id=EVIL, outcome="failed", message=f"E {EVIL}\n{EVIL}")
    report = TestReport(reason="failed", exit_code=1, backend="b", cases=(case,), output=EVIL, detail=EVIL)
    lines = [
        *prompt_lines(prompt),
        *full_report_lines(report),
        *moment_lines([Moment(1, AT, "tool", EVIL, 1, EVIL, False)]),
    ]
    assert all(line.isprintable() for line in lines)
    assert len(full_report_lines(report)) >= 6
