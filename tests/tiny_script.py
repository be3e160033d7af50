"""The smallest script that goes once round the whole loop, for tests of the loop itself."""

from typing import Any

from engine.scripted.script import Script

CODE = "def double(n: int) -> int:\n    return 2 * n\n"
WRONG = "def double(n: int) -> int:\n    return n + 2\n"
TESTS = "from double import double\n\n\ndef test_double() -> None:\n    assert double(3) == 6\n"
SPEC = {
    "title": "Double a number",
    "summary": "double(n) returns 2n",
    "project_type": "library",
    "language": "python",
}
SUBTASK = {"id": "p1", "title": "Doubling", "description": "double(n)", "depends_on": []}


def tiny_script(*, wrong_first: bool = False, tests: str = TESTS, **changes: Any) -> Script:
    """A script with one phase: reprompter, planner, coder, tester, and a reflector when the code is wrong at first.

    Args:
        wrong_first: whether the first iteration's test run is red.
        tests: the test file's content.
        changes: fields of the script, such as `verify`, or `extra`: sessions that go before the others.
    """
    wrote = _call("create_file", path="double.py", content=WRONG if wrong_first else CODE)
    mended = _call("edit_file", path="double.py", old="n + 2", new="2 * n")
    tested = _call("create_file", path="tests/test_double.py", content=tests)
    sessions = [
        *changes.pop("extra", []),
        _session("reprompter", _call("submit_spec", **SPEC)),
        _session("planner", _call("submit_plan", summary="one step", subtasks=[SUBTASK])),
        _session("coder", wrote, _call("submit_work", summary="wrote double"), visit=1),
        _session("coder", mended, _call("submit_work", summary="mended double"), visit=2),
        _session("tester", tested, _call("submit_tests", files=["tests/test_double.py"])),
        _session("reflector", _call("submit_reflection", cause="adds instead of doubling", hypothesis="return 2 * n")),
    ]
    values = {
        "name": "tiny",
        "title": "Double a number",
        "goal": "Write double(n).",
        "description": "The smallest goal.",
        "language": "python",
        "project_type": "library",
        "sessions": sessions,
    }
    return Script.model_validate(values | changes)


def _session(role: str, *turns: dict[str, Any], **place: Any) -> dict[str, Any]:
    return {"role": role, "turns": list(turns), **place}


def _call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"text": f"I call {name}.", "calls": [{"name": name, "arguments": arguments}]}
