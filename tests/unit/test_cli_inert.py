"""Text from models, tests and files cannot act upon the terminal."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miracle_tui.cli.console import say, table, tell
from miracle_tui.cli.inert import inert, one_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, ünïcode and 漢字", "plain, ünïcode and 漢字"),
        ("\x1b[2Jwiped", "␛[2Jwiped"),
        ("\x1b]52;c;cGF5bG9hZA==\x07", "␛]52;c;cGF5bG9hZA==␇"),
        ("\x9b31mred", "�31mred"),
        ("safe\rFAKED", "safe\nFAKED"),
        ("a\tb", "a    b"),
        ("left\u202eright", "left�right"),
        ("\ud800", "�"),
        ("ls\U000e0072\U000e006d", "ls��"),
        ("a\u00ad\u3164b", "a��b"),
        ("e" + "\u0301" * 90, "e" + "\u0301" * 4),
        ("\x7f", "␡"),
    ],
)
def test_characters_that_act_are_made_visible(text: str, shown: str) -> None:
    assert inert(text) == shown


@given(st.text())
def test_nothing_that_acts_is_left(text: str) -> None:
    for character in inert(text):
        assert character == "\n" or unicodedata.category(character) not in ("Cc", "Cs"), repr(character)
        assert unicodedata.bidirectional(character) not in (
            "LRO",
            "RLO",
            "LRE",
            "RLE",
            "PDF",
            "LRI",
            "RLI",
            "FSI",
            "PDI",
        )


@given(st.text(), st.integers(min_value=1, max_value=50))
def test_one_line_is_one_line_within_its_limit(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert "\n" not in line
    assert len(line) <= limit


def test_one_line_says_that_it_was_cut() -> None:
    assert one_line("x" * 500, 10) == "xxxxxxxxx…"


def test_one_line_of_a_huge_text_is_quick_and_short() -> None:
    assert len(one_line("word " * 10_000_000, 100)) <= 100


def test_what_is_printed_is_harmless_whoever_made_the_names(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [("\x1b[2Jrun\nFORGED  line", "\u202eoutcome", "ok"), ("run", "red", "\x9b31m")]
    say(table(rows, ("RUN", "OUTCOME", "WHAT")))
    tell(["\x1b]52;c;x\x07"])
    told, errors = capsys.readouterr()
    assert told.split("\n")[1:] == ["␛[2Jrun FORGED  line  �outcome  ok", "run                   red       �31m", ""]
    assert errors == "␛]52;c;x␇\n"
