"""The pytest plugins that a project's packages bring, and the options that it sets for all its test runs.

It runs inside the sandbox. pytest's own search for plugins is off, since it costs more than most test suites; instead
exactly those are loaded that lie in the project's part of the environment, where only approved packages are. Options
that only make sense on a person's machine are left out, with a word.
"""

import os
import shlex
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, distributions
from pathlib import Path
from typing import Any

import pytest
from _pytest.config import findpaths
from _pytest.outcomes import OutcomeException

PROJECT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "project")
OUTSIDE = {
    "Miracle measures coverage itself": """
        --cov? --cov-report= --cov-config= --cov-fail-under= --cov-context= --cov-precision= --cov-append --cov-branch
        --cov-reset --no-cov --no-cov-on-fail""",
    "each test runs once, in one process": """
        -n= --numprocesses= --maxprocesses= --dist= --tx= --px= --rsyncdir= --rsyncignore= --testrunuid= -d -f
        --looponfail --max-worker-restart= --maxschedchunk= --loadscope-reorder --no-loadscope-reorder --boxed""",
    "a test that failed once has failed": """
        --reruns= --reruns-delay= --only-rerun= --rerun-except= --fail-on-flaky --force-flaky --max-runs=
        --min-passes= --no-flaky-report --no-success-flaky-report""",
    "nobody reads such a report here": """
        --junitxml= --junit-xml= --junitprefix= --junit-prefix= --html= --css= --self-contained-html --json-report
        --json-report-file= --json-report-indent= --json-report-omit= --json-report-summary --alluredir=
        --clean-alluredir --report-log= --report-log-exclude-logs-on-passed-tests --md= --md-report""",
    "nobody is at the keyboard": "--pdb --trace --pdbcls=",
    "all tests run": "--testmon --testmon-noselect --testmon-forceselect --testmon-env= --picked? --mode=",
}
"""Options by why they are left out, installed or not. `=` takes a value, `?` may take one."""
WITHOUT = {
    "timeout": "--timeout= --timeout-method= --timeout_method= --session-timeout=",
    "randomly": "--randomly-seed= --randomly-dont-reset-seed --randomly-dont-reorganize",
    "random_order": "--random-order --random-order-bucket= --random-order-seed=",
    "benchmark": """
        --benchmark-disable --benchmark-enable --benchmark-skip --benchmark-autosave --benchmark-save= --benchmark-json=
        --benchmark-columns= --benchmark-sort= --benchmark-min-rounds= --benchmark-max-time= --benchmark-min-time=
        --benchmark-warmup= --benchmark-disable-gc --benchmark-group-by= --benchmark-storage= --benchmark-verbose
        --benchmark-compare? --benchmark-compare-fail= --benchmark-histogram?""",
    "asyncio": "--asyncio-mode= --asyncio-debug",
    "socket": "--disable-socket --allow-hosts= --allow-unix-socket --force-enable-socket",
    "sugar": "--force-sugar --old-summary",
    "instafail": "--instafail",
    "pretty": "--pretty",
    "rich": "--rich",
    "spec": "--spec",
    "testdox": "--testdox --force-testdox",
    "emoji": "--emoji",
    "black": "--black",
    "flake8": "--flake8",
    "isort": "--isort",
    "mypy": "--mypy --mypy-ignore-missing-imports --mypy-ini-file= --mypy-config-file=",
    "pylint": "--pylint --no-pylint --pylint-rcfile= --pylint-error-types= --pylint-jobs=",
    "ruff": "--ruff --ruff-format",
}
"""Options by the plugin that they need, left out where it is not there."""
NAMED = ("xdist", "xdist.plugin", "xdist.looponfail", "pytest_cov", "pytest_cov.plugin", "cov", "randomly",
         "pytest_randomly", "timeout", "pytest_timeout", "sugar", "pytest_sugar", "rerunfailures",
         "pytest_rerunfailures", "pytest_html", "html", "instafail", "pytest_instafail")  # fmt: skip
"""Plugins that a project may name and that its tests do not miss."""


class PluginBroken(Exception):
    """A plugin of the project cannot be loaded; the message says why."""


@dataclass
class Settings:
    """What the project's configuration comes to here."""

    arguments: list[str] = field(default_factory=list)
    """For pytest, before all others."""
    blocked: set[str] = field(default_factory=set)
    """Plugins that the project turns off."""
    notices: list[str] = field(default_factory=list)


def brought_plugins(folder: str = PROJECT) -> list[EntryPoint]:
    """The plugins that the project's packages declare, by name."""
    if not os.path.isdir(folder):
        return []
    found = {
        entry.name: entry
        for one in distributions(path=[folder])
        for entry in one.entry_points
        if entry.group == "pytest11"
    }
    return [found[name] for name in sorted(found)]


def settings_of(arguments: Sequence[str], plugins: Iterable[EntryPoint]) -> Settings:
    """Read the project's configuration as pytest does, and leave out what only makes sense outside.

    Args:
        arguments: of pytest; they decide which configuration it takes.
        plugins: those that the project's packages bring.
    """
    places = [argument for argument in arguments if not argument.startswith("-")]
    determine: Any = findpaths.determine_setup
    try:
        _, _, found, _ = determine(
            inifile=None, override_ini=None, args=places, rootdir_cmd_arg=os.getcwd(), invocation_dir=Path.cwd()
        )
        given = found["addopts"].value if "addopts" in found else []
        options = shlex.split(given) if isinstance(given, str) else [str(one) for one in given]
    except (pytest.UsageError, ValueError, TypeError, OSError):
        return Settings()  # pytest says itself what is wrong with it
    settings = Settings()
    kept = sorted_out(options, {entry.name: entry.module for entry in plugins}, settings)
    if kept != options:
        settings.arguments += ["-o", f"addopts={shlex.join(kept)}"]
    if "required_plugins" in found:
        settings.arguments += ["-o", "required_plugins="]
    return settings


def sorted_out(options: list[str], plugins: dict[str, str], settings: Settings) -> list[str]:
    """The options that stay; the settings learn of the others.

    Args:
        options: of the project's `addopts`.
        plugins: name to module of those that its packages bring.
        settings: added to.
    """
    kept: list[str] = []
    known = _table(plugins)
    there = {*plugins, *plugins.values()}
    left: dict[str, list[str]] = {}
    while options:
        name, value, length = _option(options, known)
        taken, options = options[:length], options[length:]
        if name == "-p":
            if value.startswith("no:"):
                settings.blocked |= {value[3:], f"pytest_{value[3:]}"}
            elif value in there:
                continue  # it is loaded anyway
            elif value in NAMED:
                left.setdefault("the plugin is not installed", []).append(shlex.join(taken))
                continue
        if name in known:
            left.setdefault(known[name][1], []).append(shlex.join(taken))
        else:
            kept += taken
    settings.notices += [f"left out of addopts, {why}: {', '.join(texts)}" for why, texts in left.items()]
    return kept


def _table(plugins: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Option to how it takes a value, and why it is left out."""
    table = {}
    lists = list(OUTSIDE.items())
    lists += [(f"pytest-{name} is not installed", text) for name, text in WITHOUT.items() if name not in plugins]
    for why, text in lists:
        for word in text.split():
            name = word.rstrip("=?")
            table[name] = (word[len(name) :], why)
    return table


def _option(options: list[str], known: dict[str, tuple[str, str]]) -> tuple[str, str, int]:
    """Name and value of the first option, and how many words it takes."""
    first = options[0]
    following = options[1] if len(options) > 1 else ""
    if not first.startswith("-") or first == "--":
        return "", "", 1
    if first.startswith("--"):
        name, equals, value = first.partition("=")
        takes = known.get(name, ("", ""))[0]
        if equals or not takes or (takes == "?" and (not following or following.startswith("-"))):
            return name, value, 1
        return name, following, min(2, len(options))
    name, value = first[:2], first[2:]
    if name == "-p" or known.get(name, ("", ""))[0] == "=":
        return (name, value, 1) if value else (name, following, min(2, len(options)))
    return first, "", 1


def load(plugins: Iterable[EntryPoint], blocked: set[str]) -> list[tuple[str, Any]]:
    """Import plugins, while the workspace is not on the path yet.

    Raises:
        PluginBroken: one fails; without it the project's tests would not mean what they say.
    """
    loaded = []
    for entry in plugins:
        if entry.name in blocked or entry.module in blocked:
            continue
        try:
            loaded.append((entry.name, entry.load()))
        except (Exception, OutcomeException) as exc:  # code of others may fail in any way
            raise PluginBroken(f"The pytest plugin {entry.name} ({entry.value}) does not load.\n{_told(exc)}") from exc
    return loaded


def _told(exc: BaseException) -> str:
    return f"{type(exc).__name__}: {exc}"


def say(notices: Iterable[str]) -> None:
    """Tell what is different here, where the test output begins."""
    for notice in notices:
        sys.stdout.write(f"miracle: {notice}\n")
    sys.stdout.flush()
