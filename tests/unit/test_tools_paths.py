"""No path that a model writes leads out of the worktree, or to what belongs to git or Miracle."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import ToolError
from engine.tools.registry import call_tool, tools_for
from engine.tools.tool import ToolContext, checked_path
from sandbox.errors import SandboxError

PARTS = st.sampled_from(
    ["..", ".", "", "a", "b.py", ".git", ".GIT", ".miracle", "link", "~", "\0", "\n", "ü", "x" * 300, "\u202e"]
)
PATHS = st.one_of(st.lists(PARTS, max_size=6).map("/".join), st.text(max_size=40))
TOOLS = tools_for(["create_file", "edit_file", "read_file"])


@given(path=PATHS)
def test_an_accepted_path_stays_inside(path: str) -> None:
    try:
        checked = checked_path(path)
    except (ToolError, SandboxError):
        return
    assert os.path.normpath(f"/root/{checked}") == f"/root/{checked}"
    assert not {".git", ".miracle"} & {part.casefold() for part in checked.split("/")}
    assert not any(ord(letter) < 32 for letter in checked)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(path=PATHS, name=st.sampled_from(sorted(TOOLS)))
async def test_no_path_touches_anything_outside(tmp_path: Path, path: str, name: str) -> None:
    root = tmp_path / "outer" / "worktree"
    if not root.exists():
        root.mkdir(parents=True)
        (tmp_path / "secret").write_text("secret")
        (root / "link").symlink_to(tmp_path)
    arguments = {
        "create_file": {"path": path, "content": "c", "overwrite": True},
        "edit_file": {"path": path, "old": "secret", "new": "x"},
        "read_file": {"path": path},
    }[name]
    result = await call_tool(ToolContext(root, "coder"), name, json.dumps(arguments), TOOLS)
    assert "secret" not in result.output or "`old`" in result.output
    assert sorted(os.listdir(tmp_path)) == ["outer", "secret"]
    assert (tmp_path / "secret").read_text() == "secret"
    assert os.listdir(tmp_path / "outer") == ["worktree"]
    assert not (root / ".git").exists()


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/etc/passwd", "not a path inside"),
        ("../x", "leads out"),
        ("a/../../x", "leads out"),
        ("~/x", "not a path inside"),
        ("", "empty"),
        (".", "empty"),
        ("a\0b", "control character"),
        ("a\x1b]52;c;x\x07", "control character"),
        (".git/config", "closed to tools"),
        ("sub/.Git/hooks/x", "closed to tools"),
        (".miracle/settings.yaml", "closed to tools"),
        ("x" * 256, "longer than 255 bytes"),
        ("x/" * 600, "at most 1,000"),
        ("link/secret", "link"),
        ("pipe", "regular file"),
        ("folder", "a folder"),
        ("gone.txt", "does not exist"),
    ],
)
async def test_a_refusal_says_why(tmp_path: Path, path: str, says: str) -> None:
    (tmp_path / "link").symlink_to("/etc")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    result = await call_tool(ToolContext(tmp_path, "coder"), "read_file", json.dumps({"path": path}), TOOLS)
    assert (result.ok, result.strike) == (False, False)
    assert says in result.output
