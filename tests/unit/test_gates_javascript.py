"""JavaScript and TypeScript by the syntax tree: lines that can run, tests in every style, mutants."""

from engine.gates.covered import measured_lines
from engine.gates.javascript_tests import javascript_tests
from engine.gates.ledger import losses
from engine.gates.mutants import mutants_of
from engine.gates.red_then_green import judge
from engine.gates.statements import SCRIPTS, parsed, statement_lines
from sandbox.report import CaseResult

TYPED = b"""import type { A } from './a';
export interface Shape {
  size: 1 | 2;
}
type Wide = true | 3;
export class Box<K extends string = 'k'> {
  private n: number = 3;
  none?: boolean;
  over(x: Map<K, 4>): boolean {
    return this.n > 2;
  }
}
const f = (
  x: number,
) =>
  x + 1;
export const g = (y: number) => y
  ? f(y)
  : (y as 5);
function guard(a: 1 | 2): asserts a is 1 { if (a !== 1) throw new Error(); }
declare const outside: 7;
"""
TESTS = """
import { describe, it, test, expect, beforeAll } from 'vitest';
beforeAll(() => { setup(); });
test('counts', () => { expect.assertions(3); expect(f(1)).toBe(5); expect(true).toBe(true); expect(g()).not.toBe(3); });
test.each([[1, 2], [3, 4]])('adds %i to $x', (a: number, b) => { expect(a).toBe(b); });
test.each`a | b
${1} | ${2}
${3} | ${4}
`('holds $a', ({ a }: any) => { expect.soft(a).toEqual(1); });
describe.each(rows)('group %s', (r) => { it('inner', async () => { await expect(p()).resolves.toMatchObject({}); }); });
it.skipIf(process.env.X)('asked', () => {}); xit('short', () => {}); it.only.each([1])('one %i', (n: number) => {});
test.fails('fails', () => {}); test.concurrent('close', async () => { expect(x as number).toBeCloseTo(2); });
it('option', { skip: true, timeout: 3 }, () => {});
"""


def test_only_what_can_run_counts_as_a_line() -> None:
    assert not parsed("a.ts", TYPED).root_node.has_error
    assert sorted(statement_lines("a.ts", TYPED)) == [7, 10, 13, 16, 17, 18, 19, 20]
    # In JavaScript the same words would be other ones.
    assert parsed("a.js", TYPED).root_node.has_error
    assert statement_lines("a.js", b"function f() {\n  return 1\n}\n\nif (a)\n  b()\nelse\n  c &&\n    d()\n") == {
        2,
        5,
        6,
        8,
        9,
    }


def test_changed_lines_of_scripts_are_known() -> None:
    diff = "".join(
        f"diff --git a/{n} b/{n}\n--- a/{n}\n+++ b/{n}\n@@ -1,0 +3,2 @@\n+x\n+y\n"
        for n in ("a.ts", "b.py", "c.test.ts")
    )
    assert measured_lines(diff, SCRIPTS) == {"a.ts": {3, 4}}
    assert measured_lines(diff) == {"b.py": {3, 4}}


def test_typescript_has_faults_and_its_types_have_none() -> None:
    found = {(edit.mutant.line, edit.mutant.before, edit.mutant.after) for edit in mutants_of("a.ts", TYPED, range(99))}
    assert {(10, ">", ">="), (16, "+", "-"), (7, "3", "(3 + 1)"), (20, "!==", "===")} <= found
    assert not {line for line, _, _ in found} & {3, 5, 9, 21}
    for edit in mutants_of("a.ts", TYPED, range(99)):
        assert not parsed("a.ts", edit.applied(TYPED)).root_node.has_error


def test_every_style_of_vitest_and_jest_is_read() -> None:
    read = javascript_tests("a.test.ts", TESTS.encode())
    assert not read.broken
    told = {name.removeprefix("a.test.ts > "): facts for name, facts in read.tests.items()}
    assert told["beforeAll"].role == "fixture"
    # A constant is what it is; how many assertions there have to be counts as one.
    assert told["counts"].strengths == (1, 1, 0, 1)
    assert {name: (facts.cases, facts.strengths) for name, facts in told.items() if "${" in name} == {
        "adds ${%i} to ${$x}": (2, (0, 0, 0, 1)),
        "holds ${$a}": (2, (0, 0, 0, 1)),
        "group ${%s} > inner": (1, (0, 0, 0, 1)),
        "one ${%i}": (1, (0, 0, 0, 0)),
    }
    assert {name: sorted(facts.skips) for name, facts in told.items() if facts.skips} == {
        "asked": ["skipIf(process.env.X)"],
        "short": ["skip"],
        "one ${%i}": ["only"],
        "fails": ["fails"],
        "option": ["skip: true"],
    }
    assert told["close"].strengths == (0, 0, 1, 0)


def test_what_is_taken_from_vitest_and_jest_tests_is_a_loss() -> None:
    before = javascript_tests("a.test.ts", TESTS.encode()).tests
    less = TESTS.replace("[1, 2], [3, 4]", "[1, 2]").replace("test.concurrent('close'", "test.skip('close'")
    less = less.replace("expect.assertions(3); ", "").replace("setup();", "").replace("${3} | ${4}\n", "")
    kinds = {
        (loss.kind, loss.test.removeprefix("a.test.ts > "))
        for loss in losses(before, javascript_tests("a.test.ts", less.encode()).tests)
    }
    assert kinds == {
        ("parameters", "adds ${%i} to ${$x}"),
        ("parameters", "holds ${$a}"),
        ("skipped", "close"),
        ("fewer", "counts"),
        ("fixture", "beforeAll"),
    }


def test_failures_of_vitest_and_jest_are_judged_on_the_base() -> None:
    def verdict(test: str, message: str, *, case: str = "") -> str:
        told = CaseResult(id=case or test, outcome="failed", message=message)
        (one,) = judge([test], [told], {"later", "nothing"})
        return one.verdict

    place = "\n    at /workspace/{}:3:9"
    assert verdict("a.test.ts > x", "AssertionError: expected 1 to be 2" + place.format("a.test.ts")) == "red"
    table = "a.test.ts > adds ${%i} to ${$x}"
    assert verdict(table, "AssertionError: no" + place.format("a.test.ts"), case="a.test.ts > adds 1 to 2") == "red"
    assert verdict("a.test.ts > x", "TypeError: later is not a function" + place.format("a.test.ts")) == "new"
    missing = "Error: Cannot find module './nothing.tsx' imported from '/workspace/a.test.ts'\ncode: 'MODULE_NOT_FOUND'"
    assert verdict("a.test.ts > x", missing, case="a.test.ts") == "new"
    assert verdict("a.test.ts > x", "RangeError: deep" + place.format("src/a.ts")) == "red"
    assert verdict("a.test.ts > x", "ReferenceError: y is not defined" + place.format("a.test.ts")) == "broken"
