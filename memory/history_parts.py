"""What there is to read about one thing of the history: titled texts, each with the language that it is written in."""

import json
import re
from dataclasses import dataclass
from typing import Any

from memory.hits import Entry

CHARACTERS = 60_000
"""Longer texts lose their end."""
_STEP_MARKS = {"green": "✓", "red": "✗"}


@dataclass(frozen=True)
class Part:
    """A titled text."""

    title: str
    text: str
    language: str = ""
    """A lexer's name: `diff`, `pytb`, `python`, `javascript`; empty for words."""


def parts_of(entry: Entry) -> tuple[Part, ...]:
    """What there is to read, the most telling first; what is empty is left out."""
    values = entry.values
    found = {
        "failure": _failure,
        "pattern": _pattern,
        "iteration": _iteration,
        "run": _run,
        "task": _task,
    }[entry.hit.kind](values)
    return tuple(Part(part.title, _cut(part.text), part.language) for part in found if part.text.strip())


def facts_of(entry: Entry) -> tuple[tuple[str, str], ...]:
    """Short facts as names and values; what is empty is left out."""
    hit, values = entry.hit, entry.values
    worth = ""
    if entry.shown:
        worth = f"recalled {_times(entry.shown)}, used {_times(entry.used)}, helped {_times(entry.helped)}"
        worth += f", failed {_times(entry.harmed)}" if entry.harmed else ""
    marks = " ".join(word for word, so in (("pinned", hit.pinned), ("forgotten", hit.forgotten)) if so)
    facts = {
        "id": hit.id,
        "run": hit.run_id if hit.run_id != hit.id else "",
        "outcome": hit.outcome,
        "language": hit.language,
        "type": str(values.get("error_type") or values.get("problem_type") or values.get("project_type") or ""),
        "branch": str(values.get("branch") or ""),
        "folder": str(values.get("workspace") or ""),
        "tests": _tests(values),
        "cost": _cost(values),
        "marks": marks,
        "memory": worth,
    }
    return tuple((name, value) for name, value in facts.items() if value)


def as_markdown(entry: Entry) -> str:
    """The entry as a page."""
    lines = [f"# {_line(entry.hit.kind.capitalize())}: {_line(entry.hit.title)}", ""]
    lines += [f"- {name}: {_line(value)}" for name, value in (("when", entry.hit.at.isoformat()), *facts_of(entry))]
    for part in parts_of(entry):
        lines += ["", f"## {part.title.capitalize()}", ""]
        lines += _fenced(part)
    return "\n".join(lines) + "\n"


def as_record(entry: Entry) -> dict[str, Any]:
    """The entry as what JSON can say."""
    hit = entry.hit
    return {
        "kind": hit.kind,
        "id": hit.id,
        "run_id": hit.run_id,
        "title": hit.title,
        "at": hit.at.isoformat(),
        "language": hit.language,
        "outcome": hit.outcome,
        "pinned": hit.pinned,
        "forgotten": hit.forgotten,
        "recalled": {"shown": entry.shown, "used": entry.used, "helped": entry.helped, "harmed": entry.harmed},
        "values": json.loads(json.dumps(entry.values, default=str)),
    }


def _failure(values: dict[str, Any]) -> list[Part]:
    return [
        Part("error", values["ctx_text"] or values["message"], "pytb"),
        Part("cause", values["cause"]),
        Part("what was tried", values["solution"] or values["hypothesis"]),
        Part("the fix", values["fix"], "diff"),
        Part("the code that failed", values["code_context"], "diff"),
    ]


def _pattern(values: dict[str, Any]) -> list[Part]:
    return [
        Part("problem", values["description"]),
        Part("plan", values["plan"]),
        Part("code", values["code_template"], "diff"),
        Part("tests", values["test_template"], "diff" if "\n@@" in values["test_template"] else ""),
    ]


def _iteration(values: dict[str, Any]) -> list[Part]:
    return [
        Part("hypothesis", values["hypothesis"]),
        Part("error", values["error_message"], "pytb"),
        Part("cause", values["cause"]),
        Part("reflection", values["reflection"]),
    ]


def _run(values: dict[str, Any]) -> list[Part]:
    steps = [
        f"{one['number']:>3} {_STEP_MARKS.get(one['outcome'], '·')} {one['phase_id']}: "
        f"{one['passed']} passed, {one['failed']} failed" + (f"\n      {one['cause']}" if one["cause"] else "")
        for one in values["steps"]
    ]
    return [Part("goal", values["goal"]), Part("iterations", "\n".join(steps))]


def _task(values: dict[str, Any]) -> list[Part]:
    return [Part("goal", values["goal"])]


def _tests(values: dict[str, Any]) -> str:
    if not values.get("passed") and not values.get("failed"):
        return ""
    return f"{values['passed']} passed, {values['failed']} failed"


def _cost(values: dict[str, Any]) -> str:
    tokens = values.get("tokens") or values.get("tokens_used")
    return f"${values['cost_usd']:.2f}, {tokens:,} tokens" if tokens else ""


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _cut(text: str) -> str:
    return text if len(text) <= CHARACTERS else f"{text[:CHARACTERS]}\n… {len(text) - CHARACTERS:,} characters more"


def _line(text: str) -> str:
    """One line of a page in which nothing is a link, a picture or a tag."""
    plain = re.sub(r"[\x00-\x1f\x7f-\x9f]", "", " ".join(text.split()))
    return re.sub(r"[<\[`]", r"\\\g<0>", plain)


def _fenced(part: Part) -> list[str]:
    # A fence longer than any inside: nothing that is quoted can end it.
    ticks = "```"
    while ticks in part.text:
        ticks += "`"
    return [f"{ticks}{part.language or 'text'}", part.text.rstrip(), ticks]
