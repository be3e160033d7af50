"""edit_file replaces one exact, unique piece, and says what is wrong otherwise."""

from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.errors import ToolError
from engine.tools.edit_file import replaced
from engine.tools.registry import call_tool, tools_for
from engine.tools.tool import ToolContext

TEXT = st.text(alphabet="ab\n\t é", max_size=60)
ONCE = TEXT.map(lambda text: f"<{text}>")
"""A piece that no other text here contains."""


def occurrences(text: str, piece: str) -> int:
    """How often a piece begins somewhere in a text, by definition."""
    return sum(text.startswith(piece, place) for place in range(len(text)))


@given(before=TEXT, old=TEXT.filter(bool), after=TEXT, new=TEXT)
def test_a_unique_piece_is_replaced_and_nothing_else(before: str, old: str, after: str, new: str) -> None:
    text = before + old + after
    assume(old != new and occurrences(text, old) == 1)
    assert replaced(text, old, new, "f") == before + new + after


@given(text=TEXT, old=TEXT.filter(bool), new=TEXT)
def test_anything_but_one_occurrence_is_refused_with_the_count(text: str, old: str, new: str) -> None:
    count = occurrences(text, old)
    assume(old != new and count != 1)
    with pytest.raises(ToolError) as caught:
        replaced(text, old, new, "f")
    assert (f"occurs {count} times" if count else "does not occur") in caught.value.title


@given(before=TEXT, old=ONCE, after=TEXT, new=TEXT)
def test_an_edit_can_be_taken_back(before: str, old: str, after: str, new: str) -> None:
    put = f"{{{new}}}"
    changed = replaced(before + old + after, old, put, "f")
    assert replaced(changed, put, old, "f") == before + old + after


@given(before=TEXT, old=ONCE, after=TEXT, new=TEXT)
def test_windows_line_ends_are_kept(before: str, old: str, after: str, new: str) -> None:
    text = before + old + after + "\n"
    result = replaced(text.replace("\n", "\r\n"), old, new, "f")
    assert result == replaced(text, old, new, "f").replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("", "x", "empty"),
        ("a = 1", "a = 1", "equal"),
        ("a = 1\n", "b", "occurs 2 times in f.py, at lines 1, 4"),
        ("\treturn a\n", "b", "differs in its indentation at line 3"),
        ("def g():\n    pass", "b", "at line 2:\n     1\ta = 1\n     2\tdef g():"),
        ("def h(x):\n", "b", "The nearest is line 2"),
        ("nothing like it at all", "b", "Nothing in it is similar"),
    ],
)
def test_the_message_helps_to_correct(old: str, new: str, says: str) -> None:
    with pytest.raises(ToolError) as caught:
        replaced("a = 1\ndef g():\n    return a\na = 1\n", old, new, "f.py")
    assert says in caught.value.title


async def test_a_file_is_edited_in_place(tmp_path: Path) -> None:
    file = tmp_path / "run.sh"
    file.write_text("one\ntwo\nthree\n")
    file.chmod(0o755)
    raw = '{"path": "./run.sh", "old": "two", "new": "2"}'
    result = await call_tool(ToolContext(tmp_path, "coder"), "edit_file", raw, tools_for(["edit_file"]))
    assert (result.ok, result.target, result.output) == (True, "run.sh", "Edited run.sh at line 2.")
    assert file.read_text() == "one\n2\nthree\n"
    assert file.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a\0b"])
async def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "f").write_bytes(content)
    raw = '{"path": "f", "old": "a", "new": "b"}'
    result = await call_tool(ToolContext(tmp_path, "coder"), "edit_file", raw, tools_for(["edit_file"]))
    assert not result.ok
    assert not result.strike
    assert (tmp_path / "f").read_bytes() == content
