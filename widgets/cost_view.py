"""What the model calls of an iteration took: who asked, how many tokens, what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from widgets.inert import inert_line
from widgets.line_pane import LinePane

if TYPE_CHECKING:
    from engine.calls import Call


class CostView(LinePane):
    """A line a call, and their sum."""

    DEFAULT_CSS = """
    CostView { background: transparent; color: $text; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows: list[Content] = []

    def show(self, calls: Sequence[Call]) -> None:
        """Show these calls."""
        self._rows = cost_lines(calls)
        self.rows_changed()

    def row_count(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    def row(self, y: int) -> Content:
        """A call."""
        return self._rows[y]


def cost_lines(calls: Sequence[Call]) -> list[Content]:
    """A heading, a line a call, and their sum, with a + where a price is not known."""
    if not calls:
        return [Content.styled("No model was called for it.", "$foreground-muted")]
    head = f"{'AGENT':<12}{'MODEL':<24}{'TOKENS IN':>11}{'OUT':>9}{'SECONDS':>9}{'USD':>10}"
    rows = [Content.styled(head, "bold $text-secondary")]
    total_in = total_out = 0
    total_s = 0.0
    for call in calls:
        name = f"{inert_line(call.role, 11):<12}{inert_line(call.model, 23):<24}"
        answer = call.answer
        if answer is None:
            rows.append(Content.assemble(name, (inert_line(call.error, 60) or "no answer", "$text-error")))
            continue
        usage = answer.usage
        total_in, total_out = total_in + usage.input_tokens, total_out + usage.output_tokens
        total_s += answer.duration_s
        price = "unknown" if answer.cost_usd is None else f"{answer.cost_usd:.4f}"
        figures = f"{usage.input_tokens:>11,}{usage.output_tokens:>9,}{answer.duration_s:>9.1f}{price:>10}"
        rows.append(Content.assemble(name, (figures, "$foreground-muted")))
    spent = cost_of(calls).removeprefix("$").removeprefix("cost ")
    total = f"{'all':<36}{total_in:>11,}{total_out:>9,}{total_s:>9.1f}{spent:>10}"
    return [*rows, Content(""), Content.styled(total, "bold $text-primary")]


def cost_of(calls: Sequence[Call]) -> str:
    """What calls cost, with a + where a price is not known; `cost unknown` where none is."""
    prices = [call.answer.cost_usd for call in calls if call.answer is not None]
    known = [price for price in prices if price is not None]
    if prices and not known:
        return "cost unknown"
    return f"${sum(known):.4f}{'+' if len(known) < len(prices) else ''}"
