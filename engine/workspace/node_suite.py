"""Whether a Node.js project's tests are run by vitest or by jest, by its package.json. Pure."""

import re
import shlex
from collections.abc import Mapping
from typing import Any, Literal

NodeSuite = Literal["vitest", "jest"]
_PROGRAMS: Mapping[str, NodeSuite] = {
    **dict.fromkeys(("vitest", ".bin/vitest", "vitest/vitest.mjs"), "vitest"),
    **dict.fromkeys(("jest", ".bin/jest", "jest/bin/jest.js", "jest/bin/jest", "jest-cli/bin/jest.js"), "jest"),
}
_STARTERS = ("npx", "cross-env", "node")
_NODE_FLAGS = re.compile(r"--(?:experimental-vm-modules|no-warnings|trace-warnings|max[-_]old[-_]space[-_]size=\d+)")
"""Flags of Node.js that the house's own way of running the tests brings, or does without."""
_SHELL = re.compile(r"[&|;<>$`()*\n]")
_VARIABLE = re.compile(r"[A-Za-z_]\w*=")
_STAYING = re.compile(r"--(?:watch(?:All)?|run|ui|open)(?:=\w+)?|-w")
_MODES = ("run", "watch", "dev")
_OTHER_MODES = ("bench", "list", "init", "related", "typecheck")


def node_suite(package: Mapping[str, Any]) -> tuple[NodeSuite, tuple[str, ...]] | None:
    """What runs the tests, and the command: variables, the runner's name, its arguments.

    Args:
        package: the parsed package.json.

    Returns:
        None where it is neither, or where the project's own command does more than to run it.
    """
    scripts = package.get("scripts")
    scripts = scripts if isinstance(scripts, dict) else {}
    script = scripts.get("test")
    if not isinstance(script, str) or not script.strip() or "no test specified" in script:
        return _depended_on(package)
    if _SHELL.search(script) or "pretest" in scripts or "posttest" in scripts:
        return None
    try:
        return _started(shlex.split(script))
    except ValueError:
        return None


def _started(words: list[str]) -> tuple[NodeSuite, tuple[str, ...]] | None:
    variables: list[str] = []
    while words and (words[0] in _STARTERS or _VARIABLE.match(words[0]) or _NODE_FLAGS.fullmatch(words[0])):
        word = words.pop(0)
        if word.startswith("NODE_OPTIONS="):
            if not all(_NODE_FLAGS.fullmatch(flag) for flag in word.partition("=")[2].split()):
                return None
        elif _VARIABLE.match(word):
            variables.append(word)
    program = words.pop(0).removeprefix("./").removeprefix("node_modules/") if words else ""
    runner = _PROGRAMS.get(program)
    if runner is None or (words and words[0] in _OTHER_MODES):
        return None
    if runner == "vitest" and words and words[0] in _MODES:
        words = words[1:]
    return runner, (*variables, runner, *(word for word in words if not _STAYING.fullmatch(word)))


def _depended_on(package: Mapping[str, Any]) -> tuple[NodeSuite, tuple[str, ...]] | None:
    named: set[str] = set()
    for key in ("dependencies", "devDependencies"):
        found = package.get(key)
        named |= set(found) if isinstance(found, dict) else set()
    if "vitest" in named:
        return "vitest", ("vitest",)
    return ("jest", ("jest",)) if "jest" in named or "jest" in package else None
