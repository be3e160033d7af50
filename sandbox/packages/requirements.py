"""What a project's own files say that its tests need."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from sandbox.errors import SandboxError
from sandbox.packages.values import Wanted
from sandbox.protocol import Language
from sandbox.safe_files import read_text

REQUIREMENT_FILES = (
    "requirements.txt",
    "requirements-test.txt",
    "requirements-tests.txt",
    "test-requirements.txt",
    "requirements/test.txt",
    "requirements/tests.txt",
    "tests/requirements.txt",
)
TEST_GROUPS = ("test", "tests", "testing")
"""Groups of extra requirements that running the tests takes; tools for developing are not asked for."""
LOCKS = ("package-lock.json", "npm-shrinkwrap.json")
MANIFEST = "package.json"
MAX_BYTES = 8 * 2**20
_NAME = re.compile(r"^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(\[[^]]*\])?\s*(.*)$", re.DOTALL)
_PLAIN_RANGE = re.compile(r"^[\w.*|<>=~^ \-+]*$")


def requirements_of(root: Path, language: Language) -> tuple[Wanted, ...]:
    """The packages that the project declares; what cannot be had from a registry by name is left out.

    Args:
        root: the worktree: its files are read as data, links are not followed.
        language: which files are looked at.
    """
    return _of_node(root) if language == "node" else _of_python(root)


def manifest_of(root: Path) -> dict[str, Any]:
    """The project's package.json; empty where there is none that can be read."""
    return _json(root, MANIFEST)


def lock_of(root: Path) -> str:
    """The project's npm lock as text; empty where there is none."""
    return next((text for name in LOCKS if (text := _text(root, name))), "")


def python_requirement(line: str, place: str) -> Wanted | None:
    """A requirement of one line; None for an option, an address, a path, and an empty line."""
    text = re.sub(r"(^|\s)#.*$", "", line).strip()
    match = _NAME.match(text)
    if not text or text.startswith("-") or match is None or "@" in match[3].split(";")[0] or "/" in match[3]:
        return None
    text = re.split(r"\s--", text)[0].strip().rstrip("\\").strip()
    return Wanted(name=match[1], requirement=text, places=(place,), source="requirement")


def _of_python(root: Path) -> tuple[Wanted, ...]:
    lines: list[tuple[str, str]] = []
    project = _toml(root, "pyproject.toml")
    frame = project.get("project")
    if isinstance(frame, dict):
        lines += [(line, "pyproject.toml") for line in _strings(frame.get("dependencies"))]
        extras = frame.get("optional-dependencies")
        lines += [(line, "pyproject.toml") for line in _groups(extras)]
    lines += [(line, "pyproject.toml") for line in _groups(project.get("dependency-groups"))]
    for name in REQUIREMENT_FILES:
        lines += [(line, name) for line in _text(root, name).replace("\\\n", " ").splitlines()]
    own = str(frame.get("name", "")) if isinstance(frame, dict) else ""
    found: dict[str, Wanted] = {}
    for line, place in lines:
        wanted = python_requirement(line, place)
        if wanted is not None and wanted.name.lower() != own.lower():
            found.setdefault(wanted.name.lower(), wanted)
    return tuple(found.values())


def _of_node(root: Path) -> tuple[Wanted, ...]:
    manifest = manifest_of(root)
    found: dict[str, Wanted] = {}
    for key in ("dependencies", "devDependencies"):
        section = manifest.get(key)
        for name, wish in (section if isinstance(section, dict) else {}).items():
            if isinstance(wish, str) and _PLAIN_RANGE.match(wish):
                requirement = f"{name}@{wish}" if wish else name
                found[name] = Wanted(name=name, requirement=requirement, places=(MANIFEST,), source="requirement")
    return tuple(found.values())


def _groups(table: object) -> list[str]:
    if not isinstance(table, dict):
        return []
    return [line for name in TEST_GROUPS for line in _strings(table.get(name))]


def _strings(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _toml(root: Path, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(root, name))
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}


def _json(root: Path, name: str) -> dict[str, Any]:
    try:
        read = json.loads(_text(root, name) or "{}")
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _text(root: Path, name: str) -> str:
    try:
        return read_text(root, name, MAX_BYTES)
    except SandboxError:
        return ""
