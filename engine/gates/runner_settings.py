"""Settings of test runners that can keep tests from being collected: what of them is narrower than before. Pure."""

import configparser
import json
import shlex
import tomllib
from collections.abc import Collection, Mapping

from engine.integrity_events import TestLoss

SETTINGS_FILES = ("pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg", "pyproject.toml", "package.json")
_SECTIONS = {"pytest.ini": "pytest", ".pytest.ini": "pytest", "tox.ini": "pytest", "setup.cfg": "tool:pytest"}
_NARROWING = ("--ignore", "--ignore-glob", "--deselect", "-k", "-m", "--collect-only", "--co", "-p", "-x", "--maxfail")
_DECIDING = ("python_files", "python_classes", "python_functions", "norecursedirs", "collect_ignore", "testpaths")


def runner_settings(path: str, text: str) -> dict[str, str]:
    """What a file sets that decides which tests are collected; empty when it sets nothing or cannot be read."""
    name = path.rsplit("/", 1)[-1]
    try:
        if name == "package.json":
            found = json.loads(text)
            scripts = found.get("scripts") if isinstance(found, dict) else None
            return {"scripts.test": str(scripts["test"])} if isinstance(scripts, dict) and "test" in scripts else {}
        section = _section(name, text)
    except (ValueError, KeyError, configparser.Error, RecursionError):
        return {}
    kept = {key: _flat(value) for key, value in section.items() if key in _DECIDING}
    narrowing = _narrowing(_flat(section.get("addopts", "")))
    return kept | ({"addopts": narrowing} if narrowing else {})


def settings_losses(
    before: Mapping[str, str], now: Mapping[str, str], path: str, tests: Collection[str]
) -> tuple[TestLoss, ...]:
    """Settings that are other than before.

    Args:
        before: of `runner_settings`.
        now: the same, newer.
        path: the file.
        tests: the known test files; test folders that hold all of them narrow nothing.
    """
    found = []
    for key in sorted({*before, *now}):
        value = now.get(key, "")
        if value == before.get(key, "") or (key == "scripts.test" and key not in before):
            continue
        if key == "testpaths" and (not value or all(_below(value, test) for test in tests)):
            continue
        if key == "addopts" and set(_words(value)) <= set(_words(before.get(key, ""))):
            continue
        detail = f"sets {key} to {value!r}" if value else f"no longer sets {key} to {before[key]!r}"
        found.append(TestLoss(kind="settings", path=path, detail=detail[:300]))
    return tuple(found)


def _section(name: str, text: str) -> dict[str, object]:
    if name == "pyproject.toml":
        tool = tomllib.loads(text).get("tool", {}).get("pytest", {})
        section = tool.get("ini_options", tool) if isinstance(tool, dict) else {}
        return section if isinstance(section, dict) else {}
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read_string(text)
    return dict(parser[_SECTIONS[name]])


def _flat(value: object) -> str:
    return " ".join(str(one) for one in value) if isinstance(value, list) else " ".join(str(value).split())


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _narrowing(options: str) -> str:
    """The options that leave tests out, each with its value."""
    words = _words(options)
    kept: list[str] = []
    for at, word in enumerate(words):
        head = word.split("=", 1)[0]
        if head in _NARROWING or (head[:2] in ("-k", "-m") and not head.startswith("--")):
            kept.append(word)
            if "=" not in word and head in ("--ignore", "--deselect", "-k", "-m", "-p") and at + 1 < len(words):
                kept.append(words[at + 1])
    return shlex.join(kept)


def _below(folders: str, path: str) -> bool:
    return any(
        folder in (".", "") or path == folder or path.startswith(f"{folder.rstrip('/')}/") for folder in _words(folders)
    )
