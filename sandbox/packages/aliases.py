"""Names by which JavaScript and TypeScript import a project's own files: no packages of anybody else's."""

import os
import re
from pathlib import Path
from typing import Any

from sandbox.packages.requirements import MAX_BYTES, manifest_of
from sandbox.project_files import file_text, json_object, relaxed_json_object

SETTINGS = ("tsconfig.json", "tsconfig.base.json", "jsconfig.json")
MOST_WORKSPACES = 200
_NAME = re.compile(r"(@[a-z0-9~-][a-z0-9._~-]*/)?[a-z0-9~-][a-z0-9._~-]*", re.IGNORECASE)


class Aliases:
    """The names that are a project's own."""

    def __init__(self, root: Path) -> None:
        """
        Args:
            root: the worktree: its files are read as data, links are not followed.
        """
        self._names = {str(manifest_of(root).get("name", "")), *_workspaces(root)}
        self._prefixes: set[str] = set()
        for name in SETTINGS:
            options = relaxed_json_object(root, name, MAX_BYTES).get("compilerOptions")
            if isinstance(options, dict):
                self._read(root, options)

    def cover(self, package: str) -> bool:
        """Whether an import of this is the project's own, or nothing that a registry could have."""
        own = package in self._names or any(_within(package, prefix) for prefix in self._prefixes)
        return own or _NAME.fullmatch(package) is None

    def _read(self, root: Path, options: dict[str, Any]) -> None:
        paths, base = options.get("paths"), options.get("baseUrl")
        for key in paths if isinstance(paths, dict) else ():
            if prefix := key.partition("*")[0]:
                self._prefixes.add(prefix)
        if isinstance(base, str):
            self._names |= _entries(root, base)


def _within(package: str, prefix: str) -> bool:
    """Whether an alias may mean what is imported; only the first parts of that are known."""
    return package == prefix.rstrip("/") or f"{package}/".startswith(prefix) or prefix.startswith(f"{package}/")


def _entries(root: Path, folder: str) -> set[str]:
    """What a folder of the project holds, by the names that an import would use."""
    place = os.path.normpath(folder)
    if place.startswith(("..", "/")):
        return set()
    try:
        with os.scandir(root / place) as found:
            return {entry.name.partition(".")[0] for entry in found} - {"", "node_modules"}
    except OSError:
        return set()


def _workspaces(root: Path) -> set[str]:
    """Names of the packages beside each other in one repository."""
    told = manifest_of(root).get("workspaces")
    globs = told.get("packages") if isinstance(told, dict) else told
    names: set[str] = set()
    for one in globs if isinstance(globs, list) else ():
        if not isinstance(one, str) or os.path.normpath(one).startswith(("..", "/")):
            continue
        folders = _entries_below(root, one.rstrip("/*")) if one.endswith("*") else [one]
        for folder in folders[:MOST_WORKSPACES]:
            if file_text(root, f"{folder}/package.json", MAX_BYTES):
                names.add(str(json_object(root, f"{folder}/package.json", MAX_BYTES).get("name", "")))
    return names


def _entries_below(root: Path, folder: str) -> list[str]:
    try:
        with os.scandir(root / folder) as found:
            return sorted(f"{folder}/{entry.name}" for entry in found if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []
