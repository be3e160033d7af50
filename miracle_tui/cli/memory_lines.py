"""Memories as lines of text and as records: what was recalled, what was used, and what it was worth."""

from collections.abc import Iterable
from typing import Any

from engine import events as e
from engine.recollections import ShownMemory, judged_memories, record_words, shown_memories
from engine.state import State
from miracle_tui.cli.finding_lines import MAX_LISTED
from miracle_tui.cli.inert import one_line

_VIA = {"fingerprint": "the same failure", "context": "like code", "signature": "a like error", "text": "like words"}
_CAME_OF_IT = {"solved": "✓ solved by", "improved": "✓ made better by", "unchanged": "✗ not helped by"}
_WORTH = {
    "unused": "· not used",
    "used": "· used, not known yet what for",
    "helped": "✓ used, and it helped",
    "failed": "✗ used, and it did not help",
}


def recalled_lines(shown: Iterable[ShownMemory]) -> list[str]:
    """What was put in front of an agent."""
    found = list(shown)
    lines = []
    for one in found[:MAX_LISTED]:
        lines.append(f"  · recalled ({_how(one)}) {one_line(one.item.title)}")
        if tried := one_line(one.item.solution) if one.item.kind == "failure" else "":
            lines.append(f"    {_CAME_OF_IT.get(one.item.outcome, '· then tried')}: {tried}")
    more = len(found) - MAX_LISTED
    return [*lines, f"  · and {more} more"] if more > 0 else lines


def worth_lines(shown: Iterable[ShownMemory]) -> list[str]:
    """What was recalled, each with what it was worth."""
    lines = []
    for one in list(shown)[:MAX_LISTED]:
        mark, _, words = _WORTH.get(one.worth, "· shown").partition(" ")
        lines.append(f"  {mark} recalled ({_how(one)}; {words}) {_named(one)}")
    return lines


def shown_record(one: ShownMemory) -> dict[str, Any]:
    """A memory with what it was worth, as the `--json` outputs write it."""
    return {"role": one.role, "worth": one.worth, "memory": one.item.model_dump(mode="json")}


def _settled_by(event: e.Event, state: State) -> tuple[ShownMemory, ...]:
    """The memories of which an event says that they were used, or what came of it.

    Args:
        event: the event.
        state: the state after it.
    """
    match event:
        case e.ReflectionSubmitted():
            return tuple(one for one in _reflected(event, state) if one.evidence.used)
        case e.PlanSubmitted():
            return tuple(one for one in shown_memories(state, 0) if one.evidence.used)
        case e.TestsFinished():
            return judged_memories(state, event.number)
        case e.Recalled():
            iteration = state.iteration_numbered(event.number)
            # Where tests ran, their end has said it.
            return judged_memories(state, event.number) if iteration and iteration.report is None else ()
        case e.RunFinished():
            return tuple(one for one in shown_memories(state, 0) if one.evidence.helped is not None)
        case _:
            return ()


def memory_lines(event: e.Event, state: State) -> list[str]:
    """What an event says about memories besides its own lines."""
    settled = _settled_by(event, state)
    if isinstance(event, e.ReflectionSubmitted | e.PlanSubmitted):
        return [f"  · used {_named(one)}" for one in settled]
    return [
        f"  {'✓ it helped to remember' if one.evidence.helped else '✗ it did not help to remember'} {_named(one)}"
        for one in settled
    ]


def evidence_records(event: e.Event, state: State) -> list[dict[str, Any]]:
    """The same as the `--json` outputs write it; empty for most events."""
    return [
        {"memory_id": one.item.memory_id, "role": one.role, "used": True, "helped": one.evidence.helped}
        for one in _settled_by(event, state)
    ]


def shown_to_planner(event: e.SessionOpened, state: State) -> list[str]:
    """Solutions that a prompt shows."""
    known = {item.memory_id for item in event.shown}
    return recalled_lines(one for one in shown_memories(state, 0) if one.item.memory_id in known)


def _reflected(event: e.ReflectionSubmitted, state: State) -> tuple[ShownMemory, ...]:
    said = (one for one in state.iterations if one.reflection and one.reflection.session_id == event.session_id)
    iteration = next(said, None)
    return shown_memories(state, iteration.number) if iteration else ()


def _how(one: ShownMemory) -> str:
    item = one.item
    words = [f"{max(0.0, item.similarity):.0%}", _VIA.get(item.via, one_line(item.via, 20))]
    words += ["pinned"] if item.pinned else []
    words += [] if item.own_project else ["untrusted: another project's"]
    record = record_words(item)
    return ", ".join([*words, record] if record else words)


def _named(one: ShownMemory) -> str:
    return f"{one_line(one.item.memory_id, 80)}: {one_line(one.item.title)}"
