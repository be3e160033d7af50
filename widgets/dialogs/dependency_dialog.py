"""Packages want to be installed: what they are, how old, under which licence, and what comes with them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from widgets.dialogs.approval_dialog import ApprovalDialog
from widgets.inert import inert_line

if TYPE_CHECKING:
    from engine.events import ApprovalRequested
    from sandbox.packages.values import Package

SHOWN = 12
_HEADS = ("PACKAGE", "VERSION", "SIZE", "LICENCE", "RELEASED", "LIST")
_WIDTHS = (18, 9, 8, 12, 13, 5)
_LISTS = {"allowed": "allow", "approval_required": "ask", "blocked": "block", "unknown": "none"}


class DependencyDialog(ApprovalDialog):
    """A table of the packages, warnings about them, and the answers of every approval.

    Args:
        request: The question.
        note: A line about when it is answered by itself.
        now: The clock; the machine's by default.
    """

    DEFAULT_CSS = """
    DependencyDialog {
        #dependency-packages { height: auto; margin-top: 1; text-wrap: nowrap; text-overflow: ellipsis; }
        #dependency-notes { height: auto; margin: 1 0; padding: 0 1; border-left: outer $warning 60%; }
    }
    """

    def __init__(self, request: ApprovalRequested, note: str = "", now: datetime | None = None) -> None:
        super().__init__(request, note)
        self.now = now or datetime.now(UTC)

    def about(self) -> Iterable[Widget]:
        """The table, and notes below it."""
        yield Static(Content("\n").join(self._table()), id="dependency-packages", markup=False)
        if notes := self._notes():
            yield Static(Content("\n").join(notes), id="dependency-notes", markup=False)

    def _table(self) -> list[Content]:
        packages = self.request.packages
        rows = [Content.styled(_row(_HEADS), "$foreground-muted")]
        rows += [self._line(package) for package in packages[:SHOWN]]
        if len(packages) > SHOWN:
            rows.append(Content.styled(f"and {len(packages) - SHOWN} more", "$foreground-muted"))
        return rows

    def _line(self, package: Package) -> Content:
        from engine.gates.dependencies import age, size

        name = package.name if package.direct else f"+ {package.name}"
        cells = (
            name,
            package.version or "?",
            size(package.size_bytes).replace("size unknown", "?"),
            package.licence or "?",
            age(package.released, self.now).replace("released ", "").replace("age unknown", "?"),
            _LISTS[package.standing],
        )
        style = "$text-warning bold" if package.resembles or package.from_source else "$foreground"
        return Content.styled(_row(cells), style if package.direct or package.resembles else "$foreground-muted")

    def _notes(self) -> list[Content]:
        """What the question says besides the facts of the table: who wants it, and what to beware of."""
        facts = tuple(f"{package.name} {package.version}: " for package in self.request.packages if package.version)
        lines = [line for line in self.request.detail.split("\n") if line.strip() and not line.startswith(facts)]
        return [
            Content.styled(inert_line(line.strip(), 400), "$text-warning bold" if "!" in line[:4] else "$foreground")
            for line in lines[: 2 * SHOWN]
        ]


def _row(cells: Iterable[str]) -> str:
    return " ".join(f"{inert_line(cell, width):<{width}}" for cell, width in zip(cells, _WIDTHS, strict=True)).rstrip()
