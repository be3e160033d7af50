"""The lists of history and set-up, and what the modules of all widgets may import."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from textual import on
from textual.app import App
from textual.content import Content

from memory.hits import Hit
from tests.widget_fixtures import HOSTILE, NOW, SIZES, Host, assert_inert, until
from widgets.history_list import HistoryList, when
from widgets.service_list import Check, ServiceList
from widgets.word_marks import mark_words

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    str(path.relative_to(ROOT).with_suffix("")).replace("/", ".")
    for path in (ROOT / "widgets").rglob("*.py")
    if path.name != "__init__.py"
)


def hit(title: str, snippet: str = "") -> Hit:
    """Something found."""
    return Hit("failure", f"id-{title}", "r1", title, snippet, NOW)


class ListHost(Host):
    """Keeps what was chosen."""

    def __init__(self, rows: HistoryList) -> None:
        super().__init__(rows)
        self.chosen: list[str] = []

    @on(HistoryList.Chosen)
    def _chosen(self, event: HistoryList.Chosen) -> None:
        assert event.control is event.history_list
        self.chosen.append(event.hit.title)


async def test_history_rows_are_chosen_by_key() -> None:
    rows = HistoryList()
    app = ListHost(rows)
    async with app.run_test(size=(80, 12)) as pilot:
        rows.show([])
        await until(pilot, lambda: "Nothing found." in app.shown())
        assert rows.current is None
        told = "…much that says little before the snippet comes"
        rows.show([hit("one", told), hit("two")], words=("SNIPPET",), now=NOW + timedelta(hours=3))
        await until(pilot, lambda: "failure  3 h ago  …before the snippet comes" in app.shown())
        rows.focus()
        await pilot.press("down", "enter")
        await until(pilot, lambda: app.chosen == ["two"])
        assert rows.current == rows.hits[1]


def test_words_are_marked_in_any_case_wherever_they_are() -> None:
    marked = mark_words(Content("Key and kEY, a key"), ("key", ""))
    assert [(span.start, span.end) for span in marked.spans] == [(0, 3), (8, 11), (15, 18)]
    assert mark_words(Content("İ key"), ("key",)).spans[0].start == 2


def test_moments_read_as_a_person_says_them() -> None:
    said = [when(NOW - timedelta(seconds=s), NOW) for s in (5, 300, 7200, 900_000)]
    assert said == ["just now", "5 min ago", "2 h ago", "2026-02-19"]


async def test_checks_show_their_remedy_and_change_in_place() -> None:
    rows = ServiceList([Check("database", "ok", "PostgreSQL 18")])
    app = Host(rows)
    async with app.run_test(size=(80, 12)) as pilot:
        rows.set_check(Check("sandbox", "running"))
        rows.set_check(Check("sandbox", "fail", "no Docker, no bubblewrap", "install bubblewrap"))
        await until(pilot, lambda: "→ install bubblewrap" in app.shown())
        assert "✓ database" in app.shown()
        assert app.shown().count("sandbox") == 1


@pytest.mark.parametrize("size", SIZES)
async def test_hostile_rows_are_inert_at_any_size(size: tuple[int, int]) -> None:
    rows, checks = HistoryList(), ServiceList()
    app = Host(checks, rows)
    async with app.run_test(size=size) as pilot:
        rows.show([hit(text, text) for text in HOSTILE], now=NOW)
        checks.checks = tuple(Check(text, "warn", text, text) for text in HOSTILE)
        await pilot.pause()
        assert_inert(app.shown())


@pytest.mark.parametrize("colours", ["", "1"])
async def test_no_color_changes_nothing_but_colour(colours: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", colours)
    rows = ServiceList([Check("database", "fail", "down", "start it")])
    app: App[None] = Host(rows)
    async with app.run_test(size=(80, 5)) as pilot:
        await until(pilot, lambda: "→ start it" in app.shown())  # type: ignore[attr-defined]


def test_no_widget_imports_what_the_first_paint_cannot_wait_for() -> None:
    program = (
        "import importlib, sys\n"
        f"for name in {MODULES!r}: importlib.import_module(name)\n"
        "heavy = ('pydantic', 'pygments', 'sqlalchemy', 'openai', 'docker', 'engine', 'memory', 'sandbox', 'config.')\n"
        "print([name for name in sys.modules if name.startswith(heavy) and name != 'config.amounts'])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_binding_has_an_id_of_its_own() -> None:
    from textual.binding import Binding
    from textual.widget import Widget

    seen: dict[str, str] = {}
    for module in MODULES:
        for value in vars(__import__(module, fromlist=["x"])).values():
            if isinstance(value, type) and issubclass(value, Widget) and value.__module__ == module:
                for binding in vars(value).get("BINDINGS", ()):
                    assert isinstance(binding, Binding)
                    assert binding.id, f"{value.__name__}: {binding.key}"
                    assert seen.setdefault(binding.id, value.__name__) == value.__name__
    assert len(seen) > 30
