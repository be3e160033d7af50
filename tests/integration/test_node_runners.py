"""vitest and jest in a real sandbox, by stand-ins that speak to the house's reporters as the real ones do."""

import json
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.environments import make_public
from sandbox.protocol import Backend, Env, EnvSpec, ExecEvent
from sandbox.protocol import TestEvent as Reported
from sandbox.report import TestReport as Report
from sandbox.testing import Kind, TestRequest, run_tests
from tests.sandbox_fixtures import make_backend

SOURCE = "export function half(n) {\nif (n > 2)\nreturn n / 2;\nreturn never(n);\n}\n"
VITEST = r"""
import vm from 'node:vm';
import { readFileSync } from 'node:fs';
export function parseCLI(argv) {
  return { filter: argv.slice(2).filter((word) => !word.startsWith('-')), options: { argv, update: true } };
}
export async function startVitest(mode, filter, options, vite) {
  const [reporter] = options.reporters;
  const { argv, update, allowOnly } = options;
  console.log(JSON.stringify({ filter, argv, tz: process.env.TZ, update, only: allowOnly, cache: vite.cacheDir }));
  const file = { type: 'suite', id: 'f', name: 'a.test.ts', filepath: `${options.root}/a.test.ts` };
  const group = { type: 'suite', id: 'g', name: 'group', file, suite: file };
  const test = (id, name, more) => ({ type: 'test', id, name, file, suite: more.suite, mode: 'run', ...more });
  const stack = 'Error: Snapshot\n    at /workspace/a.test.ts:3:9';
  const wrong = { name: 'Error', message: 'Snapshot `s` mismatched', stack };
  const late = { name: 'TypeError', message: '(0 , __vi_import_0__.later) is not a function', stack: '' };
  file.tasks = [
    test('1', 'passes', { result: { state: 'pass', duration: 1500 } }),
    test('2', 'twice', { result: { state: 'pass' } }),
    test('3', 'twice', { result: { state: 'pass' } }),
    test('4', 'snapshot', { result: { state: 'fail', errors: [wrong] } }),
    test('5', 'later', { result: { state: 'fail', errors: [late] } }),
    group,
  ];
  group.tasks = [
    test('6', 'skipped', { suite: group, mode: 'skip' }),
    test('7', 'expected', { suite: group, fails: true, result: { state: 'pass' } }),
    test('8', 'never ran', { suite: group }),
  ];
  group.result = { state: 'fail', errors: [{ name: 'Error', message: 'no hook' }] };
  reporter.onTestCaseReady({ task: file.tasks[0] });
  reporter.onTestCaseResult({ task: file.tasks[0] });
  reporter.onUserConsoleLog({ content: 'said by a test\n' });
  const module = options.coverage.enabled ? (await import(options.coverage.customProviderModule)).default : undefined;
  const coverageProvider = module?.getProvider();
  if (module) {
    coverageProvider.initialize({ config: { coverage: options.coverage } });
    await module.startCoverage();
    const map = { version: 3, sources: ['half.ts'], mappings: 'AAAA;AACA;AACA;AACA;AACA' };
    const written = Buffer.from(JSON.stringify(map)).toString('base64');
    const lines = `//# sourceMappingURL=data:application/json;base64,${written}`;
    const code = readFileSync('half.ts', 'utf8').replace('export ', '') + 'half(8);\n' + lines;
    await vm.runInThisContext(`'use strict';async (a,b)=>{{${code}\n}}`, { filename: `${options.root}/half.ts` })();
    coverageProvider.onAfterSuiteRun({ coverage: await module.takeCoverage() });
    await module.stopCoverage();
  }
  return {
    coverageProvider,
    state: { getFiles: () => [file], getUnhandledErrors: () => [{ name: 'Error', message: 'nobody awaited this' }] },
    exit: async () => process.exit(1),
  };
}
"""
JEST = r"""
exports.run = async (argv) => {
  console.log(JSON.stringify(argv));
  const Reporter = require(argv.find((word) => word.startsWith('--reporters=')).slice(12));
  const reporter = new Reporter();
  const test = { path: `${process.cwd()}/a.test.js` };
  const one = (title, status, more) => ({ ancestorTitles: ['group'], title, status, duration: 20, ...more });
  const place = '\n    at Object.toBe (/workspace/a.test.js:1:1)';
  const wrong = [`Error: \x1b[2mexpect(\x1b[22mreceived).toBe(expected)${place}`];
  const tests = [one('passes', 'passed'), one('twice', 'passed'), one('twice', 'passed')];
  tests.push(one('todo', 'todo'), one('left out', 'pending'));
  if (!argv.includes('--config=green')) tests.push(one('wrong', 'failed', { failureMessages: wrong }));
  reporter.onTestCaseStart(test, tests[0]);
  for (const live of tests) if (live.status !== 'pending') reporter.onTestCaseResult(test, live);
  const on = (line) => ({ start: { line } });
  const coverage = { [`${process.cwd()}/half.ts`]: {
    statementMap: { 0: on(2), 1: on(3), 2: on(4) }, s: { 0: 1, 1: 1, 2: 0 },
    branchMap: { 0: { type: 'cond-expr', locations: [on(3), on(3)] }, 1: { type: 'if', locations: [on(2)] } },
    b: { 0: [1, 0], 1: [0] },
  } };
  reporter.onTestResult(test, { testResults: tests, coverage });
  if (!argv.includes('--config=green')) {
    const failureMessage = "Cannot find module './gone' from 'b.test.js'";
    reporter.onTestResult({ path: `${process.cwd()}/b.test.js` }, { testResults: [], failureMessage });
    process.exitCode = 1;
  }
  reporter.onRunComplete([], { numTotalTests: tests.length });
};
"""


@pytest.fixture
async def bubblewrap() -> AsyncIterator[Backend]:
    made = make_backend("bubblewrap")
    yield made
    await made.close()


async def standing_in(backend: Backend, folder: Path, name: str, files: dict[str, str]) -> Env:
    """An environment as one is that a person approved the package for."""
    base = await backend.prepare(EnvSpec("node"))
    assert base.root is not None
    root = folder / "environment"
    shutil.copytree(base.root, root)
    make_public(root / "node_modules" / name)
    for path, text in files.items():
        (root / "node_modules" / name / path).write_text(text)
    return Env(EnvSpec("node", lock="{}"), "stand-in", root)


async def ran(
    backend: Backend, folder: Path, kind: Kind, env: Env, *, measured: frozenset[int], **asked: tuple[str, ...]
) -> tuple[Report, list[ExecEvent]]:
    work = folder / "work"
    work.mkdir(mode=0o777, exist_ok=True)
    os.chmod(work, 0o777)
    (work / "half.ts").write_text(SOURCE)
    (work / "unloaded.ts").write_text("export const x = 1;\n")
    events: list[ExecEvent] = []
    wanted = {"half.ts": measured, "unloaded.ts": frozenset({1})} if measured else {}
    request = TestRequest("runner", work, "node", kind, env=env, measured=wanted, **asked)  # type: ignore[arg-type]
    return await run_tests(backend, request, events.append), events


@pytest.mark.bubblewrap
async def test_vitest_tells_every_test_and_the_lines_that_ran(bubblewrap: Backend, sandbox_workspace: Path) -> None:
    files = {"package.json": '{"name": "vitest", "exports": {"./node": "./node.mjs"}}', "node.mjs": VITEST}
    env = await standing_in(bubblewrap, sandbox_workspace, "vitest", files)
    command = ("TZ=UTC", "vitest", "--retry=2")
    report, events = await ran(
        bubblewrap, sandbox_workspace, "vitest", env,
        measured=frozenset({2, 3, 4}), command=command, selection=("a.test.ts",),
    )  # fmt: skip
    assert {case.id: case.outcome for case in report.cases} == {
        "a.test.ts > passes": "passed",
        "a.test.ts > twice": "passed",
        "a.test.ts > twice (2)": "passed",
        "a.test.ts > snapshot": "failed",
        "a.test.ts > later": "failed",
        "a.test.ts > group > skipped": "skipped",
        "a.test.ts > group > expected": "xfailed",
        "a.test.ts > group": "error",
        "unhandled error": "error",
    }, report.output
    # The test that never ended is collected and not reported.
    assert (report.reason, report.exit_code, report.collected) == ("failed", 1, 10)
    messages = {case.id.rpartition(" > ")[2]: case.message for case in report.cases}
    assert messages["snapshot"] == "AssertionError: Snapshot `s` mismatched\n    at /workspace/a.test.ts:3:9"
    assert messages["later"] == "TypeError: later is not a function"
    assert "said by a test" in report.output
    assert "\x1e" not in report.output
    told = json.loads(next(line for line in report.output.splitlines() if line.startswith("{")))
    assert told["argv"] == ["vitest", "run", "--retry=2", "a.test.ts"]
    assert (told["filter"], told["tz"], told["update"], told["only"]) == (["a.test.ts"], "UTC", False, True)
    assert [event.name for event in events if isinstance(event, Reported) and event.kind == "started"] == [
        "a.test.ts > passes"
    ]
    assert report.coverage is not None
    assert [(one.path, one.covered, one.missing) for one in report.coverage.files] == [
        ("half.ts", 2, (4,)),
        ("unloaded.ts", 0, (1,)),
    ]


@pytest.mark.bubblewrap
async def test_jest_tells_every_test_and_the_lines_that_ran(bubblewrap: Backend, sandbox_workspace: Path) -> None:
    files = {"package.json": '{"name": "jest", "main": "index.js"}', "index.js": JEST}
    env = await standing_in(bubblewrap, sandbox_workspace, "jest", files)
    report, _ = await ran(
        bubblewrap, sandbox_workspace, "jest", env,
        measured=frozenset({2, 3, 4}), command=("jest", "--watch"), selection=("a.test.js",),
    )  # fmt: skip
    assert {case.id: case.outcome for case in report.cases} == {
        "a.test.js > group > passes": "passed",
        "a.test.js > group > twice": "passed",
        "a.test.js > group > twice (2)": "passed",
        "a.test.js > group > todo": "skipped",
        "a.test.js > group > left out": "skipped",
        "a.test.js > group > wrong": "failed",
        "b.test.js": "error",
    }, report.output
    assert (report.reason, report.collected) == ("failed", 7)
    messages = {case.id.rpartition(" > ")[2]: case.message for case in report.cases}
    assert messages["wrong"].startswith("AssertionError: expect(received).toBe(expected)\n    at Object.toBe")
    assert messages["b.test.js"].endswith("code: 'MODULE_NOT_FOUND'")
    argv = json.loads(next(line for line in report.output.splitlines() if line.startswith("[")))
    assert {"--ci", "--collectCoverageFrom=half.ts", r"/workspace/a\.test\.js"} <= set(argv)
    assert "--watch" not in argv
    assert report.coverage is not None
    assert [(one.path, one.covered, one.missing) for one in report.coverage.files] == [
        ("half.ts", 1, (3, 4)),
        ("unloaded.ts", 0, (1,)),
    ]
    green, _ = await ran(
        bubblewrap, sandbox_workspace, "jest", env, measured=frozenset(), command=("jest", "--config=green")
    )
    assert green.green, green.output
    assert green.coverage is None
    # Nothing of the workspace stands in for a runner that nobody approved.
    bare = await bubblewrap.prepare(EnvSpec("node"))
    (sandbox_workspace / "work/node_modules/vitest").mkdir(parents=True)
    (sandbox_workspace / "work/node_modules/vitest/package.json").write_text('{"exports": {"./node": "./node.mjs"}}')
    (sandbox_workspace / "work/node_modules/vitest/node.mjs").write_text(VITEST)
    missed, _ = await ran(bubblewrap, sandbox_workspace, "vitest", bare, measured=frozenset())
    assert [(case.id, case.outcome) for case in missed.cases] == [("vitest", "error")]
    assert "Cannot find package 'vitest'" in missed.cases[0].message
