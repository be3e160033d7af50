"""The guards of tests/conftest.py do guard: each is tried on a small test run of its own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
GUARDS = """
from tests.conftest import no_network, pytest_configure, pytest_make_collect_report
from tests.conftest import pytest_runtest_makereport, pytest_unconfigure
"""


def outcome(folder: Path, code: str, **environ: str) -> str:
    """The last line of a test run with one test file."""
    (folder / "conftest.py").write_text(GUARDS)
    (folder / "test_it.py").write_text(code)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    docker: x\n    bubblewrap: x\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "CI": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | environ,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.stdout.splitlines()[-1] + done.stderr


SKIPS = """
import pytest

@pytest.mark.docker
def test_by_mark():
    pytest.skip("not here")

def test_by_reason():
    pytest.skip("no Bubblewrap")

@pytest.mark.skipif(True, reason="docker is missing")
def test_by_decorator():
    pass

def test_of_another_system():
    pytest.skip("macOS only")

@pytest.mark.docker
@pytest.mark.xfail
def test_expected_to_fail():
    assert False
"""

NETWORK = """
import asyncio, contextlib, os, socket

def test_connect():
    with socket.socket() as s, contextlib.suppress(OSError):
        s.connect(("192.0.2.1", 9))

def test_name():
    with contextlib.suppress(OSError):
        socket.getaddrinfo("example.com", 80)

def test_asyncio():
    with contextlib.suppress(OSError):
        asyncio.run(asyncio.open_connection("192.0.2.1", 9))

def test_this_machine():
    with socket.create_server(("127.0.0.1", 0)) as s:
        socket.create_connection(("localhost", s.getsockname()[1])).close()

def test_environment():
    assert not {"OPENAI_API_KEY", "DATABASE_URL", "DB_PASSWORD"} & set(os.environ)
    assert os.environ["MIRACLE_HOME"] != "/mine"
"""


def test_a_missing_sandbox_is_a_skip_at_home(tmp_path: Path) -> None:
    assert "4 skipped, 1 xfailed" in outcome(tmp_path, SKIPS)


def test_a_missing_sandbox_is_a_failure_in_ci(tmp_path: Path) -> None:
    assert "2 failed, 1 skipped, 1 xfailed, 1 error" in outcome(tmp_path, SKIPS, CI="true")


def test_a_module_that_skips_itself_is_an_error_in_ci(tmp_path: Path) -> None:
    code = "import pytest\npytest.skip('bwrap is missing', allow_module_level=True)\n"
    assert "1 error" in outcome(tmp_path, code, CI="true")


def test_only_this_machine_is_in_reach_and_no_key(tmp_path: Path) -> None:
    person = {"OPENAI_API_KEY": "k", "DATABASE_URL": "d", "DB_PASSWORD": "p", "MIRACLE_HOME": "/mine"}
    assert "5 passed, 3 errors" in outcome(tmp_path, NETWORK, **person)
