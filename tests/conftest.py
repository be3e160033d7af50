"""What every test shares: no real model, no network beyond this machine, a home of its own, no silent skip in CI."""

import gc
import ipaddress
import os
import re
import shutil
import socket
import sys
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

pytest_plugins = (
    "tests.config_fixtures",
    "tests.database_fixtures",
    "tests.sandbox_fixtures",
    "tests.fault_figures",
)

FORGOTTEN = re.compile(r"OPENAI_.*|DATABASE_URL|DB_PASSWORD|LOG_LEVEL|MIRACLE_.*|PYTHON_KEYRING_BACKEND|NO_COLOR")
"""Variables of the person who runs the tests that must not reach them."""

REAL_THING = re.compile(r"docker|bubblewrap|bwrap", re.IGNORECASE)

COLLECTED_FROM = 20_000
"""New objects from which on the collector looks for those that only hold each other."""

_outside: list[str] = []
_home = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """Give the process a clean environment before any fixture runs, session fixtures included."""
    for name in [name for name in os.environ if FORGOTTEN.fullmatch(name)]:
        del os.environ[name]
    home = Path(tempfile.mkdtemp(prefix="miracle-tests-"))
    home.chmod(0o755)  # as root, the sandbox and the database run as other users, who must get in
    config.stash[_home] = home
    os.environ["MIRACLE_HOME"] = str(home)
    os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
    sys.addaudithook(_forbid_network)
    hypothesis.settings.register_profile("miracle", deadline=None, derandomize=bool(os.environ.get("CI")))
    hypothesis.settings.load_profile("miracle")


def pytest_collection_finish() -> None:
    """Spare the collector what is loaded for good: looking through it again and again took a third of a screen's test.

    It still runs, less often; pytest collects at the end, so that what was left open is still told of.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECTED_FROM, 10, 10)


def pytest_unconfigure(config: pytest.Config) -> None:
    if home := config.stash.get(_home, None):
        shutil.rmtree(home, ignore_errors=True)


def _forbid_network(event: str, args: tuple[Any, ...]) -> None:
    """Refuse to resolve or reach anything but this machine; names under .invalid fail as they would anywhere."""
    if event == "socket.getaddrinfo":
        host = args[0]
    elif event in ("socket.connect", "socket.sendto"):
        if args[0].family not in (socket.AF_INET, socket.AF_INET6):
            return
        host = args[1][0]
    else:
        return
    name = host.decode() if isinstance(host, bytes) else host
    if not name or name == "localhost" or name == socket.gethostname() or _is_loopback(name):
        return
    if name.endswith(".invalid"):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    _outside.append(f"{event} {name}")
    raise OSError(f"tests reach nothing beyond this machine, and this one asked for {name}")


def _is_loopback(name: str) -> bool:
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


@pytest.fixture(autouse=True)
def no_network() -> Iterator[None]:
    """Fail a test that asked for another machine, even where its code swallowed the refusal."""
    _outside.clear()
    yield
    assert not _outside, f"the test reached beyond this machine: {_outside}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI the real sandboxes are there: a test that skips for want of one has failed."""
    report = yield
    marked = item.get_closest_marker("docker") or item.get_closest_marker("bubblewrap")
    if _forbidden_skip(report, bool(marked)) and not hasattr(report, "wasxfail"):
        report.outcome, report.longrepr = "failed", f"skipped in CI: {report.longreprtext or report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole module that skips itself."""
    report = yield
    if _forbidden_skip(report, False):
        report.outcome, report.longrepr = "failed", f"skipped in CI: {report.longrepr}"
    return report


def _forbidden_skip(report: pytest.TestReport | pytest.CollectReport, marked: bool) -> bool:
    reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
    return report.skipped and os.environ.get("CI") == "true" and (marked or bool(REAL_THING.search(reason)))
