"""create_file, read_file and list_files, and the glob patterns under them."""

import fnmatch
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ToolError
from engine.tools.globs import compiled
from engine.tools.registry import all_tools, call_tool
from engine.tools.tool import ToolContext, ToolResult
from engine.workspace.outline import file_listing

TOOLS = all_tools()


async def call(root: Path, name: str, **arguments: object) -> ToolResult:
    return await call_tool(ToolContext(root, "coder"), name, json.dumps(arguments), TOOLS)


async def test_a_file_is_created_with_its_folders(tmp_path: Path) -> None:
    result = await call(tmp_path, "create_file", path="a/b/c.py", content="x\ny")
    assert (result.ok, result.output, result.target) == (True, "Created a/b/c.py (2 lines).", "a/b/c.py")
    assert (tmp_path / "a/b/c.py").read_text() == "x\ny"


async def test_new_files_belong_to_the_owner_of_the_worktree(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        os.chown(tmp_path, 61000, 61000)
    await call(tmp_path, "create_file", path="a/b.py", content="x")
    made = [tmp_path / "a", tmp_path / "a/b.py"]
    assert {os.stat(path).st_uid for path in made} == {os.stat(tmp_path).st_uid}


async def test_an_existing_file_is_replaced_only_on_request(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("old")
    refused = await call(tmp_path, "create_file", path="f", content="new")
    assert not refused.ok
    assert "overwrite=true" in refused.output
    assert (tmp_path / "f").read_text() == "old"
    assert (await call(tmp_path, "create_file", path="f", content="new", overwrite=True)).ok
    assert (tmp_path / "f").read_text() == "new"


@pytest.mark.parametrize(("content", "says"), [("a\0", "NUL"), ("\ud800", "surrogate"), ("x" * 1_000_001, "at most")])
async def test_content_that_is_no_text_is_refused(tmp_path: Path, content: str, says: str) -> None:
    result = await call(tmp_path, "create_file", path="f", content=content)
    assert not result.ok
    assert says in result.output
    assert os.listdir(tmp_path) == []


async def test_lines_are_numbered_and_ranges_kept(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("".join(f"line {number}\n" for number in range(1, 11)))
    result = await call(tmp_path, "read_file", path="f", start_line=9, end_line=99)
    assert result.output == "     9\tline 9\n    10\tline 10"
    assert "past its end" in (await call(tmp_path, "read_file", path="f", start_line=11)).output
    assert "before start_line" in (await call(tmp_path, "read_file", path="f", start_line=5, end_line=4)).output
    (tmp_path / "empty").touch()
    assert (await call(tmp_path, "read_file", path="empty")).output == "empty is empty."


async def test_a_long_file_is_cut_at_a_line_and_says_where_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x" * 99 + "\n")
    (tmp_path / "long").write_text(("x" * 99 + "\n") * 1000)
    result = await call(tmp_path, "read_file", path="long")
    assert len(result.output) < 16_200
    number = int(result.output.rsplit("start_line=", 1)[1].rstrip("]"))
    again = await call(tmp_path, "read_file", path="long", start_line=number)
    assert again.output.startswith(f"{number:>6}\t")


async def test_binary_and_huge_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "bin").write_bytes(bytes(range(256)))
    (tmp_path / "huge").write_bytes(b"x" * (5 * 2**20 + 1))
    assert "not UTF-8" in (await call(tmp_path, "read_file", path="bin")).output
    assert "larger than" in (await call(tmp_path, "read_file", path="huge")).output


async def test_files_are_listed_by_pattern(tmp_path: Path) -> None:
    for name in (
        "a.py",
        "src/b.py",
        "src/deep/c.py",
        "src/d.md",
        "node_modules/x.py",
        "src/__pycache__/y.py",
        ".git/z.py",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "link.py").symlink_to("/etc/passwd")
    (tmp_path / "out").symlink_to("/etc")

    async def names(pattern: str) -> list[str]:
        return [
            line.split(" ")[0] for line in (await call(tmp_path, "list_files", pattern=pattern)).output.splitlines()
        ]

    assert await names("*.py") == ["a.py", "link.py", "src/b.py", "src/deep/c.py"]
    assert await names("src/*.py") == ["src/b.py"]
    assert await names("src") == await names("src/**") == ["src/b.py", "src/d.md", "src/deep/c.py"]
    assert "link.py (link)" in (await call(tmp_path, "list_files")).output
    assert (await call(tmp_path, "list_files", pattern="*.rs")).output == "No file matches *.rs."


async def test_long_listings_are_cut_with_a_note(tmp_path: Path) -> None:
    for number in range(600):
        (tmp_path / f"{number:04}.txt").touch()
    result = await call(tmp_path, "list_files")
    assert result.output.splitlines()[-1] == "[cut: 500 of 600 files are shown; use a narrower pattern]"
    assert (await file_listing(tmp_path, 10)).splitlines()[-1] == "... and 590 more files"


@pytest.mark.parametrize("pattern", ["/etc/*", "../*", "a/../../b", "x" * 301])
async def test_patterns_that_lead_out_are_refused(tmp_path: Path, pattern: str) -> None:
    assert not (await call(tmp_path, "list_files", pattern=pattern)).ok


@given(
    name=st.text(alphabet="ab.[]", min_size=1, max_size=8), pattern=st.text(alphabet="ab.*?", min_size=1, max_size=8)
)
def test_within_a_name_patterns_mean_what_fnmatch_means(name: str, pattern: str) -> None:
    try:
        ours = compiled(f"x/{pattern}").fullmatch(f"x/{name}") is not None
    except ToolError:
        assert pattern == ".."
        return
    if "**" not in pattern:
        assert ours == fnmatch.fnmatchcase(name, pattern)


@pytest.mark.parametrize(
    "pattern", ["**/" * 90 + "x", "*" * 299 + "x", "*a" * 149 + "x", "**/*a/" * 40 + "x", "?*" * 150]
)
def test_no_pattern_is_slow(pattern: str) -> None:
    for path in ("a/" * 200 + "b", "a" * 255 + "b", ("a" * 100 + "/") * 30):
        compiled(pattern).fullmatch(path)
    assert compiled(pattern).fullmatch("a/" * 200 + "b") is None


PATTERNS = st.lists(st.sampled_from(["a", "b", "*", "a*", "*.py", "**", "?"]), min_size=2, max_size=6)
NAMES = st.lists(st.sampled_from(["a", "b", "ab", "c.py"]), min_size=1, max_size=6)


def means(pattern: tuple[str, ...], path: tuple[str, ...]) -> bool:
    """What a pattern means, by definition: `**` stands for any folders, and at the end for all that is below."""
    if not pattern:
        return not path
    if set(pattern) == {"**"}:
        return bool(path)
    if pattern[0] == "**":
        return any(means(pattern[1:], path[skipped:]) for skipped in range(len(path) + 1))
    return bool(path) and fnmatch.fnmatchcase(path[0], pattern[0]) and means(pattern[1:], path[1:])


@given(path=NAMES, pattern=PATTERNS)
def test_patterns_over_folders_mean_what_they_say(path: list[str], pattern: list[str]) -> None:
    found = compiled("/".join(pattern)).fullmatch("/".join(path))
    assert (found is not None) == means(tuple(pattern), tuple(path))
