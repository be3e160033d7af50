"""What a rule would have allowed in past runs, as lines of a dialog or a preview."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from widgets.history_list import when
from widgets.inert import inert_line

if TYPE_CHECKING:
    from engine.gates.rehearsal import PastAction, Rehearsal

SHOWN_ACTIONS = 40


def rehearsal_lines(rehearsal: Rehearsal) -> list[Content]:
    """The past under the rule: a summary, what a person had denied, then each action, the newest first."""
    allowed = rehearsal.allowed
    count = "1 action" if len(allowed) == 1 else f"{len(allowed):,} actions"
    runs = "1 past run" if rehearsal.runs == 1 else f"{rehearsal.runs:,} past runs"
    newest = " (the newest)" if rehearsal.partial else ""
    lines = [
        Content.assemble(
            ("In ", "$foreground-muted"),
            (f"{runs}{newest}", "$foreground"),
            (" it would have allowed ", "$foreground-muted"),
            (count, "bold $text-warning" if allowed else "bold"),
        )
    ]
    if rehearsal.denied:
        times = "once" if rehearsal.denied == 1 else f"{rehearsal.denied:,} times"
        lines.append(Content.styled(f"✗ of these a person had denied {times}", "bold $text-error"))
    lines += [_action(action) for action in allowed[:SHOWN_ACTIONS]]
    if len(allowed) > SHOWN_ACTIONS:
        lines.append(Content.styled(f"  and {len(allowed) - SHOWN_ACTIONS:,} more", "$foreground-muted"))
    rest = f"not allowed by it: {rehearsal.asked_anyway:,} that needed an approval; blocked: {rehearsal.blocked:,}"
    return [*lines, Content.styled(rest, "$foreground-muted")]


def _action(action: PastAction) -> Content:
    denied = action.decision == "deny"
    return Content.assemble(
        ("✗ " if denied else "· ", "$text-error" if denied else "$foreground-muted"),
        (inert_line(action.subject.replace("\n", ", "), 70), "$foreground"),
        (f"  {inert_line(action.decided, 40)}", "$text-error" if denied else "$text-success"),
        (f"  {inert_line(action.run_id, 40)}, {when(action.at)}", "$foreground-muted"),
    )
