"""The ledger: each way to make tests hold to less is a loss, and nothing that they gain is."""

import pytest

from engine.gates.javascript_tests import javascript_tests
from engine.gates.ledger import TestFacts, highest, losses, lost_cases
from engine.gates.python_tests import python_tests
from engine.gates.runner_settings import runner_settings, settings_losses

BASE = """
import pytest
from shop import price

CASES = [(1, 2), (2, 4), (3, 6)]

@pytest.fixture
def basket():
    return [1, 2]

def check(total):
    assert total == 3
    assert total is not None

@pytest.mark.parametrize("n, wanted", CASES)
def test_price(n, wanted):
    assert price(n) == wanted

def test_sum(basket):
    assert sum(basket) == 3
    assert basket

class TestErrors:
    def test_negative(self):
        with pytest.raises(ValueError, match="negative"):
            price(-1)

def test_float():
    assert price(0.1) == pytest.approx(0.2, rel=1e-6)
"""

PYTHON_LOSSES = [
    ("removed", "def test_float():\n    assert price(0.1) == pytest.approx(0.2, rel=1e-6)\n", ""),
    ("removed", "def test_sum(", "def sum_of("),
    ("removed", "class TestErrors", "class Errors"),
    ("skipped", "def test_float", "@pytest.mark.skip\ndef test_float"),
    ("skipped", "def test_float", "@pytest.mark.skipif(True, reason='slow')\ndef test_float"),
    ("skipped", "def test_float", "@pytest.mark.xfail\ndef test_float"),
    ("skipped", "import pytest\n", "import pytest\npytestmark = [pytest.mark.skip]\n"),
    ("skipped", "import pytest\n", "import pytest\npytest.skip('later', allow_module_level=True)\n"),
    ("skipped", "class TestErrors:", "class TestErrors:\n    __test__ = False\n"),
    ("skipped", "    assert sum(basket) == 3", "    pytest.skip('no')\n    assert sum(basket) == 3"),
    ("skipped", "    assert sum(basket) == 3", "    pytest.importorskip('nowhere')\n    assert sum(basket) == 3"),
    ("fewer", "    assert basket\n", ""),
    ("fewer", "    assert sum(basket) == 3\n", "    return\n    assert sum(basket) == 3\n"),
    ("fewer", "    assert sum(basket) == 3\n", "    if False:\n        assert sum(basket) == 3\n"),
    ("fewer", "    assert sum(basket) == 3\n", "    try:\n        assert sum(basket) == 3\n    except Exception: 0\n"),
    ("fewer", "    assert sum(basket) == 3\n", "    assert sum(basket) == 3 or True\n"),
    ("fewer", "    assert sum(basket) == 3\n", "    assert (sum(basket) == 3, 'always true')\n"),
    ("fewer", "    assert sum(basket) == 3\n", "    assert 3 == 3\n"),
    ("weaker", "sum(basket) == 3", "sum(basket) is not None"),
    ("weaker", "sum(basket) == 3", "sum(basket)"),
    ("weaker", "sum(basket) == 3", "sum(basket) == pytest.approx(3)"),
    ("weaker", "sum(basket) == 3", "sum(basket) != 4"),
    ("weaker", "rel=1e-6", "rel=0.5"),
    ("weaker", "assert total == 3", "assert total"),
    ("weaker", "raises(ValueError, match=\"negative\")", "raises(Exception)"),
    ("parameters", "[(1, 2), (2, 4), (3, 6)]", "[(1, 2)]"),
    ("parameters", "[(1, 2), (2, 4), (3, 6)]", "[]"),
    ("parameters", '"n, wanted", CASES', '"n, wanted", [(1, 2), pytest.param(2, 4, marks=pytest.mark.skip)]'),
    ("fixture", "return [1, 2]", "return [3]"),
    ("fixture", "@pytest.fixture\ndef basket():\n    return [1, 2]\n", ""),
]  # fmt: skip

GAINS = [
    ("def test_float", "def test_more():\n    assert price(5) == 10\n\ndef test_float"),
    ("    assert basket\n", "    assert basket\n    assert basket == [1, 2]\n"),
    ("(3, 6)]", "(3, 6), (4, 8)]"),
    ("import pytest\n", "import os\nimport pytest\n# a word\n"),
    ("assert basket\n", "assert basket == [1, 2]\n"),
    ("rel=1e-6", "rel=1e-9"),
    ('match="negative"', 'match="is negative"'),
]


def of(text: str, path: str = "tests/test_a.py") -> dict[str, TestFacts]:
    found = python_tests(path, text.encode())
    assert not found.broken
    return found.tests


@pytest.mark.parametrize(("kind", "old", "new"), PYTHON_LOSSES)
def test_what_a_python_test_holds_to_less_is_a_loss(kind: str, old: str, new: str) -> None:
    assert old in BASE
    found = losses(of(BASE), of(BASE.replace(old, new, 1)))
    assert found, "nothing was noticed"
    assert {loss.kind for loss in found} == {kind}, [loss.line for loss in found]
    assert all(loss.path == "tests/test_a.py" and loss.line for loss in found)


@pytest.mark.parametrize(("old", "new"), GAINS)
def test_what_a_python_test_gains_is_none(old: str, new: str) -> None:
    assert old in BASE
    assert losses(of(BASE), of(BASE.replace(old, new, 1))) == ()


def test_a_loss_in_an_earlier_iteration_stays_one_until_it_is_restored() -> None:
    weaker = BASE.replace("assert sum(basket) == 3", "assert sum(basket)")
    most = highest([of(BASE), of(weaker)])
    assert [loss.kind for loss in losses(most, of(weaker))] == ["weaker"]
    assert losses(most, of(BASE)) == ()


def test_hooks_of_a_conftest_count_where_there_are_tests_to_weaken() -> None:
    hook = "def pytest_collection_modifyitems(items):\n    items.clear()\n"
    forced = "import pytest\n\n@pytest.fixture(autouse=True)\ndef patched(monkeypatch):\n    pass\n"
    for text in (hook, forced, "collect_ignore = ['test_a.py']\n"):
        now = of(text, "conftest.py")
        assert [loss.kind for loss in losses({}, now)] == ["hook"]
        assert losses({}, now, guarded=False) == ()
    assert losses({}, of("import pytest\n\n@pytest.fixture\ndef shop():\n    return 1\n", "conftest.py")) == ()


def test_hypothesis_and_unittest_are_read_too() -> None:
    tried = "@settings(max_examples=200)\n@given(st.integers())\ndef test_any(n):\n    assert f(n) == n\n"
    found = losses(of(tried), of(tried.replace("200", "1")))
    assert [(loss.kind, loss.detail) for loss in found] == [("parameters", "is tried with 1 of 200 examples")]
    once = losses(of(tried), of("def test_any():\n    assert f(1) == 1\n"))
    assert [loss.kind for loss in once] == ["parameters"]
    case = "import unittest\nclass Shop(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(f(), 1)\n"
    assert [loss.kind for loss in losses(of(case), of(case.replace("Equal(f(), 1)", "True(f())")))] == ["weaker"]


def test_a_file_that_cannot_be_parsed_holds_to_nothing() -> None:
    broken = python_tests("tests/test_a.py", b"def test_a(:\n")
    assert broken.broken
    assert len(losses(of(BASE), broken.tests)) >= 4


NODE = """
import test, { describe } from 'node:test';
import assert from 'node:assert/strict';
test('doubles', () => {
  assert.equal(double(2), 4);
  assert.ok(double(1));
});
describe('errors', () => {
  test('throws', (t) => {
    assert.throws(() => double('x'), TypeError);
  });
});
"""

NODE_LOSSES = [
    ("removed", "test('doubles'", "helper('doubles'"),
    ("skipped", "test('doubles'", "test.skip('doubles'"),
    ("skipped", "test('doubles', ", "test('doubles', { skip: true }, "),
    ("skipped", "test('doubles'", "test.todo('doubles'"),
    ("skipped", "test('throws'", "test.only('throws'"),
    ("skipped", "describe('errors'", "describe.skip('errors'"),
    ("skipped", "(t) => {\n", "(t) => {\n    t.skip('later');\n"),
    ("fewer", "  assert.ok(double(1));\n", ""),
    ("fewer", "  assert.ok(double(1));\n", "  assert.ok(true);\n"),
    ("fewer", "  assert.equal(double(2), 4);\n", "  try { assert.equal(double(2), 4); } catch {}\n"),
    ("weaker", "assert.equal(double(2), 4)", "assert.ok(double(2))"),
    ("weaker", "assert.equal(double(2), 4)", "assert.notEqual(double(2), 5)"),
]


@pytest.mark.parametrize(("kind", "old", "new"), NODE_LOSSES)
def test_what_a_javascript_test_holds_to_less_is_a_loss(kind: str, old: str, new: str) -> None:
    assert old in NODE
    before = javascript_tests("test/a.test.js", NODE.encode()).tests
    assert set(before) == {"test/a.test.js > doubles", "test/a.test.js > errors > throws"}
    found = losses(before, javascript_tests("test/a.test.js", NODE.replace(old, new, 1).encode()).tests)
    assert {loss.kind for loss in found} == {kind}, [loss.line for loss in found]


def test_a_smaller_collection_is_a_loss_that_the_syntax_does_not_show() -> None:
    before = {"t.py::a[1]": "passed", "t.py::a[2]": "passed", "t.py::b": "passed", "t.py::c": "passed"}
    now = {"t.py::a[1]": "passed", "t.py::b": "skipped", "t.py::new": "passed"}
    found = lost_cases(before, now, ())
    assert [(loss.kind, loss.test) for loss in found] == [
        ("collection", "t.py::a"),
        ("skipped", "t.py::b"),
        ("collection", "t.py::c"),
    ]
    assert [loss.test for loss in lost_cases(before, now, found[:1])] == ["t.py::b", "t.py::c"], "told once"


SETTINGS_LOSSES = [
    ("pytest.ini", "[pytest]\n", "[pytest]\naddopts = -q --deselect tests/test_a.py::test_b\n"),
    ("pytest.ini", "[pytest]\n", "[pytest]\naddopts = -k 'not slow'\n"),
    ("setup.cfg", "", "[tool:pytest]\ntestpaths = other\n"),
    ("pyproject.toml", "", "[tool.pytest.ini_options]\npython_files = ['check_*.py']\n"),
    ("package.json", '{"scripts": {"test": "node --test"}}', '{"scripts": {"test": "true"}}'),
]


@pytest.mark.parametrize(("path", "before", "now"), SETTINGS_LOSSES)
def test_settings_that_leave_tests_out_are_losses(path: str, before: str, now: str) -> None:
    old, new = runner_settings(path, before), runner_settings(path, now)
    (found,) = settings_losses(old, new, path, {"tests/test_a.py"})
    assert (found.kind, found.path) == ("settings", path)


def test_settings_that_leave_nothing_out_are_none() -> None:
    for path, text in (
        ("pyproject.toml", "[tool.pytest.ini_options]\ntestpaths = ['tests']\naddopts = '-q --strict-markers'\n"),
        ("setup.cfg", "[metadata]\nname = x\n"),
        ("package.json", '{"scripts": {"test": "node --test"}}'),
        ("pyproject.toml", "not toml ["),
        ("package.json", "[1]"),
    ):
        assert settings_losses({}, runner_settings(path, text), path, {"tests/test_a.py"}) == ()
