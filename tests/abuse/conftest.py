"""The suite's report: what every case saw, written as JSON for scripts/abuse_table.py."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.abuse.cases import MARK

FOLDER = "build/abuse"
"""Below the project: one file a process and a run of the suite."""
_rows = pytest.StashKey[list[dict[str, Any]]]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{MARK}(number, attack, expected): a case of the abuse suite")
    config.stash[_rows] = []


@pytest.fixture
def seen(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Say in a few words, the same at every run, what came of the attack."""

    def say(what: str) -> None:
        request.node.user_properties.append(("seen", what))

    return say


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    case = item.get_closest_marker(MARK)
    if case is not None and report.when == "call":
        callspec = getattr(item, "callspec", None)
        backend = callspec.params.get("backend") if callspec else None
        if backend is None:
            backend = next((name for name in ("bubblewrap", "docker") if item.get_closest_marker(name)), "host")
        told = [str(value) for name, value in item.user_properties if name == "seen"]
        row = {**case.kwargs, "backend": backend, "outcome": report.outcome, "seen": told, "test": item.nodeid}
        item.config.stash[_rows].append(row)
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    rows = session.config.stash.get(_rows, [])
    if not rows:
        return
    folder = Path(session.config.rootpath, FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", f"alone{os.getpid()}")
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    (folder / f"{run}-{worker}.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
