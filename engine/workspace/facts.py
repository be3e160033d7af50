"""What an existing project keeps: its language, its tests and its conventions."""

import asyncio
import configparser
import re
from collections import Counter
from pathlib import Path
from typing import Any, Literal

from engine.task import ProjectFacts
from engine.workspace.node_suite import node_suite
from engine.workspace.outline import Found, walk_files
from engine.workspace.testfiles import is_test_file
from sandbox.project_files import file_text, json_object, toml_table

_READ_LIMIT = 2**18
_MAX_TEST_FILES = 2_000
_EXCERPT = 1_500
_GUIDES = ("AGENTS.md", "CLAUDE.md", "CONTRIBUTING.md", "CONTRIBUTING.rst", ".github/CONTRIBUTING.md")
_LINTERS = {
    ".eslintrc": "ESLint",
    ".eslintrc.json": "ESLint",
    "eslint.config.js": "ESLint",
    "eslint.config.mjs": "ESLint",
    ".prettierrc": "Prettier",
    ".flake8": "flake8",
    "ruff.toml": "ruff",
    ".ruff.toml": "ruff",
    "mypy.ini": "mypy",
    ".pylintrc": "pylint",
    ".pre-commit-config.yaml": "pre-commit",
    ".editorconfig": "EditorConfig",
}
_SOURCES = {".py": "python", ".js": "node", ".mjs": "node", ".cjs": "node", ".ts": "node"}

Kind = Literal["pytest", "node", "vitest", "jest", "command", "none"]


async def project_facts(worktree: Path) -> ProjectFacts:
    """Look at a project: its language, its own tests and how they are run, its conventions.

    Args:
        worktree: the folder; a huge one is looked at in part.
    """
    return await asyncio.to_thread(_facts, worktree)


def _facts(worktree: Path) -> ProjectFacts:
    found = list(walk_files(worktree))
    top = {entry.path for entry in found if "/" not in entry.path and not entry.link}
    tests = sorted(entry.path for entry in found if not entry.link and is_test_file(entry.path))
    pyproject = toml_table(worktree, "pyproject.toml", _READ_LIMIT) if "pyproject.toml" in top else {}
    package = json_object(worktree, "package.json", _READ_LIMIT) if "package.json" in top else {}
    language = _language(found, top)
    kind, command = _test_command(worktree, top, tests, pyproject, package, language)
    return ProjectFacts(
        language=language,
        test_kind=kind,
        test_command=command,
        test_files=tuple(tests[:_MAX_TEST_FILES]),
        conventions=tuple(_conventions(worktree, found, top, pyproject, package)),
        files=len(found),
    )


def _language(found: list[Found], top: set[str]) -> Literal["python", "node"] | None:
    counts = Counter(_SOURCES[suffix] for entry in found if (suffix := Path(entry.path).suffix) in _SOURCES)
    if not counts:
        if "package.json" in top:
            return "node"
        return "python" if top & {"pyproject.toml", "setup.py", "setup.cfg", "requirements.txt"} else None
    return "python" if counts["python"] >= counts["node"] else "node"


def _test_command(
    worktree: Path,
    top: set[str],
    tests: list[str],
    pyproject: dict[str, Any],
    package: dict[str, Any],
    language: str | None,
) -> tuple[Kind, tuple[str, ...]]:
    if language == "python" and (_pytest_configured(worktree, top, pyproject) or _any(tests, ".py")):
        return "pytest", ("python", "-m", "pytest")
    if language == "node" and (suite := node_suite(package)) is not None:
        return suite
    script = _at(package, "scripts", "test")
    if isinstance(script, str) and script.strip() and "no test specified" not in script:
        words = script.split()
        if words[:2] == ["node", "--test"]:
            return "node", tuple(words)
        return "command", ("npm", "test", "--silent")
    if language == "node" and tests:
        return "node", ("node", "--test")
    if (makefile := next((name for name in ("Makefile", "makefile", "GNUmakefile") if name in top), "")) and re.search(
        r"^test\s*:(?!=)", file_text(worktree, makefile, _READ_LIMIT), re.MULTILINE
    ):
        return "command", ("make", "test")
    return "none", ()


def _any(tests: list[str], suffix: str) -> bool:
    return any(test.endswith(suffix) and not test.endswith("conftest.py") for test in tests)


def _pytest_configured(worktree: Path, top: set[str], pyproject: dict[str, Any]) -> bool:
    if "pytest.ini" in top or isinstance(_at(pyproject, "tool", "pytest"), dict):
        return True
    return any(
        name in top and (_has_section(worktree, name, section))
        for name, section in (("tox.ini", "pytest"), ("setup.cfg", "tool:pytest"))
    )


def _has_section(worktree: Path, name: str, section: str) -> bool:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        parser.read_string(file_text(worktree, name, _READ_LIMIT))
    except configparser.Error:
        return False
    return parser.has_section(section)


def _conventions(
    worktree: Path, found: list[Found], top: set[str], pyproject: dict[str, Any], package: dict[str, Any]
) -> list[str]:
    """Sentences for the prompts."""
    sentences: list[str] = []
    if any(entry.path.startswith("src/") and entry.path.endswith(".py") for entry in found):
        sentences.append("Python packages are under src/.")
    if package.get("type") == "module":
        sentences.append('JavaScript files are ES modules (package.json has "type": "module").')
    elif package:
        sentences.append("JavaScript files are CommonJS unless they end in .mjs.")
    tools = [
        name for name in ("ruff", "black", "isort", "mypy", "pylint") if isinstance(_at(pyproject, "tool", name), dict)
    ]
    tools += [tool for file, tool in _LINTERS.items() if file in top and tool not in tools]
    if tools:
        sentences.append(f"Configured in this repository: {', '.join(dict.fromkeys(tools))}.")
    for tool in ("ruff", "black"):
        length = _at(pyproject, "tool", tool, "line-length")
        if isinstance(length, int):
            sentences.append(f"Lines have at most {length} characters.")
            break
    if isinstance(python := _at(pyproject, "project", "requires-python"), str):
        sentences.append(f"The project needs Python {python[:40]}.")
    paths = {entry.path for entry in found if not entry.link}
    for guide in _GUIDES:
        if guide in paths and (text := file_text(worktree, guide, _READ_LIMIT).strip()):
            cut = text[:_EXCERPT] + (" [...]" if len(text) > _EXCERPT else "")
            sentences.append(f"{guide} says:\n{cut}")
    return sentences


def _at(tree: dict[str, Any], *keys: str) -> object:
    """A value deep in a parsed file, or None where any step is something else."""
    here: object = tree
    for key in keys:
        if not isinstance(here, dict):
            return None
        here = here.get(key)
    return here
