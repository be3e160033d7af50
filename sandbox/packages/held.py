"""What an environment holds, read from its folder."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sandbox.packages.names import modules_of
from sandbox.packages.values import canonical
from sandbox.protocol import Env

PACKAGES, PROJECT, NODE_MODULES = "python", "project", "node_modules"
"""Folders of an environment: the test tools, the project's own packages, those of npm."""


@dataclass(frozen=True)
class Held:
    """Names of packages, and of the modules that they provide."""

    packages: frozenset[str] = frozenset()
    modules: frozenset[str] = frozenset()

    def has_package(self, name: str) -> bool:
        """Whether a distribution or an npm package of this name is there."""
        return name in self.packages or canonical(name) in self.packages

    def has_module(self, module: str) -> bool:
        """Whether a top-level module, or an npm package, of this name is there."""
        return module in self.modules


def held_by(env: Env) -> Held:
    """What a prepared environment holds."""
    if env.root is None:
        return Held()
    if env.spec.language == "node":
        names = frozenset(_npm_packages(env.root / NODE_MODULES))
        return Held(names, names)
    packages: set[str] = set()
    modules: set[str] = set()
    for folder in (env.root / PACKAGES, env.root / PROJECT):
        for name in _entries(folder):
            if name.endswith(".dist-info"):
                packages.add(canonical(name.removesuffix(".dist-info").rpartition("-")[0]))
            else:
                modules.add(name.split(".")[0])
    return Held(frozenset(packages), frozenset(modules.union(*(modules_of(name) for name in packages))))


def _npm_packages(folder: Path) -> Iterator[str]:
    for name in _entries(folder):
        if name.startswith("@"):
            yield from (f"{name}/{inner}" for inner in _entries(folder / name))
        elif not name.startswith("."):
            yield name


def _entries(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def licence_of(metadata: str) -> str:
    """The licence that a distribution's metadata names: the expression, the field, or the classifier."""
    from email.parser import HeaderParser

    headers = HeaderParser().parsestr(metadata)
    classified = [
        line.rpartition("::")[2].strip()
        for line in headers.get_all("Classifier") or ()
        if line.startswith("License ::") and not line.endswith("OSI Approved")
    ]
    named = str(headers.get("License-Expression") or "").strip() or ", ".join(classified)
    field = str(headers.get("License") or "").strip()
    return named or (field.splitlines()[0][:80] if field and field.upper() != "UNKNOWN" else "")


def npm_lock_packages(lock: str) -> dict[str, dict[str, object]]:
    """The packages of a package-lock.json by their folder, without the project itself."""
    try:
        read = json.loads(lock)
    except (ValueError, RecursionError):
        return {}
    packages = read.get("packages") if isinstance(read, dict) else None
    if not isinstance(packages, dict):
        return {}
    return {path: entry for path, entry in packages.items() if path and isinstance(entry, dict)}
