"""Red then green: what a failure on the base says about a new test."""

import pytest

from engine.gates.red_then_green import failure_of, imports_new, introduced_names, judge
from sandbox.report import CaseResult

ASSERTED = """def test_a():
>       assert double(3) == 6
E       assert 5 == 6
E        +  where 5 = double(3)

tests/test_a.py:4: AssertionError"""
RAISED = """def test_a():
>       assert mean([]) == 0
tests/test_a.py:4:
_ _ _ _
    def mean(values):
>       return sum(values) / len(values)
E       ZeroDivisionError: division by zero

stats.py:2: ZeroDivisionError"""
NOT_RAISED = """>       with pytest.raises(ValueError):
E       Failed: DID NOT RAISE <class 'ValueError'>

tests/test_a.py:4: Failed"""
NO_ATTRIBUTE = """>       assert Shop().total() == 0
E       AttributeError: 'Shop' object has no attribute 'total'

tests/test_a.py:4: AttributeError"""
KEYWORD = """>       assert price(1, rate=2) == 2
E       TypeError: price() got an unexpected keyword argument 'rate'

tests/test_a.py:4: TypeError"""
IMPORT = """ImportError while importing test module '/workspace/tests/test_a.py'.
Hint: make sure your test modules/packages have valid Python names.
Traceback:
tests/test_a.py:1: in <module>
    from shop import total
E   ImportError: cannot import name 'total' from 'shop' (/workspace/shop.py)"""
TYPO = """>       assert dobule(3) == 6
E       NameError: name 'dobule' is not defined

tests/test_a.py:4: NameError"""
NODE_ASSERTED = """AssertionError [ERR_ASSERTION]: Expected values to be strictly equal:

5 !== 6

    at TestContext.<anonymous> (file:///workspace/test/a.test.js:5:10) {
  code: 'ERR_ASSERTION',
  actual: 5"""
NODE_MISSING = """file:///workspace/test/a.test.js:2
import { unique } from '../slugify.js';
         ^^^^^^
SyntaxError: The requested module '../slugify.js' does not provide an export named 'unique'
    at ModuleJob._instantiate (node:internal/modules/esm/module_job:123:21)"""
NODE_RAISED = """TypeError: Cannot read properties of undefined (reading 'length')
    at slugify (file:///workspace/slugify.js:3:10)
    at TestContext.<anonymous> (file:///workspace/test/a.test.js:5:10)"""

FAILURES = [
    (ASSERTED, "AssertionError", "red"),
    (NOT_RAISED, "Failed", "red"),
    (RAISED, "ZeroDivisionError", "red"),
    (NO_ATTRIBUTE, "AttributeError", "new"),
    (KEYWORD, "TypeError", "new"),
    (IMPORT, "ImportError", "new"),
    (TYPO, "NameError", "broken"),
    (NODE_ASSERTED, "ERR_ASSERTION", "red"),
    (NODE_MISSING, "SyntaxError", "new"),
    (NODE_RAISED, "TypeError", "red"),
    ("no words at all", "an error", "broken"),
]


@pytest.mark.parametrize(("message", "kind", "verdict"), FAILURES)
def test_a_failure_on_the_base_is_judged_by_what_raised_it(message: str, kind: str, verdict: str) -> None:
    assert failure_of(message).kind == kind
    case = CaseResult(id="tests/test_a.py::test_a", outcome="failed", message=message)
    (result,) = judge({"tests/test_a.py::test_a"}, [case], {"total", "rate", "unique"})
    assert (result.verdict, result.proves) == (verdict, verdict in ("red", "new"))


def test_an_import_that_is_no_new_name_is_a_broken_test() -> None:
    case = CaseResult(id="tests/test_a.py", outcome="error", message=IMPORT)
    (result,) = judge({"tests/test_a.py::test_a"}, [case], {"other"})
    assert result.verdict == "broken"
    assert "ImportError" in result.detail


def test_a_test_that_passes_or_is_left_out_proves_nothing_and_one_red_case_is_enough() -> None:
    cases = [
        CaseResult(id="t.py::passes", outcome="passed"),
        CaseResult(id="t.py::skipped", outcome="skipped"),
        CaseResult(id="t.py::mixed[1]", outcome="passed"),
        CaseResult(id="t.py::mixed[2]", outcome="failed", message=ASSERTED),
    ]
    tests = {"t.py::passes", "t.py::skipped", "t.py::mixed", "t.py::lost"}
    found = {one.test: one.verdict for one in judge(tests, cases, ())}
    assert found == {
        "t.py::passes": "passes",
        "t.py::skipped": "broken",
        "t.py::mixed": "red",
        "t.py::lost": "broken",
    }
    (hangs,) = judge({"t.py::lost"}, cases, (), ended=False)
    assert hangs.verdict == "red", "what hangs without the work was stopped by it"


def test_new_names_are_those_that_no_version_before_defined() -> None:
    before = {"shop.py": b"class A:\n    def get(self): ...\n\ndef price(n): ...\n"}
    now = {
        "shop.py": b"class A:\n    def get(self): ...\nclass B:\n    def get(self): ...\ndef price(n, rate): ...\n",
        "cart/total.py": b"def sum_up(): ...\n",
    }
    names = introduced_names(before, now)
    assert {"B", "get", "price", "rate", "cart", "total", "sum_up"} <= names
    assert "A" not in names
    assert "n" not in names


def test_a_file_that_imports_a_new_module_needs_no_run() -> None:
    new = {"cart/total.py", "src/rates/__init__.py"}
    assert imports_new(b"from cart.total import sum_up\n", new, {"cart/__init__.py"}) == "cart.total"
    assert imports_new(b"import json\nfrom cart import total\n", new, {"cart/__init__.py"}) == "cart.total"
    assert imports_new(b"import rates\n", new, {"shop.py"}) == "rates"
    assert imports_new(b"import rates\n", new, {"rates.py"}) == "", "it is there already"
    assert imports_new(b"def test_a():\n    import rates\n", new, {}) == "", "other tests of the file can be read"
    assert imports_new(b"import (\n", new, {}) == ""


def test_a_computed_title_is_found_by_what_is_fixed_of_it() -> None:
    test = "test/a.test.js > turns ${title} into ${slug}"
    cases = [
        CaseResult(id="test/a.test.js > turns A b into a-b", outcome="passed"),
        CaseResult(id="test/a.test.js > turns C into c", outcome="failed", message=NODE_ASSERTED),
    ]
    (result,) = judge({test}, cases, ())
    assert result.verdict == "red"
