"""What is masked, read and fingerprinted of a failure."""

import time

import pytest

from memory.normalise import error_of, fingerprint, frames_of, mask, signature

PYTEST = """\
____ test_total ____

    def test_total():
>       assert total([]) == 0

tests/test_shop.py:7:
_ _ _ _

    def total(items):
>       return items[0] + total(items[1:])
E       IndexError: list index out of range

shop.py:12: IndexError
"""
TRACEBACK = """\
Traceback (most recent call last):
  File "/srv/shop.py", line 3, in main
    total([])
  File "/venv/lib/python3.11/site-packages/lib.py", line 3, in inner
  File "/srv/cart.py", line 9, in total
ValueError: empty
"""
NODE = """\
TypeError [ERR_X]: Cannot read properties of undefined (reading 'length')
    at total (file:///workspace/shop.mjs:3:12)
    at async TestContext.<anonymous> (file:///workspace/shop.test.mjs:9:3)
    at Test.runInAsyncScope (node:internal/test:1:1)
"""


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("/tmp/pytest-3/w/shop.py:12: in total", "shop.py:N: in total"),
        ('File "/a/b/c.py", line 33, in f', 'File "c.py", line N, in f'),
        ("<Shop object at 0x7f0abe30ac80>", "<Shop object at <address>>"),
        ("id 1b4e28ba-2fa1-11d2-883f-0016d3cca427", "id <uuid>"),
        ("at 2026-11-21T09:05:44.173Z x", "at <time> x"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("3 failed in 0.12s", "3 failed in <duration>"),
        ("x\n    at Test.run (node:internal/test:1:1)\n    at f (file:///w/a.mjs:1:2)", "x\n    at f (a.mjs:N)"),
        ("    at async node:internal/test:1:1", ""),
        ("KeyError: 'amount' 42 1.5 /x", "KeyError: 'amount' 42 1.5 /x"),
    ],
)
def test_only_what_differs_between_occurrences_is_masked(text: str, masked: str) -> None:
    assert mask(text) == masked


def test_the_error_is_read_from_reports() -> None:
    assert error_of(PYTEST) == ("IndexError", "list index out of range")
    assert error_of(TRACEBACK) == ("ValueError", "empty")
    assert error_of(NODE) == ("TypeError", "Cannot read properties of undefined (reading 'length')")
    assert error_of("E       assert 3 == 4") == ("AssertionError", "assert 3 == 4")
    assert error_of("nothing") == ("", "")
    own = "E       shop.StockUnderflow: at 3\n\nshop.py:12: StockUnderflow\n"
    assert error_of(own) == ("StockUnderflow", "at 3")


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("Expected values to be strictly equal:\n\n'a' !== 'a-3'\n", "strictly equal: 'a' !== 'a-3'"),
        (
            "Expected values to be strictly equal:\n+ actual - expected\n\n+ 'abcde'\n- 'abc'\n      ^",
            "strictly equal: + 'abcde' - 'abc'",
        ),
    ],
)
def test_an_assertion_of_node_says_which_values_differ(said: str, read: str) -> None:
    place = "    at TestContext.<anonymous> (file:///workspace/slug.test.mjs:30:10)"
    kind, message = error_of(
        f"AssertionError [ERR_ASSERTION]: {said}\n{place}\n    at Test.run (node:internal/test:1:1)"
    )
    assert kind == "AssertionError"
    assert message.endswith(read)


def test_the_projects_own_frames_are_read_outermost_first() -> None:
    assert frames_of(PYTEST) == ("test_shop.py:test_total", "shop.py:total")
    assert frames_of(TRACEBACK) == ("shop.py:main", "cart.py:total")
    assert frames_of(NODE) == ("shop.test.mjs:TestContext.<anonymous>", "shop.mjs:total")
    assert frames_of("") == ()


@pytest.mark.parametrize(
    "piece", [" ", "\n", "/", "/a", "A.", "a", "E   assert ", "x.py:1: in f\n", "def f(\nx.py:1: E\n", "\x00"]
)
def test_no_text_takes_long(piece: str) -> None:
    text = piece * (50_000 // len(piece)) + "x"
    begun = time.process_time()
    mask(text)
    error_of(text)
    frames_of(text)
    assert time.process_time() - begun < 2


def test_a_fingerprint_is_of_the_place_not_of_lines_or_values() -> None:
    moved = PYTEST.replace(":12:", ":99:").replace("\nshop.py:", "\n/elsewhere/shop.py:")
    here = fingerprint("IndexError", "a", frames_of(PYTEST))
    assert fingerprint("IndexError", "b", frames_of(moved)) == here
    assert fingerprint("KeyError", "a", frames_of(PYTEST)) != here
    assert fingerprint("E", "a", ()) != fingerprint("E", "b", ())
    assert signature("KeyError", "'a' at 0x7f0abe30ac80\nmore") == "KeyError: 'a' at <address>"
