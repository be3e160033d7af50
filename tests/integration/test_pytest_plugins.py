"""Test runs of projects that set options and bring plugins: real plugins, in a real sandbox."""

from pathlib import Path

import pytest

from sandbox.environments import TEST_PINS
from sandbox.packages.resolve_python import resolve_python
from sandbox.packages.values import Wanted
from sandbox.protocol import Env, EnvSpec
from sandbox.report import TestReport
from sandbox.testing import TestRequest, run_command, run_tests
from tests.sandbox_fixtures import make_backend, need, sandbox_paths

pytestmark = pytest.mark.bubblewrap

NAMES = ("pytest-asyncio", "pytest-xdist", "pytest-cov", "pytest-rerunfailures")
SETTINGS = """[tool.pytest.ini_options]
asyncio_mode = "auto"
required_plugins = ["pytest-cov>=1", "pytest-xdist"]
addopts = '''-ra -n auto --dist=loadfile --cov=pkg --cov-report term-missing --cov-fail-under=100 --reruns 2
             --timeout 20 --junitxml=out.xml -p no:cacheprovider --strict-markers {more}'''
"""
CODE = "def answer(n):\n    if n:\n        return n\n    return 0\n"
TESTS = """import asyncio, pytest, pkg

async def test_async():
    await asyncio.sleep(0)
    assert pkg.answer(1) == 1

@pytest.mark.no_cover
def test_alone(worker_id):
    assert worker_id == "master"
"""
FLAKY = """
TIMES = []

@pytest.mark.flaky(reruns=2)
def test_flaky():
    TIMES.append(1)
    assert len(TIMES) > 1
"""
PLAIN = "import pkg\n\ndef test_it():\n    assert pkg.answer(0) == 0\n"
USAGE = "pytest does not know options that the project's configuration sets: --nobody-knows=3"


def write(folder: Path, tests: str, more: str = "") -> None:
    files = {"pkg.py": CODE, "test_it.py": tests, "pyproject.toml": SETTINGS.format(more=more)}
    for name, text in files.items():
        (folder / name).write_text(text)


async def report_of(folder: Path, env: Env | None = None) -> TestReport:
    backend = make_backend("bubblewrap")
    lines = {"pkg.py": frozenset({1, 2, 3, 4})}
    request = TestRequest("plugins", folder, "python", "pytest", env=env, measured=lines)
    try:
        return await run_tests(backend, request, lambda _: None)
    finally:
        await backend.close()


async def test_plugins_of_approved_packages_work_and_none_gets_between_the_tests_and_their_report(
    sandbox_workspace: Path,
) -> None:
    backend = make_backend("bubblewrap")
    found = await backend.probe()
    need(found.usable, found.detail)
    beside = [pin.partition("==")[0] for pin in TEST_PINS]
    locked = resolve_python([Wanted(name=name) for name in NAMES], sandbox_paths().cache, python=(3, 11), beside=beside)
    assert not locked.unreachable, f"the package index that this machine is set up for does not answer: {locked}"
    env = await backend.prepare(EnvSpec("python", lock=locked.lock))
    write(sandbox_workspace, TESTS + FLAKY)
    report = await report_of(sandbox_workspace, env)
    outcomes = {case.id.partition("::")[2]: case.outcome for case in report.cases}
    assert outcomes == {"test_async": "passed", "test_alone": "passed", "test_flaky": "failed"}, report.output
    assert (report.reason, report.collected) == ("failed", 3), "a test that failed once has failed"
    assert "--cov=pkg" in report.output, "what is left out is said"
    assert not (sandbox_workspace / "out.xml").exists()
    write(sandbox_workspace, TESTS)
    report = await report_of(sandbox_workspace, env)
    assert (report.reason, report.collected, len(report.cases)) == ("ok", 2, 2), report.output
    assert report.coverage is not None
    assert [(file.covered, file.missing) for file in report.coverage.files] == [(3, (4,))]
    command = "python -m pytest -q -o addopts= && ! test -e out.xml"
    own = await run_command(backend, command, run_id="own", workspace=sandbox_workspace, env=env)
    assert own.exit_code == 0, f"a command of the project has its plugins too: {own.output}"
    await backend.close()


async def test_options_of_plugins_that_are_not_there_are_left_out_or_named(sandbox_workspace: Path) -> None:
    write(sandbox_workspace, PLAIN, "-p xdist")
    report = await report_of(sandbox_workspace)
    assert report.green, report.output
    for said in ("-n auto", "--timeout 20", "--reruns 2", "-p xdist"):
        assert said in report.output.partition("test session starts")[0]
    write(sandbox_workspace, PLAIN, "--nobody-knows=3")
    report = await report_of(sandbox_workspace)
    assert (report.reason, report.exit_code) == ("incomplete", 4), report.output
    assert report.detail.startswith(USAGE)
