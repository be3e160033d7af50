"""The dialog about packages: what it shows, what it warns of, and the answers by key."""

from datetime import timedelta

import pytest
from textual.widgets import Static

from engine.events import ApprovalRequested
from engine.gates.dependencies import of_packages
from sandbox.packages.values import Package
from tests.ui.test_widget_dialogs import opened, press
from tests.widget_fixtures import HOSTILE, NOW, SIZES, Host, assert_inert
from widgets.dialogs.answer_dialog import ApprovalChoice
from widgets.dialogs.dependency_dialog import DependencyDialog

PACKAGES = (
    Package(name="requets", version="0.1", direct=True, size_bytes=2 * 2**20, licence="MIT", resembles="requests",
            released=NOW - timedelta(days=3)),
    Package(name="idna", version="3.1", licence="BSD-3-Clause"),
)  # fmt: skip
DETAIL = """requets 0.1: 2.0 MB, MIT, released 3 days ago; on no list
  wanted by app.py:1
  ! its name may be taken for requests, which is another package
With it come 1: idna 3.1."""


def question(text: str = "") -> ApprovalRequested:
    return ApprovalRequested(
        approval_id="r.1",
        topic="dependency",
        subject="python requets==0.1",
        title=text or "Install requets 0.1?",
        detail=text or DETAIL,
        packages=tuple(package.model_copy(update={"name": text}) for package in PACKAGES) if text else PACKAGES,
        blast_radius=of_packages(),
    )


async def test_it_shows_what_a_person_should_know() -> None:
    host = Host()
    async with host.run_test(size=(100, 30)) as pilot:
        await opened(pilot, DependencyDialog(question(), now=NOW))
        shown = host.shown()
    for words in ("Install requets 0.1?", "2.0 MB", "MIT", "3 days ago", "+ idna", "taken for requests", "app.py:1"):
        assert words in shown, words
    assert "network" in shown
    assert shown.count("on no list") == 0, "the table says it already"


@pytest.mark.parametrize(
    ("keys", "choice"),
    [
        (("o",), ApprovalChoice("once")),
        (("r",), ApprovalChoice("run")),
        (("a",), ApprovalChoice("always")),
        (("d",), ApprovalChoice("deny")),
        (("e", "n", "o", "enter"), ApprovalChoice("deny", reason="no")),
        (("escape",), None),
    ],
)
async def test_it_is_answered_by_key(keys: tuple[str, ...], choice: ApprovalChoice | None) -> None:
    assert await press(DependencyDialog(question(), now=NOW), *keys) == choice


@pytest.mark.parametrize("size", SIZES)
async def test_hostile_names_are_inert_at_any_size(size: tuple[int, int]) -> None:
    host = Host()
    async with host.run_test(size=size) as pilot:
        await opened(pilot, DependencyDialog(question("".join(HOSTILE)), now=NOW))
        await pilot.pause()
        assert_inert(host.shown())
        assert host.screen.query(Static)
