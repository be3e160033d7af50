"""A script whose plan has two phases that do not depend on each other, and a third that needs both."""

from typing import Any

from engine.scripted.script import Script

SPEC = {"title": "Two numbers", "summary": "one() and two()", "project_type": "library", "language": "python"}
_PLAIN = {"one": "def one() -> int:\n    return 1\n", "two": "def two() -> int:\n    return 2\n"}
SUM = "from one import one\nfrom two import two\n\n\ndef three() -> int:\n    return one() + two()\n"


def pair_script(*, clash: bool = False, third: bool = False, extra: tuple[dict[str, Any], ...] = ()) -> Script:
    """Phases `one` and `two` side by side; each writes a module and its tests.

    Args:
        clash: whether both also write the same file in other words; the one merged later has to do it again.
        third: whether a phase follows that imports both modules.
        extra: sessions that go before the others.
    """
    subtasks = [
        {"id": "one", "title": "The number one", "description": "one()", "depends_on": []},
        {"id": "two", "title": "The number two", "description": "two()", "depends_on": []},
    ]
    sessions = [
        *extra,
        _session("reprompter", _call("submit_spec", **SPEC)),
        *(_coder(name, content, clash) for name, content in _PLAIN.items()),
        *(_tester(name, f"assert {name}() == {number}") for number, name in enumerate(_PLAIN, 1)),
    ]
    if clash:
        # Only the phase that is merged second is asked again; what it writes now agrees with the first.
        again = _call("create_file", path="two.py", content=_PLAIN["two"])
        sessions.append(_session("coder", again, _call("submit_work", summary="two again"), phase="two", visit=2))
    if third:
        subtasks.append({"id": "sum", "title": "Their sum", "description": "three()", "depends_on": ["one", "two"]})
        sessions += [_coder("sum", SUM, clash=False), _tester("sum", "assert three() == 3", function="three")]
    sessions.append(_session("planner", _call("submit_plan", summary="side by side", subtasks=subtasks)))
    values = {
        "name": "pair",
        "title": "Two numbers",
        "goal": "Write one() and two().",
        "description": "Two phases at once.",
        "language": "python",
        "project_type": "library",
        "sessions": sessions,
    }
    return Script.model_validate(values)


def _coder(name: str, content: str, clash: bool) -> dict[str, Any]:
    turns = [_call("create_file", path=f"{name}.py", content=content)]
    if clash:
        turns.append(_call("create_file", path="NOTES.md", content=f"Written by phase {name}.\n"))
    return _session("coder", *turns, _call("submit_work", summary=f"wrote {name}"), phase=name)


def _tester(name: str, assertion: str, function: str = "") -> dict[str, Any]:
    function = function or name
    content = f"from {name} import {function}\n\n\ndef test_{name}() -> None:\n    {assertion}\n"
    path = f"tests/test_{name}.py"
    return _session(
        "tester", _call("create_file", path=path, content=content), _call("submit_tests", files=[path]), phase=name
    )


def _session(role: str, *turns: dict[str, Any], **place: Any) -> dict[str, Any]:
    return {"role": role, "turns": list(turns), **place}


def _call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"text": f"I call {name}.", "calls": [{"name": name, "arguments": arguments}]}
