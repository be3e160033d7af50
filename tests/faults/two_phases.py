"""A script whose plan has two phases that do not depend on each other, so that they can work side by side."""

from engine.scripted.script import Script
from tests.tiny_script import SPEC, SUBTASK, tiny_script

NAMES = {"p1": "double", "p2": "triple"}
FACTORS = {"p1": 2, "p2": 3}


def two_phases() -> Script:
    """Reprompter, planner, and per phase a coder and a tester; the second phase is wrong at first."""
    subtasks = [{**SUBTASK, "id": phase, "title": NAMES[phase]} for phase in NAMES]
    sessions = [
        _session("reprompter", ("submit_spec", SPEC)),
        _session("planner", ("submit_plan", {"summary": "two steps", "subtasks": subtasks})),
        _coder("p1", right=True, visit=1),
        _coder("p2", right=False, visit=1),
        _session(
            "coder",
            ("edit_file", {"path": "triple.py", "old": "n + 3", "new": "3 * n"}),
            ("submit_work", {"summary": "mended"}),
            phase="p2",
            visit=2,
        ),
        *(_tester(phase) for phase in NAMES),
        _session("reflector", ("submit_reflection", {"cause": "adds", "hypothesis": "multiply"})),
    ]
    return tiny_script().model_copy(update={"sessions": Script.model_validate(_whole(sessions)).sessions})


def _whole(sessions: list[dict[str, object]]) -> dict[str, object]:
    return {**tiny_script().model_dump(), "sessions": sessions}


def _coder(phase: str, *, right: bool, visit: int) -> dict[str, object]:
    name, factor = NAMES[phase], FACTORS[phase]
    term = f"{factor} * n" if right else f"n + {factor}"
    content = f"def {name}(n: int) -> int:\n    return {term}\n"
    wrote = ("create_file", {"path": f"{name}.py", "content": content})
    return _session("coder", wrote, ("submit_work", {"summary": f"wrote {name}"}), phase=phase, visit=visit)


def _tester(phase: str) -> dict[str, object]:
    name, path = NAMES[phase], f"tests/test_{NAMES[phase]}.py"
    content = (
        f"from {name} import {name}\n\n\ndef test_{name}() -> None:\n    assert {name}(5) == {5 * FACTORS[phase]}\n"
    )
    wrote = ("create_file", {"path": path, "content": content})
    return _session("tester", wrote, ("submit_tests", {"files": [path]}), phase=phase)


def _session(role: str, *calls: tuple[str, object], **place: object) -> dict[str, object]:
    turns = [{"text": f"I call {name}.", "calls": [{"name": name, "arguments": given}]} for name, given in calls]
    return {"role": role, "turns": turns, **place}
