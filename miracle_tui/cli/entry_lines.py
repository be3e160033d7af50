"""A thing of the history as lines and as a record."""

from typing import Any

from memory.history_parts import facts_of, parts_of
from memory.hits import Entry, kind_name
from miracle_tui.cli.inert import inert, one_line


def entry_lines(entry: Entry) -> list[str]:
    """All that there is to read about it."""
    lines = [f"{kind_name(entry.hit.kind).upper()}  {one_line(entry.hit.title, 400)}"]
    lines += [f"  {name:<9} {one_line(value, 400)}" for name, value in facts_of(entry)]
    for part in parts_of(entry):
        lines += ["", part.title.upper(), *inert(part.text.rstrip()).split("\n")]
    return lines


def worth_of(entry: Entry) -> str:
    """What a memory was worth so far, in few words."""
    judged = entry.helped + entry.harmed
    if judged:
        return f"{entry.helped} of {judged}"
    return "pending" if entry.used else "-"


def memory_record(entry: Entry) -> dict[str, Any]:
    """A memory of a list, as `--json` writes it."""
    hit = entry.hit
    return {
        "memory_id": hit.id,
        "kind": hit.kind,
        "title": hit.title,
        "run_id": hit.run_id,
        "project": hit.project,
        "language": hit.language,
        "outcome": hit.outcome,
        "at": hit.at.isoformat(),
        "pinned": hit.pinned,
        "forgotten": hit.forgotten,
        "shown": entry.shown,
        "used": entry.used,
        "helped": entry.helped,
        "harmed": entry.harmed,
    }
