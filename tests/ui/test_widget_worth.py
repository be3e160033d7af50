"""What the tests are worth, in the test pane, and the question about them."""

from dataclasses import replace

import pytest

from engine.integrity_events import Mutant, MutantsTried, RedFirst, TestLoss, TestOnBase, TestsCompared
from engine.state import Iteration
from tests.ui.test_widget_dialogs import press
from tests.widget_fixtures import HOSTILE, SIZES, Host, assert_inert, request, until
from widgets.dialogs.answer_dialog import ApprovalChoice
from widgets.dialogs.tests_dialog import TestsDialog
from widgets.test_pane import TestPane
from widgets.test_worth import MAX_LISTED, worth_lines


def iteration(text: str = "<", survivors: int = 2) -> Iteration:
    """An iteration whose tests lost something, prove too little and miss some mutants."""
    about = {"phase_id": "p1", "number": 1}
    mutants = tuple(Mutant(path="a.py", line=line, before=text, after="<=") for line in range(survivors))
    results = (
        TestOnBase(test="t.py::a", verdict="red", detail="AssertionError"),
        TestOnBase(test=text, verdict="passes", detail=text),
    )
    loss = TestLoss(kind="removed", path="t.py", test=text, detail="was removed")
    return Iteration(
        number=1,
        phase_id="p1",
        ledger=TestsCompared.model_validate(about | {"base": "0", "commit": "1", "losses": (loss,)}),
        red_first=RedFirst.model_validate(about | {"base": "0", "tests_hash": "h", "results": results}),
        mutants=MutantsTried.model_validate(
            about | {"commit": "1", "tried": 9, "caught": 9 - survivors, "survivors": mutants}
        ),
    )


async def test_the_pane_says_what_the_tests_caught_and_what_they_missed() -> None:
    pane = TestPane()
    async with Host(pane).run_test(size=(100, 30)) as pilot:
        assert not pane.worth.display, "nothing is said while nothing is known"
        pane.worth.iteration = iteration()
        await until(pilot, lambda: pane.worth.size.height == 5)
        lines = [line.plain for line in worth_lines(pane.worth.iteration)]
        assert lines[0] == "✗ tests lost 1 · red first 1/2 · tests caught 7/9"
        assert "  ! survived: a.py:0: < -> <=" in lines
        pane.worth.iteration = replace(iteration(), ledger=None, red_first=None)
        await until(pilot, lambda: pane.worth.size.height == 3)
        pane.worth.iteration = None
        await until(pilot, lambda: not pane.worth.display)


@pytest.mark.parametrize("size", SIZES)
async def test_hostile_names_are_shown_inert_at_any_size(size: tuple[int, int]) -> None:
    pane = TestPane()
    async with Host(pane).run_test(size=size) as pilot:
        for text in HOSTILE:
            pane.worth.iteration = iteration(text, survivors=9)
            await pilot.pause()
            lines = worth_lines(pane.worth.iteration)
            assert len(lines) == MAX_LISTED + 2
            for line in lines:
                assert_inert(line.plain)


@pytest.mark.parametrize(
    ("keys", "choice"),
    [
        (("o",), ApprovalChoice("once")),
        (("w", "i", "t", "enter"), ApprovalChoice("once", reason="it")),
        (("r",), ApprovalChoice("run")),
        (("d",), ApprovalChoice("deny")),
        (("e", "n", "o", "enter"), ApprovalChoice("deny", reason="no")),
        (("e", "escape", "escape"), None),
    ],
)
async def test_the_question_takes_a_reason_with_either_answer(keys: tuple[str, ...], choice: object) -> None:
    about = request(topic="tests", title="The tests hold to less than before", detail="- " + HOSTILE[1])
    assert await press(TestsDialog(about, note="It waits."), *keys) == choice
