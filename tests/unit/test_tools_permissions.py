"""Who may write what: the tester only tests, the coder no tests of others, nobody the person's own."""

import json
from pathlib import Path

import pytest

from engine.tools.registry import all_tools, call_tool
from engine.tools.tool import ToolContext, ToolResult
from engine.workspace.testfiles import is_test_file

TOOLS = all_tools()


async def create(context: ToolContext, path: str) -> ToolResult:
    raw = json.dumps({"path": path, "content": "x\n", "overwrite": True})
    return await call_tool(context, "create_file", raw, TOOLS)


@pytest.mark.parametrize("path", ["tests/test_a.py", "./tests//test_a.py"])
async def test_the_coder_cannot_write_the_testers_files(tmp_path: Path, path: str) -> None:
    context = ToolContext(tmp_path, "coder", read_only=frozenset({"tests/test_a.py"}))
    result = await create(context, path)
    assert not result.ok
    assert "read-only for you" in result.output
    assert not (tmp_path / "tests").exists()
    assert (await create(context, "src/app.py")).ok


async def test_the_coder_cannot_edit_them_either(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text("assert 1\n")
    raw = json.dumps({"path": "test_a.py", "old": "1", "new": "True"})
    result = await call_tool(
        ToolContext(tmp_path, "coder", read_only=frozenset({"test_a.py"})), "edit_file", raw, TOOLS
    )
    assert not result.ok
    assert (tmp_path / "test_a.py").read_text() == "assert 1\n"


@pytest.mark.parametrize("role", ["coder", "tester"])
async def test_the_persons_own_tests_stay(tmp_path: Path, role: str) -> None:
    context = ToolContext(
        tmp_path, role, write_only_tests=role == "tester", existing_tests=frozenset({"tests/test_old.py"})
    )
    result = await create(context, "tests/test_old.py")
    assert not result.ok
    assert "own tests" in result.output


async def test_the_tester_writes_tests_and_nothing_else(tmp_path: Path) -> None:
    context = ToolContext(tmp_path, "tester", write_only_tests=True)
    assert (await create(context, "tests/test_a.py")).ok
    result = await create(context, "src/app.py")
    assert not result.ok
    assert "only write tests" in result.output


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tests/data.json", True),
        ("test_a.py", True),
        ("pkg/a_test.py", True),
        ("conftest.py", True),
        ("lib/a.test.js", True),
        ("lib/a.spec.mjs", True),
        ("__tests__/a.js", True),
        ("lib/test.js", True),
        ("app.py", False),
        ("latest.py", False),
        ("contest.py", False),
        ("src/testing/app.py", False),
        ("attest.js", False),
        ("tests", False),
    ],
)
def test_test_files_are_known_by_name(path: str, expected: bool) -> None:
    assert is_test_file(path) is expected
