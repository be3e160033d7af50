"""Untrusted text may not steer the terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from tests.widget_fixtures import HOSTILE, WEAPONS, assert_inert
from widgets.inert import colours_only, inert, inert_line


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_disarmed(text: str) -> None:
    assert_inert(inert(text))
    assert_inert(inert_line(text))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("plain [/foo] text", "plain [/foo] text"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("\x1b]52;c;ZXZpbA==\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[1;1Hx", "x"),
        ("\x1bcx", "x"),
        ("\x1b(Bx", "x"),
        ("a\x00b", "a␀b"),
        ("a\r\nb", "a\nb"),
        ("é漢", "é漢"),
        ("ls\U000e0072\U000e006d", "ls��"),
        ("a\u00ad\u3164b", "a��b"),
        ("e" + "\u0301" * 90, "e" + "\u0301" * 4),
        ("👩‍💻 नमस्ते", "👩‍💻 नमस्ते"),
        ("\x1b]0;unended\nnext", "\nnext"),
    ],
)
def test_only_what_is_dangerous_goes(text: str, left: str) -> None:
    assert inert(text) == left


@given(st.text(st.characters() | st.sampled_from("".join(WEAPONS) + "[]0;m\\\n"), max_size=60))
def test_nothing_dangerous_survives(text: str) -> None:
    assert_inert(inert(text))
    assert inert(inert(text)) == inert(text)
    assert "\n" not in inert_line(text)
    inert(text).encode("utf-8")


@given(st.text(st.characters() | st.sampled_from("\x1b[]31;m"), max_size=60))
def test_colours_are_all_that_is_left_live(text: str) -> None:
    shown = Text.from_ansi(colours_only(text.replace("\n", " "))).plain
    assert_inert(shown)


def test_a_long_line_is_cut() -> None:
    assert inert_line("x" * 5000, 10) == "x" * 9 + "…"
