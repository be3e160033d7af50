"""Plays the packaged goals' scripts without the engine: their calls, real test runs, and the way from red to green."""

import ast
import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from engine.scripted.script import Place, Script, list_scripts, load_script

GOALS = ("bookmarks-service", "bugfix-intervals", "roman-numerals", "sales-pipeline", "slugify-node", "todo-cli")
RED_IN = {
    "bookmarks-service": {"p1": 1, "p2": 1},
    "bugfix-intervals": {"p1": 1},
    "roman-numerals": {"p2": 1},
    "sales-pipeline": {"p1": 1, "p2": 1},
    "slugify-node": {"p1": 1, "p2": 1},
    "todo-cli": {"p1": 2},
}
BLOCKED_IMPORTS = {
    "os",
    "subprocess",
    "pty",
    "socket",
    "ctypes",
    "pickle",
    "builtins",
    "shutil",
    "http",
    "urllib.request",
}
BLOCKED_NAMES = {"eval", "exec", "compile", "__import__", "open"}
SUBMIT_KEYS = {
    "submit_spec": {"title", "summary", "project_type", "language", "requirements", "acceptance", "out_of_scope"},
    "submit_plan": {"summary", "subtasks", "used_memories"},
    "submit_work": {"summary"},
    "submit_tests": {"files", "summary"},
    "submit_review": {"verdict", "findings"},
    "submit_audit": {"verdict", "findings"},
    "submit_reflection": {"cause", "hypothesis", "fault", "used_memories"},
}
SUBTASK_KEYS = {"id", "title", "description", "depends_on", "challenges", "test_strategy", "files"}
FINDING_KEYS = {"severity", "path", "line", "title", "detail", "fix"}
MAX_ITERATIONS = 12


def is_test_file(path: str) -> bool:
    return path.startswith(("tests/", "test/"))


@dataclass
class Play:
    """One run of a script in a folder."""

    script: Script
    folder: Path
    visits: Counter[tuple[str, str]] = field(default_factory=Counter)
    reds: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    iteration: int = 0

    def session(self, role: str, phase: str = "", conversation: str = "") -> dict[str, Any]:
        """Carry out one agent's calls; returns what it submits."""
        self.visits[role, phase] += 1
        for turn_number in range(10):
            turn = self.script.turn_at(
                Place(
                    role=role,
                    phase=phase,
                    iteration=self.iteration,
                    visit=self.visits[role, phase],
                    turn=turn_number,
                    conversation=conversation,
                )
            )
            assert turn is not None, f"{self.script.name}: no session for {role} in {phase}"
            assert turn.text
            for call in turn.calls:
                self.calls[call.name] += 1
                if call.arguments is None:
                    self.calls["malformed"] += 1
                    with pytest.raises(ValueError, match="Unterminated"):
                        json.loads(call.text)
                elif call.name in SUBMIT_KEYS:
                    assert call.arguments.keys() == SUBMIT_KEYS[call.name]
                    return call.arguments
                else:
                    self.carry_out(role, call.name, call.arguments)
        raise AssertionError(f"{self.script.name}: {role} in {phase} never submits")

    def carry_out(self, role: str, name: str, arguments: dict[str, Any]) -> None:
        if name in ("create_file", "edit_file"):
            assert is_test_file(arguments["path"]) == (role == "tester"), f"{role} writes {arguments['path']}"
        path = self.folder / arguments.get("path", ".")
        match name:
            case "create_file":
                assert arguments.keys() == {"path", "content"}
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(arguments["content"], encoding="utf-8")
            case "edit_file":
                assert arguments.keys() == {"path", "old", "new"}
                text = path.read_text(encoding="utf-8")
                assert text.count(arguments["old"]) == 1, f"{arguments['path']}: {arguments['old']!r}"
                path.write_text(text.replace(arguments["old"], arguments["new"]), encoding="utf-8")
            case "read_file":
                assert path.is_file()
            case "list_files" | "search":
                assert path.is_dir()
            case "ask_person":
                assert len(arguments["questions"]) == 2
            case _:
                raise AssertionError(f"unknown tool {name}")

    def test(self) -> subprocess.CompletedProcess[str]:
        """Run the folder's whole test suite."""
        if self.script.language == "node":
            command = ["node", "--test"]
        else:
            command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short"]
        variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "NODE"))}
        return subprocess.run(
            command,
            cwd=self.folder,
            env=variables | {"PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def phase(self, phase: str, gates: tuple[str, ...]) -> None:
        """Iterate on a phase until its tests are green."""
        tests_written = False
        while self.iteration < MAX_ITERATIONS:
            self.iteration += 1
            self.session("coder", phase)
            if any(self.finds_something(gate, phase) for gate in gates):
                continue
            if not tests_written:
                submitted = self.session("tester", phase)
                assert submitted["files"]
                assert all((self.folder / path).is_file() for path in submitted["files"])
                tests_written = True
            safe(self.folder)
            result = self.test()
            if result.returncode == 0:
                return
            self.reds[phase] += 1
            assert result.returncode == 1, result.stdout + result.stderr
            assert re.search(r"AssertionError|ERR_ASSERTION|^E +assert ", result.stdout, re.MULTILINE), result.stdout
            assert not re.search(r"ImportError|ModuleNotFound|SyntaxError|errors? during collection", result.stdout)
            reflection = self.session("reflector", phase, result.stdout)
            assert reflection["fault"] in ("code", "tests")
            assert len(reflection["hypothesis"]) > 40
        raise AssertionError(f"{self.script.name}: {phase} is not green after {MAX_ITERATIONS} iterations")

    def finds_something(self, gate: str, phase: str) -> bool:
        result = self.session(gate, phase)
        keys = FINDING_KEYS | ({"category"} if gate == "auditor" else set())
        assert all(finding.keys() == keys for finding in result["findings"])
        critical = any(finding["severity"] == "critical" for finding in result["findings"])
        assert critical == (result["verdict"] == "revise")
        for finding in result["findings"]:
            lines = (self.folder / finding["path"]).read_text(encoding="utf-8").splitlines()
            assert 1 <= finding["line"] <= len(lines)
        self.calls["critical"] += critical
        return critical


def safe(folder: Path) -> None:
    """The rules that the scan applies to generated code, in short."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not BLOCKED_IMPORTS & {*names, *(name.partition(".")[0] for name in names)}, (path, names)
            if isinstance(node, ast.Call):
                called = getattr(node.func, "id", "") or getattr(node.func, "attr", "")
                assert called not in BLOCKED_NAMES, (path, called)
    for path in folder.rglob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"child_process|node:net|dgram|cluster|\beval\b|\bFunction\(|process\.|fs\b", text)


def play(name: str, folder: Path, gates: tuple[str, ...] = ()) -> Play:
    """A whole run of a goal, from its specification to green."""
    run = Play(load_script(name), folder)
    for path, content in run.script.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content, encoding="utf-8")
    if run.script.files:
        assert run.test().returncode == 0, "an existing repository's own tests pass"
    spec = run.session("reprompter")
    assert (spec["language"], spec["project_type"]) == (run.script.language, run.script.project_type)
    subtasks = run.session("planner")["subtasks"]
    assert 2 <= len(subtasks) <= 5
    done: set[str] = set()
    for subtask in subtasks:
        assert subtask.keys() == SUBTASK_KEYS
        assert set(subtask["depends_on"]) <= done
        run.phase(subtask["id"], gates)
        done.add(subtask["id"])
    return run


def test_the_six_goals_are_packaged() -> None:
    assert {script.name for script in list_scripts()} == set(GOALS)
    assert sum(script.featured for script in list_scripts()) == 2
    assert {script.language for script in list_scripts()} == {"python", "node"}


@pytest.mark.parametrize("name", GOALS)
def test_a_goal_goes_from_red_to_green(name: str, tmp_path: Path) -> None:
    run = play(name, tmp_path)
    assert run.reds == RED_IN[name]
    assert run.calls["malformed"] == (name == "sales-pipeline")
    assert run.calls["ask_person"] == (name == "todo-cli")
    if run.script.verify:
        command = [sys.executable, *run.script.verify.split()[1:]]
        assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(
    ("name", "critical", "reds"),
    [("todo-cli", 1, {"p1": 1}), ("bookmarks-service", 1, {"p2": 1}), ("roman-numerals", 0, {"p2": 1})],
)
def test_a_critical_finding_sends_a_goal_back_to_coding(
    name: str, critical: int, reds: dict[str, int], tmp_path: Path
) -> None:
    run = play(name, tmp_path, ("reviewer", "auditor"))
    assert run.calls["critical"] == critical
    assert run.reds == reds


def test_generated_code_that_the_scan_would_block_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("import os.path\n")
    with pytest.raises(AssertionError):
        safe(tmp_path)
