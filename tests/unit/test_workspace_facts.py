"""What is found in an existing project, and how much of a hostile or huge one is looked at."""

import os
import time
from pathlib import Path

import pytest

from engine.workspace.facts import project_facts
from engine.workspace.outline import walk_files


def lay(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


@pytest.mark.parametrize(
    ("files", "language", "kind", "command"),
    [
        ({}, None, "none", ()),
        ({"app.py": ""}, "python", "none", ()),
        ({"app.py": "", "pytest.ini": "[pytest]\n"}, "python", "pytest", ("python", "-m", "pytest")),
        ({"app.py": "", "tox.ini": "[pytest]\n"}, "python", "pytest", ("python", "-m", "pytest")),
        ({"app.py": "", "setup.cfg": "[tool:pytest]\n"}, "python", "pytest", ("python", "-m", "pytest")),
        ({"pyproject.toml": "[tool.pytest.ini_options]\n"}, "python", "pytest", ("python", "-m", "pytest")),
        ({"a.py": "", "tests/test_a.py": ""}, "python", "pytest", ("python", "-m", "pytest")),
        ({"a.py": "", "conftest.py": ""}, "python", "none", ()),
        ({"a.py": "", "Makefile": "all:\n\ntest: all\n\techo\n"}, "python", "command", ("make", "test")),
        ({"a.py": "", "Makefile": "test := 1\ntests:\n"}, "python", "none", ()),
        ({"a.js": "", "package.json": '{"scripts": {"test": "node --test test/"}}'}, "node", "node",
         ("node", "--test", "test/")),
        ({"a.js": "", "package.json": '{"scripts": {"test": "mocha"}}'}, "node", "command",
         ("npm", "test", "--silent")),
        ({"a.ts": "", "package.json": '{"scripts": {"test": "TZ=UTC vitest run --config b.ts"}}'}, "node", "vitest",
         ("TZ=UTC", "vitest", "--config", "b.ts")),
        ({"a.js": "", "package.json": '{"scripts": {"test": "echo Error: no test specified"}}'}, "node", "none", ()),
        ({"a.js": "", "a.test.mjs": ""}, "node", "node", ("node", "--test")),
        ({"package.json": "{"}, "node", "none", ()),
        ({"package.json": "[" * 9999, "pyproject.toml": "broken = ["}, "node", "none", ()),
        ({"a.py": "", "tox.ini": "no section\n", "setup.cfg": "[x\n"}, "python", "none", ()),
    ],
)  # fmt: skip
async def test_the_test_command_is_found(
    tmp_path: Path, files: dict[str, str], language: str | None, kind: str, command: tuple[str, ...]
) -> None:
    facts = await project_facts(lay(tmp_path, files))
    assert (facts.language, facts.test_kind, facts.test_command) == (language, kind, command)
    assert facts.files == len(files)


async def test_conventions_are_told(tmp_path: Path) -> None:
    lay(tmp_path, {
        "src/pkg/a.py": "",
        "tests/test_a.py": "",
        "pyproject.toml": '[project]\nrequires-python = ">=3.11"\n[tool.ruff]\nline-length = 99\n[tool.mypy]\n',
        "AGENTS.md": "Use tabs.\n" + "x" * 5000,
        ".editorconfig": "",
    })  # fmt: skip
    facts = await project_facts(tmp_path)
    told = "\n".join(facts.conventions)
    for words in (
        "under src/",
        "ruff, mypy, EditorConfig",
        "at most 99 characters",
        ">=3.11",
        "AGENTS.md says:\nUse tabs.",
    ):
        assert words in told
    assert told.endswith("[...]")
    assert len(told) < 2_500
    assert facts.test_files == ("tests/test_a.py",)


async def test_links_and_special_files_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "AGENTS.md").symlink_to("/etc/passwd")
    (tmp_path / "package.json").mkdir()
    os.mkfifo(tmp_path / "pyproject.toml")
    (tmp_path / "loop").symlink_to(tmp_path)
    facts = await project_facts(tmp_path)
    assert facts.conventions == ()
    assert facts.language is None


def test_a_walk_is_bounded_in_entries_and_time(tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / f"{number}").touch()
    assert len(list(walk_files(tmp_path, limit=100))) == 100
    begun = time.monotonic()
    assert list(walk_files(tmp_path, timeout_s=0)) == []
    assert time.monotonic() - begun < 1
