"""The lines that tests run, measured in a real sandbox, of the changed files only."""

from pathlib import Path

from sandbox.protocol import Backend
from sandbox.testing import TestRequest, run_tests

CODE = """def sign(n):
    if n > 0:
        return 1
    if n < 0:
        return -1
    return 0


def unused():
    return None
"""
TEST = "from pkg.app import sign\n\ndef test_sign():\n    assert (sign(5), sign(0)) == (1, 0)\n"
SCRIPT = """export function sign(n) {
  if (n > 0) {
    return 1;
  }
  return n === 0
    ? 0
    : NaN; // an elephant never
}
export const never = (x) => x + 1;
function unused() {
  return null;
}
if (process.env.CHILD) sign(-1);
"""
SCRIPT_TEST = """import test from 'node:test'; import assert from 'node:assert'; import { sign } from './app.mjs';
import { spawnSync } from 'node:child_process';
test('sign', () => assert.equal(sign(0), 0));
const env = { ...process.env, CHILD: '1' };
test('another program', () => assert.equal(spawnSync(process.execPath, ['app.mjs'], { env }).status, 0));
"""


async def test_changed_lines_of_scripts_are_measured(backend: Backend, sandbox_workspace: Path) -> None:
    (sandbox_workspace / "app.mjs").write_text(SCRIPT)
    (sandbox_workspace / "unloaded.mjs").write_text("export const x = 1;\n")
    (sandbox_workspace / "app.test.mjs").write_text(SCRIPT_TEST)
    app = frozenset({2, 3, 5, 6, 7, 9, 11, 13})
    measured = {"app.mjs": app, "unloaded.mjs": frozenset({1}), "gone.mjs": frozenset({1})}
    report = await run_tests(
        backend, TestRequest("n", sandbox_workspace, "node", "node", measured=measured), lambda _: None
    )
    assert report.reason == "ok", report.output
    assert report.coverage is not None
    assert [(file.path, file.covered, file.missing) for file in report.coverage.files] == [
        ("app.mjs", 5, (3, 9, 11)),
        ("unloaded.mjs", 0, (1,)),
    ]
    assert sorted(path.name for path in sandbox_workspace.iterdir()) == ["app.mjs", "app.test.mjs", "unloaded.mjs"]
    print(f"{backend.name}: {report.duration_s:.3f} s measured")


async def test_changed_lines_are_measured(backend: Backend, sandbox_workspace: Path) -> None:
    (sandbox_workspace / "pkg").mkdir(mode=0o777)
    (sandbox_workspace / "pkg/__init__.py").write_text("")
    (sandbox_workspace / "pkg/app.py").write_text(CODE)
    (sandbox_workspace / "test_app.py").write_text(TEST)
    measured = {"pkg/app.py": frozenset({2, 3, 5, 7, 9, 10}), "gone.py": frozenset({1})}
    request = TestRequest("c", sandbox_workspace, "python", "pytest", measured=measured)
    report = await run_tests(backend, request, lambda _: None)
    assert report.reason == "ok", report.output
    assert report.coverage is not None
    assert [(file.path, file.covered, file.missing) for file in report.coverage.files] == [("pkg/app.py", 3, (5, 10))]
    assert (report.coverage.covered, report.coverage.total) == (3, 5)
    plain = await run_tests(backend, TestRequest("d", sandbox_workspace, "python", "pytest"), lambda _: None)
    assert plain.coverage is None
    print(f"{backend.name}: {report.duration_s:.3f} s measured, {plain.duration_s:.3f} s plain")
