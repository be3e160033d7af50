"""What a worktree wants and its environment does not hold."""

import os
from collections.abc import Iterable
from pathlib import Path

from config.rules import LanguageDependencies
from sandbox.errors import SandboxError
from sandbox.packages.aliases import Aliases
from sandbox.packages.held import Held
from sandbox.packages.imports import javascript_imports, python_imports
from sandbox.packages.names import distribution_of
from sandbox.packages.policy import standing_of
from sandbox.packages.requirements import requirements_of
from sandbox.packages.values import Wanted, canonical
from sandbox.protocol import Language
from sandbox.safe_files import read_text
from sandbox.scan_javascript import DIALECTS

BESIDE = frozenset({".git", "node_modules", "__pycache__", ".venv", "venv"})
"""Folders whose files are nobody's modules."""
BLOCKED = "allowed_deps.json blocks it."


def missing(
    root: Path,
    files: Iterable[str],
    language: Language,
    held: Held,
    rules: LanguageDependencies,
    failed: Iterable[str] = (),
) -> tuple[Wanted, ...]:
    """The packages that the project declares, the files import or a test run missed, and that are not there.

    Args:
        root: the worktree.
        files: those whose imports are looked at.
        language: of the project.
        held: what the environment holds.
        rules: the lists of packages.
        failed: modules that a test run did not find.
    """
    local = _local_modules(root) if language == "python" else frozenset()
    aliases = Aliases(root) if language == "node" else None
    found = {_key(one.name, language): one for one in requirements_of(root, language)}
    seen = [(name, place, "import") for name, place in _imported(root, files, language)]
    seen += [(name, "", "failure") for name in failed]
    for module, place, source in seen:
        if module in local or held.has_module(module) or (aliases is not None and aliases.cover(module)):
            continue
        name = distribution_of(module) if language == "python" else module
        before = found.get(_key(name, language))
        wanted = before or Wanted(name=name, source=source)
        places = (*wanted.places, place) if place and place not in wanted.places else wanted.places
        imports = tuple(dict.fromkeys((*wanted.imports, module)))
        found[_key(name, language)] = wanted.model_copy(update={"imports": imports, "places": places})
    wanted_now = (one for one in found.values() if not held.has_package(one.name))
    return tuple(_judged(one, language, rules) for one in wanted_now)


def _judged(wanted: Wanted, language: Language, rules: LanguageDependencies) -> Wanted:
    standing = standing_of(wanted.name, language, rules)
    for module in wanted.imports:
        if standing != "blocked" and standing_of(module, language, rules) == "blocked":
            standing = "blocked"
    return wanted.model_copy(update={"standing": standing, "reason": BLOCKED if standing == "blocked" else ""})


def _key(name: str, language: Language) -> str:
    return canonical(name) if language == "python" else name


def _imported(root: Path, files: Iterable[str], language: Language) -> list[tuple[str, str]]:
    found = []
    for path in files:
        suffix = Path(path).suffix
        if suffix not in DIALECTS if language == "node" else suffix != ".py":
            continue
        try:
            source = read_text(root, path)
        except SandboxError:
            continue
        imports = python_imports(source) if language == "python" else javascript_imports(source, DIALECTS[suffix])
        found += [(module, f"{path}:{line}") for module, line in imports.items()]
    return found


def _local_modules(root: Path) -> frozenset[str]:
    """Every name under which some file or folder of the worktree may be imported, wherever it lies."""
    names: set[str] = set()
    for _, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in BESIDE]
        names.update(folders)
        names.update(name.rpartition(".")[0] for name in files if name.endswith((".py", ".pyi", ".so")))
    return frozenset(names)
