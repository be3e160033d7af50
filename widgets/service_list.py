"""What the set-up screen found on this machine: one row a check, and what to do about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from widgets.inert import inert_line

CheckState = Literal["ok", "warn", "fail", "running"]
_MARKS = {
    "ok": ("✓", "$text-success"),
    "warn": ("!", "$text-warning"),
    "fail": ("✗", "$text-error"),
    "running": ("…", "$foreground-muted"),
}


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: CheckState
    detail: str = ""
    remedy: str = ""
    """What to do next; empty when nothing is to be done."""


class ServiceList(Static):
    """Rows of checks with their remedies."""

    DEFAULT_CSS = """
    ServiceList { height: auto; padding: 0 1; }
    """

    checks: reactive[tuple[Check, ...]] = reactive((), layout=True, init=False)
    """The rows, top to bottom."""

    def __init__(self, checks: Sequence[Check] = (), *, id: str | None = None) -> None:
        super().__init__(self._table(tuple(checks)), id=id, markup=False)
        self.set_reactive(ServiceList.checks, tuple(checks))

    def set_check(self, check: Check) -> None:
        """Put a row in place of the one with its name, or below the others."""
        if any(old.name == check.name for old in self.checks):
            self.checks = tuple(check if old.name == check.name else old for old in self.checks)
        else:
            self.checks = (*self.checks, check)

    def watch_checks(self, checks: tuple[Check, ...]) -> None:
        """Draw the rows."""
        self.update(self._table(checks))

    @staticmethod
    def _table(checks: tuple[Check, ...]) -> Content:
        wide = max((len(check.name) for check in checks), default=0) + 2
        lines: list[Content] = []
        for check in checks:
            glyph, colour = _MARKS[check.state]
            name = inert_line(check.name, 40)
            lines.append(
                Content.assemble(
                    (f" {glyph} ", f"{colour} bold"),
                    (f"{name:<{wide}}", "bold $foreground"),
                    (inert_line(check.detail, 400), "$foreground-muted"),
                )
            )
            if check.remedy and check.state != "ok":
                lines.append(
                    Content.assemble((f"   {'':<{wide}}→ ", colour), (inert_line(check.remedy, 400), "$foreground"))
                )
        return Content("\n").join(lines)
