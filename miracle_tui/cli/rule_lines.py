"""Standing rules and their rehearsals as lines of text and as JSON."""

from typing import TYPE_CHECKING, Any

from config.amounts import moment, plural
from miracle_tui.cli.inert import one_line

if TYPE_CHECKING:
    from engine.gates.rehearsal import Rehearsal
    from engine.gates.rules import Rule

MAX_LISTED = 10
"""Past actions that are listed; the rest is counted."""


def scope_words(rule: "Rule") -> str:
    """Where a rule holds."""
    return one_line(rule.project) if rule.project else "all projects"


def rehearsal_lines(rehearsal: "Rehearsal") -> list[str]:
    """What a rule would have allowed, for a person who decides about it."""
    rule, allowed = rehearsal.rule, rehearsal.allowed
    lines = [f"▸ rule {rule.rule_id}: allow {one_line(rule.describe(), 400)}", f"  · holds in {scope_words(rule)}"]
    over = f"in {plural(rehearsal.runs, 'past run')}" + (", the newest ones" if rehearsal.partial else "")
    lines.append(f"  · {over} it would have allowed {plural(len(allowed), 'action')}" + (":" if allowed else "."))
    for action in allowed[:MAX_LISTED]:
        subject = one_line(action.subject, 100)
        lines.append(f"    {moment(action.at)}  {one_line(action.run_id, 60)}  {subject}  ({one_line(action.decided)})")
    if len(allowed) > MAX_LISTED:
        lines.append(f"    and {len(allowed) - MAX_LISTED} more")
    if rehearsal.denied:
        lines.append(f"  ! {plural(rehearsal.denied, 'time')} a person had denied what it would have allowed")
    lines.append(
        f"  · it would not have allowed {rehearsal.asked_anyway} that needed an approval; "
        f"{rehearsal.blocked} stay blocked whatever a rule says"
    )
    return lines


def rule_record(rule: "Rule") -> dict[str, Any]:
    """A rule as `--json` writes it."""
    return {**rule.model_dump(mode="json"), "allows": rule.describe()}


def rehearsal_record(rehearsal: "Rehearsal") -> dict[str, Any]:
    """A rehearsal as `--json` writes it."""
    return {
        "rule": rule_record(rehearsal.rule),
        "allowed": [
            {
                "run_id": action.run_id,
                "at": action.at.isoformat(),
                "subject": action.subject,
                "asked": action.asked,
                "decision": action.decision,
                "by": action.by,
            }
            for action in rehearsal.allowed
        ],
        "denied": rehearsal.denied,
        "asked_anyway": rehearsal.asked_anyway,
        "free": rehearsal.free,
        "blocked": rehearsal.blocked,
        "runs": rehearsal.runs,
        "partial": rehearsal.partial,
    }
