"""search finds lines, and no pattern can hang it, eat the memory, or reach outside."""

import asyncio
import json
import os
import time
from pathlib import Path

import pytest

from engine.tools import search
from engine.tools.registry import all_tools, call_tool
from engine.tools.tool import ToolContext, ToolResult

TOOLS = all_tools()


async def find(root: Path, **arguments: object) -> ToolResult:
    return await call_tool(ToolContext(root, "coder"), "search", json.dumps(arguments), TOOLS)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "a.py").write_text("alpha = 1\nbeta = (2)\n")
    (tmp_path / "src" / "b.py").write_text("gamma = alpha\n")
    (tmp_path / "bin").write_bytes(b"alpha\0")
    (tmp_path / "out").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


async def test_lines_are_found_with_their_place(root: Path) -> None:
    assert (await find(root, pattern=r"alph\w")).output == "a.py:1: alpha = 1\nsrc/b.py:1: gamma = alpha"
    assert (await find(root, pattern="alpha", files="src/**")).output == "src/b.py:1: gamma = alpha"
    assert (await find(root, pattern="(2)", literal=True)).output == "a.py:2: beta = (2)"
    assert (await find(root, pattern="BETA", ignore_case=True)).output == "a.py:2: beta = (2)"
    assert (await find(root, pattern="root:")).output == "No match."


async def test_a_broken_pattern_is_explained(root: Path) -> None:
    result = await find(root, pattern="(")
    assert not result.ok
    assert "unterminated" in result.output
    assert "literal=true" in result.output


async def test_a_catastrophic_pattern_is_stopped_and_the_loop_stays_alive(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "TIMEOUT_S", 1.5)
    (root / "zz.txt").write_text("x = " + "a" * 60 + "!\n")
    begun = time.monotonic()
    waiting = asyncio.create_task(find(root, pattern="(a+)+$|alpha ="))
    longest = 0.0
    while not waiting.done():
        before = time.monotonic()
        await asyncio.sleep(0.01)
        longest = max(longest, time.monotonic() - before)
    result = await waiting
    assert time.monotonic() - begun < 10
    assert longest < 1
    assert "a.py:1: alpha = 1" in result.output
    assert "[stopped after 1.5 s" in result.output


async def test_a_cancelled_search_leaves_nothing_behind(root: Path) -> None:
    (root / "zz.txt").write_text("a" * 60 + "!\n")
    waiting = asyncio.create_task(find(root, pattern="(a+)+$"))
    await asyncio.sleep(0.5)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


@pytest.mark.parametrize(
    "pattern", ["((((a{100}){100}){100}){100})", "(" * 250 + ")" * 250, "a{4294967296}", "[" * 400]
)
async def test_patterns_that_are_dear_to_compile_do_no_harm(root: Path, pattern: str) -> None:
    result = await find(root, pattern=pattern)
    assert result.output


async def test_many_matches_are_cut_with_a_note(root: Path) -> None:
    (root / "many.txt").write_text("hit\n" * 1000)
    lines = (await find(root, pattern="hit")).output.splitlines()
    assert len(lines) == 201
    assert lines[-1].startswith("[cut: the first 200 matches")
    (root / "long.txt").write_text(("wide" + "x" * 5000 + "\n") * 100)
    assert len((await find(root, pattern="wide")).output) < 16_300
