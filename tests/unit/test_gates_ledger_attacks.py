"""Attacks on the ledger: tests that look as strong as before and hold to less. Each has to be a loss."""

import pytest

from engine.gates.javascript_tests import javascript_tests
from engine.gates.ledger import FileTests, losses, lost_cases
from engine.gates.python_tests import python_tests
from engine.gates.runner_settings import runner_settings, settings_losses

PYTHON = """
import pytest
from shop import price
from tests.helpers import check_total

CASES = [(1, 2), (2, 4)]

class Fake:
    def rate(self):
        return 2

def verify(total):
    assert total == 6

def doubled(n):
    return 2 * n

def test_price():
    total = price(3)
    assert total == 6

def test_all():
    for n, wanted in CASES:
        assert price(n) == wanted

def test_doubled():
    assert price(4) == doubled(4)

def test_verified():
    verify(price(3))

def test_helped():
    check_total(price(3))

def test_truth():
    assert price(1)
"""
CLAIM = "    assert total == 6\n\ndef test_all"


def claim(text: str) -> tuple[str, str]:
    return CLAIM, f"{text}\n\ndef test_all"


CHEATS: dict[str, tuple[str, str]] = {
    "a function within that nobody calls": claim("    def inner():\n        assert total == 6\n"),
    "an async function within": claim("    async def inner():\n        assert total == 6\n"),
    "a class within": claim("    class Inner:\n        assert total == 6 if False else 1\n"),
    "only under a condition": claim("    if total == 6:\n        assert total == 6\n"),
    "only outside of pytest": claim("    import sys\n    if 'pytest' not in sys.modules:\n        assert total == 6\n"),
    "a condition that never holds": claim("    if not True:\n        assert total == 6\n"),
    "a way out before it": claim("    if total:\n        return\n    assert total == 6\n"),
    "a way out that is always taken": claim("    if True:\n        return\n    assert total == 6\n"),
    "a loop over nothing": claim("    for _ in []:\n        assert total == 6\n"),
    "a loop over an empty range": claim("    for _ in range(0):\n        assert total == 6\n"),
    "the failure is expected": claim("    with pytest.raises(AssertionError):\n        assert total == 6\n"),
    "any failure is expected": claim("    with pytest.raises((ValueError, Exception)):\n        assert total == 6\n"),
    "suppressed under another name": claim(
        "    from contextlib import suppress as quietly\n    with quietly(AssertionError):\n        assert total == 6\n"
    ),
    "finally returns": claim("    try:\n        assert total == 6\n    finally:\n        return\n"),
    "except star": claim("    try:\n        assert total == 6\n    except* AssertionError:\n        pass\n"),
    "the code's own errors are swallowed": (
        "    total = price(3)\n    assert total == 6\n",
        "    try:\n        total = price(3)\n        assert total == 6\n    except ValueError:\n        pass\n",
    ),
    "equal to anything": claim("    from unittest.mock import ANY\n    assert total == ANY\n"),
    "equal to itself by another name": claim("    wanted = price(3)\n    assert total == wanted\n"),
    "a list is always true": ("    assert price(1)\n", "    assert [price(1)]\n"),
    "a text is always true": ("    assert price(1)\n", "    assert f'{price(1)}'\n"),
    "one of two": claim("    assert total == 6 if total else True\n"),
    "an assertion of one's own": (
        "    assert total == 6\n\ndef test_all",
        "    assert_equal(total, 6)\n\ndef assert_equal(a, b):\n    pass\n\ndef test_all",
    ),
    "asserts a constant": claim("    import unittest\n    unittest.TestCase().assertEqual(6, 6)\n"),
    "wrapped by a decorator": ("def test_price", "def quiet(f):\n    return lambda: None\n\n@quiet\ndef test_price"),
    "a mark by another name": ("def test_price", "later = pytest.mark.xfail\n@later\ndef test_price"),
    "skipped by another name": (CLAIM, "    from pytest import skip as ok\n    ok('x')\n" + CLAIM),
    "bound to something else": ("def test_all", "test_price = lambda: None\n\ndef test_all"),
    "taken away": ("def test_all", "del test_price\n\ndef test_all"),
    "taken out of the module": ("def test_all", "globals()['test_price'] = print\n\ndef test_all"),
    "not collected": ("def test_all", "test_price.__test__ = False\n\ndef test_all"),
    "two, and the first one runs": (
        "def test_price():\n    total = price(3)\n    assert total == 6\n",
        "try:\n    def test_price():\n        pass\nexcept ImportError:\n"
        "    def test_price():\n        total = price(3)\n        assert total == 6\n",
    ),
    "the code is replaced": (
        "def test_price():\n",
        "def test_price(monkeypatch):\n    monkeypatch.setattr('shop.price', lambda n: 6)\n",
    ),
    "the code is replaced by a fixture": (
        "def test_price",
        "@pytest.fixture(autouse=True)\ndef easy(monkeypatch):\n    pass\n\ndef test_price",
    ),
    "the code is replaced before each test": ("def test_price", "def setup_function():\n    pass\n\ndef test_price"),
    "pytest itself is changed": ("CASES", "pytest.Function.runtest = lambda self: None\nCASES"),
    "the code is changed on import": ("CASES", "import shop\nshop.price = lambda n: 6\nCASES"),
    "a plugin": ("CASES", "pytest_plugins = ['shop.plugin']\nCASES"),
    "fewer cases in a loop": ("CASES = [(1, 2), (2, 4)]", "CASES = [(1, 2)]"),
    "no cases in a loop": ("CASES = [(1, 2), (2, 4)]", "CASES = []"),
    "what is expected is computed otherwise": ("    return 2 * n\n", "    return price(n)\n"),
    "a fake that answers otherwise": ("        return 2\n", "        return 3\n"),
    "a comparison of one's own": (
        "        return 2\n",
        "        return 2\n    def __eq__(self, o):\n        return 1\n",
    ),
    "the asserting function is not called": ("    verify(price(3))\n", "    price(3)\n"),
    "the imported function is not called": ("    check_total(price(3))\n", "    price(3)\n"),
}


def of(text: str, path: str = "tests/test_a.py") -> FileTests:
    found = python_tests(path, text.encode())
    assert not found.broken
    return found


@pytest.mark.parametrize("trick", CHEATS)
def test_a_python_test_that_only_looks_as_strong_is_a_loss(trick: str) -> None:
    old, new = CHEATS[trick]
    assert old in PYTHON
    before = of(PYTHON).tests
    assert losses(before, before) == ()
    assert losses(before, of(PYTHON.replace(old, new, 1)).tests), "nothing was noticed"


HONEST = [
    ("    total = price(3)\n", "    total = price(3)\n    if total == 0:\n        raise AssertionError('none')\n"),
    ("    assert total == 6\n\ndef test_all", "    with open('x') as f:\n        assert total == 6\n\ndef test_all"),
    ("    assert price(1)\n", "    if True:\n        assert price(1)\n"),
    ("def test_price", "import os\nos.environ['A'] = '1'\n\n@pytest.mark.slow\ndef test_price"),
    ("    return 2 * n\n", "    # doubled\n    return 2 * n\n"),
]


@pytest.mark.parametrize(("old", "new"), HONEST)
def test_honest_changes_of_a_python_test_are_none(old: str, new: str) -> None:
    assert old in PYTHON
    assert losses(of(PYTHON).tests, of(PYTHON.replace(old, new, 1)).tests) == ()


def test_a_conftest_changes_tests_by_more_than_functions() -> None:
    for text in (
        "from shop.plugin import pytest_pyfunc_call\n",
        "from shop.plugin import *\n",
        "pytest_pyfunc_call = lambda pyfuncitem: True\n",
        "import shop\nshop.price = lambda n: 6\n",
        "import _pytest.python as p\np.Function.runtest = lambda self: None\n",
        "for name in ['price']:\n    setattr(__import__('shop'), name, lambda n: 6)\n",
        "@__import__('pytest').hookimpl\ndef pytest_runtest_call(item):\n    pass\n",
    ):
        found = losses({}, of(text, "tests/conftest.py").tests)
        assert [loss.kind for loss in found] == ["hook"], text
    assert not losses({}, of("import os\nimport sys\nROOT = 'x'\n", "tests/conftest.py").tests)


NODE = """
const test = require('node:test');
const assert = require('node:assert');
const check = (n) => { assert.equal(double(n), 2 * n); };
test('doubles', async () => {
  assert.equal(double(2), 4);
  await assert.rejects(later());
});
test('checked', () => { check(3); });
"""
NODE_CHEATS = {
    "a way out before it": ("  assert.equal(double(2)", "  return;\n  assert.equal(double(2)"),
    "a way out under a condition": ("  assert.equal(dou", "  if (process.env.CI) return;\n  assert.equal(dou"),
    "never": ("  assert.equal(double(2), 4);", "  if (false) { assert.equal(double(2), 4); }"),
    "only under a condition": ("  assert.equal(double(2), 4);", "  if (double(2)) assert.equal(double(2), 4);"),
    "short-circuited": ("  assert.equal(double(2), 4);", "  double(2) && assert.equal(double(2), 4);"),
    "nobody calls it": ("  assert.equal(double(2), 4);", "  const no = () => { assert.equal(double(2), 4) };"),
    "with itself": ("assert.equal(double(2), 4)", "assert.equal(double(2), double(2))"),
    "the failure is caught": ("await assert.rejects(later());", "await assert.rejects(later()).catch(() => {});"),
    "finally returns": ("  assert.equal(double(2), 4);", "  try { assert.equal(double(2), 4); } finally { return; }"),
    "a loop over nothing": ("  assert.equal(double(2), 4);", "  for (const x of []) { assert.equal(double(2), 4); }"),
    "the checking function checks nothing": ("{ assert.equal(double(n), 2 * n); }", "{ double(n); }"),
    "the checking function is not called": ("{ check(3); }", "{ double(3); }"),
    "assert is another": ("const assert = require('node:assert');", "const assert = { equal() {}, rejects() {} };"),
    "assert is changed": ("const check", "assert.equal = () => {};\nconst check"),
    "assert is changed by a call": ("const check", "Object.assign(assert, { equal() {} });\nconst check"),
    "the code is replaced": ("test('checked', () => {", "test('checked', (t) => { t.mock.method(lib, 'double');"),
}  # fmt: skip


@pytest.mark.parametrize("trick", NODE_CHEATS)
def test_a_javascript_test_that_only_looks_as_strong_is_a_loss(trick: str) -> None:
    old, new = NODE_CHEATS[trick]
    assert old in NODE
    before = javascript_tests("test/a.test.js", NODE.encode()).tests
    assert losses(before, before) == ()
    assert losses(before, javascript_tests("test/a.test.js", NODE.replace(old, new, 1).encode()).tests)


def test_a_test_that_may_fail_by_now_is_a_loss_whatever_its_file_says() -> None:
    found = lost_cases({"t.py::a": "failed", "t.py::b": "passed"}, {"t.py::a": "xfailed", "t.py::b": "passed"}, ())
    assert [(loss.kind, loss.test) for loss in found] == [("skipped", "t.py::a")]


SETTINGS = {
    "one file of all": ("pytest.ini", "[pytest]\naddopts = tests/test_b.py\n"),
    "only set up": ("pytest.ini", "[pytest]\naddopts = -q --setup-plan\n"),
    "another configuration": ("pytest.ini", "[pytest]\naddopts = --config-file=other.ini\n"),
    "overridden": ("pytest.ini", "[pytest]\naddopts = -o python_functions=never\n"),
    "the last failed": ("pytest.ini", "[pytest]\naddopts = --lf\n"),
    "no conftest": ("pytest.ini", "[pytest]\naddopts = --noconftest\n"),
    "other modules first": ("pytest.ini", "[pytest]\npythonpath = fakes\n"),
    "a fixture for all": ("pytest.ini", "[pytest]\nusefixtures = easy\n"),
    "a newer kind of file": ("pytest.toml", "[pytest]\naddopts = ['-k', 'nothing']\n"),
    "a hidden one": (".pytest.toml", "[pytest]\npython_functions = ['never_*']\n"),
    "its own table": ("pyproject.toml", "[tool.pytest]\naddopts = ['--deselect=tests/test_a.py']\n"),
    "what another parser reads": ("pytest.ini", "[pytest]\naddopts = -k x\n[pytest2\n"),
    "before the tests": ("package.json", '{"scripts": {"test": "node --test", "pretest": "node cheat.js"}}'),
}


@pytest.mark.parametrize("trick", SETTINGS)
def test_settings_that_change_what_is_run_are_losses(trick: str) -> None:
    path, text = SETTINGS[trick]
    old = runner_settings(path, '{"scripts": {"test": "node --test"}}' if path == "package.json" else "")
    assert settings_losses(old, runner_settings(path, text), path, {"tests/test_a.py", "tests/test_b.py"})


def test_a_file_of_settings_that_takes_the_place_of_another_is_a_loss() -> None:
    """The newest kind comes first: an empty one turns off what the older one says."""
    assert settings_losses({}, runner_settings("pytest.toml", "[pytest]\n"), "pytest.toml", {"tests/test_a.py"})
    old = runner_settings("pytest.ini", "[pytest]\nxfail_strict = true\nfilterwarnings = error\n")
    found = settings_losses(old, runner_settings("pytest.ini", "[pytest]\n"), "pytest.ini", {"tests/test_a.py"})
    assert len(found) == 2
