"""Every dialog: its keys, its answers, hostile texts, tiny terminals."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.screen import ModalScreen
from textual.widgets import Input, TextArea

from engine.gates.rehearsal import PastAction, Rehearsal
from engine.gates.rules import ProgramPattern, Rule
from engine.summary import RunSummary
from engine.task import Receipt
from tests.widget_fixtures import HOSTILE, NOW, SIZES, Host, assert_inert, plan, request, state, until
from widgets.dialogs.amount_dialog import AmountDialog
from widgets.dialogs.answer_dialog import ApprovalChoice
from widgets.dialogs.approval_dialog import ApprovalDialog
from widgets.dialogs.confirm_dialog import ConfirmDialog
from widgets.dialogs.error_dialog import ErrorDialog
from widgets.dialogs.help_dialog import HelpDialog
from widgets.dialogs.new_task_dialog import NewTask, NewTaskDialog
from widgets.dialogs.plan_dialog import PlanChoice, PlanDialog
from widgets.dialogs.plan_draft import PlanDraft
from widgets.dialogs.promote_dialog import PromoteDialog
from widgets.dialogs.questions_dialog import QuestionsDialog
from widgets.dialogs.rule_dialog import RuleDialog
from widgets.dialogs.runs_dialog import RunsDialog
from widgets.paste_area import PasteArea

OPEN = object()


class Answered:
    """What a dialog returned; `OPEN` until it did."""

    def __init__(self) -> None:
        self.value: Any = OPEN

    def given(self) -> bool:
        """Whether it returned."""
        return self.value is not OPEN

    def take(self, value: Any) -> None:
        """Keep the answer."""
        self.value = value


async def opened(pilot: Pilot[None], dialog: ModalScreen[Any]) -> Answered:
    """Show a dialog and wait until it stands."""
    answer = Answered()
    await pilot.app.push_screen(dialog, answer.take)
    await pilot.pause()
    return answer


async def press(dialog: ModalScreen[Any], *keys: str) -> Any:
    """The answer of a dialog after these keys."""
    app = Host()
    async with app.run_test(size=(100, 40)) as pilot:
        answer = await opened(pilot, dialog)
        await pilot.press(*keys)
        await pilot.pause()
        return answer.value


def receipt() -> Receipt:
    """A proof."""
    return Receipt(
        commit="a" * 40, tree="b" * 40, backend="docker", tests=("t",), passed=24, skipped=1, output_sha256="c" * 64
    )


def summary(run_id: str, text: str = "Roman numerals") -> RunSummary:
    """A run for the list."""
    return RunSummary(
        run_id=run_id, title=text, status="running", stage="CODING", outcome="", cost_usd=0.1, tokens=10, iterations=2,
        phases_done=1, phases_total=3, started_at=NOW, updated_at=NOW, scripted=True, workspace="/x",
    )  # fmt: skip


def rehearsal(text: str) -> Rehearsal:
    """A rule and a past that hold nothing but this text."""
    pattern = ProgramPattern(breadth="exact", program=text, words=(text,))
    rule = Rule(topic="command", breadth="exact", patterns=(pattern,), project=text)
    action = PastAction(text, NOW, text, text, asked=True, decision="deny", by=text)
    return Rehearsal(rule, (action,), runs=1)


def hostile_dialogs(text: str) -> list[ModalScreen[Any]]:
    """Every dialog, with nothing but this text in it."""
    safe = text.encode("utf-8", "replace").decode() or "x"
    subtasks = tuple(
        s.model_copy(update={"title": text, "description": text, "test_strategy": text}) for s in plan().subtasks
    )
    return [
        ApprovalDialog(request(title=safe, detail=safe, subject=safe)),
        QuestionsDialog(request(topic="questions", questions=(safe, safe))),
        PlanDialog(plan().model_copy(update={"subtasks": subtasks, "summary": text})),
        NewTaskDialog(NewTask(goal=text, workspace=text, verify=text)),
        PromoteDialog(state(receipt=receipt().model_copy(update={"verify": text, "backend": text}))),
        ConfirmDialog(text, text),
        AmountDialog(text, text, text, 5),
        ErrorDialog(text, text, text),
        HelpDialog({text or "x": [(text, text)]}, text),
        RunsDialog([summary("r1", text)], "r1"),
        RuleDialog([rehearsal(text)]),
    ]


@pytest.mark.parametrize("size", SIZES)
async def test_hostile_texts_are_inert_at_any_size(size: tuple[int, int]) -> None:
    app = Host()
    async with app.run_test(size=size) as pilot:
        for dialog in (*hostile_dialogs("\n".join(HOSTILE)), *hostile_dialogs(HOSTILE[1]), *hostile_dialogs("")):
            answer = await opened(pilot, dialog)
            assert_inert(app.shown())
            await pilot.press("escape")
            await until(pilot, answer.given)


@pytest.mark.parametrize(
    ("keys", "choice"),
    [
        (("o",), ApprovalChoice("once")),
        (("r",), ApprovalChoice("run")),
        (("a",), ApprovalChoice("always")),
        (("d",), ApprovalChoice("deny")),
        (("e", "n", "o", "enter"), ApprovalChoice("deny", reason="no")),
        (("e", "o", "escape", "o"), ApprovalChoice("once")),
        (("escape",), None),
    ],
)
async def test_an_approval_by_key(keys: tuple[str, ...], choice: ApprovalChoice | None) -> None:
    assert await press(ApprovalDialog(request()), *keys) == choice


async def test_an_approval_shows_how_far_it_reaches() -> None:
    app = Host()
    async with app.run_test(size=(100, 40)) as pilot:
        await opened(pilot, ApprovalDialog(request()))
        text = app.shown()
        for words in (
            "make dist",
            "yes, it may reach the network",
            "can be undone  no",
            "$0.50",
            "build",
            "r this run",
            "a always",
        ):
            assert words in text


@pytest.mark.parametrize(
    ("keys", "choice"),
    [
        (("a", "enter", "b", "enter"), ApprovalChoice("once", answers=("a", "b"))),
        (("a", "f2"), ApprovalChoice("once", answers=("a", ""))),
        (("f3",), ApprovalChoice("deny", reason="skipped")),
        (("escape",), None),
    ],
)
async def test_questions_by_key(keys: tuple[str, ...], choice: ApprovalChoice | None) -> None:
    asked = request(topic="questions", questions=("first?", "second?"))
    assert await press(QuestionsDialog(asked), *keys) == choice


async def test_a_plan_is_approved_unchanged_or_sent_back() -> None:
    assert await press(PlanDialog(plan()), "a") == PlanChoice("approve")
    assert await press(PlanDialog(plan()), "d", *"why", "enter") == PlanChoice("deny", reason="why")
    assert await press(PlanDialog(plan()), "d", "escape", "escape") is None


async def test_a_plan_is_changed_in_place() -> None:
    dialog = PlanDialog(plan())
    app = Host()
    async with app.run_test(size=(100, 40)) as pilot:
        answer = await opened(pilot, dialog)
        await pilot.press("e", "end", *" well")
        dialog.query_one("#edit-description", TextArea).text = "with [/foo]"
        await pilot.press("f2")
        await until(pilot, lambda: "Encode well" in app.shown())
        await pilot.press("J", "n")
        dialog.query_one("#edit-title", Input).value = "Docs"
        await pilot.press("f2", "a")
        await until(pilot, answer.given)
        changed = answer.value.plan
        assert [subtask.title for subtask in changed.subtasks] == ["Parse", "Encode well", "Docs", "Command"]
        assert changed.subtasks[1].description == "with [/foo]"
        assert changed.subtasks[0].depends_on == ()


async def test_a_plan_that_cannot_be_says_why() -> None:
    dialog = PlanDialog(plan())
    app = Host()
    async with app.run_test(size=(100, 40)) as pilot:
        answer = await opened(pilot, dialog)
        await pilot.press("e")
        dialog.query_one("#edit-depends", Input).value = "s2, nowhere"
        await pilot.press("f2")
        await until(pilot, lambda: "nowhere, which is not in the plan" in app.shown())
        dialog.query_one("#edit-depends", Input).value = "s2"
        await pilot.press("f2")
        await until(pilot, lambda: "circle" in app.shown())
        await pilot.press("escape", "x", "x", "x")
        await until(pilot, lambda: "at least one" in app.shown())
        await pilot.press("a")
        await until(pilot, answer.given)
        assert [subtask.id for subtask in answer.value.plan.subtasks] == ["s3"]


def test_a_draft_keeps_the_dependencies_whole() -> None:
    draft = PlanDraft.of(plan())
    draft.remove(0)
    assert [subtask.depends_on for subtask in draft.plan().subtasks] == [(), ()]
    place = draft.add(0)
    assert draft.subtasks[place].depends_on == ("s2",)
    assert draft.shift(0, -1) == 0
    assert draft.plan() == draft.plan()
    assert PlanDraft.of(plan()).plan() == plan()


async def test_a_new_task_is_checked_and_returned(tmp_path: Path) -> None:
    dialog = NewTaskDialog(NewTask(workspace=str(tmp_path / "none")))
    app = Host()
    async with app.run_test(size=(100, 40)) as pilot:
        answer = await opened(pilot, dialog)
        await pilot.press("f2")
        await until(pilot, lambda: "The goal is empty" in app.shown())
        await pilot.press(*"go", "f2")
        await until(pilot, lambda: "no such folder" in app.shown())
        dialog.query_one("#workspace", Input).value = str(tmp_path)
        dialog.query_one("#budget", Input).value = "nan"
        await pilot.press("f2")
        await until(pilot, lambda: "The budget is a number" in app.shown())
        dialog.query_one("#budget", Input).value = "$2.5"
        dialog.query_one("#iterations", Input).value = "0"
        await pilot.press("f2")
        await until(pilot, lambda: "whole number" in app.shown())
        dialog.query_one("#iterations", Input).value = "3"
        await pilot.press("f2")
        await until(pilot, answer.given)
        assert answer.value == NewTask(goal="go", workspace=str(tmp_path), budget_usd=2.5, max_iterations=3)


async def test_a_long_goal_is_kept_aside_in_the_form(tmp_path: Path) -> None:
    dialog = NewTaskDialog(NewTask(goal="y" * 200_000, workspace=str(tmp_path)))
    app = Host()
    async with app.run_test(size=(80, 24)) as pilot:
        answer = await opened(pilot, dialog)
        assert len(dialog.query_one("#goal", PasteArea).text) < 100
        await pilot.press("f2")
        await until(pilot, answer.given)
        assert answer.value.goal == "y" * 200_000


@pytest.mark.parametrize(
    ("make", "keys", "value"),
    [
        (lambda: PromoteDialog(state(receipt=receipt())), ("m",), "merge"),
        (lambda: PromoteDialog(state(receipt=receipt())), ("p",), "patch"),
        (lambda: PromoteDialog(state(receipt=receipt())), ("b",), "branch"),
        (lambda: PromoteDialog(state()), ("escape",), None),
        (lambda: ConfirmDialog("Sure?"), ("y",), True),
        (lambda: ConfirmDialog("Sure?"), ("n",), False),
        (lambda: ConfirmDialog("Sure?"), ("escape",), False),
        (lambda: ErrorDialog("No key", "Set one."), ("enter",), None),
        (lambda: HelpDialog({"Run": [("space", "pause")]}), ("escape",), None),
        (lambda: RunsDialog([summary("r1"), summary("r2")], "r1"), ("down", "enter"), "r2"),
        (lambda: RunsDialog([summary("r1"), summary("r2")], "r2"), ("k", "enter"), "r1"),
        (lambda: RunsDialog([]), ("enter", "escape"), None),
    ],
)
async def test_the_others_by_key(make: Callable[[], ModalScreen[Any]], keys: tuple[str, ...], value: Any) -> None:
    assert await press(make(), *keys) == value


async def test_a_receipt_is_shown_and_its_lack_is_said() -> None:
    app = Host()
    async with app.run_test(size=(100, 40)) as pilot:
        await opened(pilot, PromoteDialog(state(receipt=receipt())))
        assert "24 tests passed, 1 skipped" in app.shown()
        await pilot.press("escape")
        await opened(pilot, PromoteDialog(state()))
        assert "No receipt" in app.shown()


async def test_every_dialog_names_its_keys() -> None:
    app: App[None] = Host()
    async with app.run_test(size=(110, 44)) as pilot:
        for dialog in hostile_dialogs("fine"):
            await opened(pilot, dialog)
            subtitle = dialog.query_one("#dialog").border_subtitle
            assert subtitle
            for binding in dialog.BINDINGS:
                assert getattr(binding, "id", "")
            await pilot.press("escape")
