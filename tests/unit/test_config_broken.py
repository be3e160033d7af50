"""Every broken file is an error that names file, key and line."""

import contextlib
import os
import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.documents import read_document
from config.errors import ConfigFileError
from tests.config_fixtures import Files

BROKEN = [
    ("settings.yaml", "sandbox:\n  cpu_limit: [1\n", 3, "", "not valid YAML"),
    ("settings.yaml", "sandbox:\n\tcpu_limit: 1\n", 2, "", "not valid YAML"),
    ("settings.yaml", "sandbox:\n  cpu_limit: 1\n  cpu_limt: 1\n", 3, "sandbox.cpu_limt", "did you mean cpu_limit?"),
    ("settings.yaml", "sandbx: {}\nmemory:\n  nothing: 1\n", 3, "memory.nothing", "unknown key"),
    ("settings.yaml", "colour: red\n", 1, "colour", "unknown key"),
    ("settings.yaml", "sandbox: strong\n", 1, "sandbox", "should hold keys and values"),
    ("settings.yaml", "\n\nsandbox:\n  cpu_limit: many\n", 4, "sandbox.cpu_limit", "valid number"),
    ("settings.yaml", "orchestrator:\n  max_iterations: yes\n", 2, "orchestrator.max_iterations", "not true or false"),
    ("settings.yaml", "orchestrator:\n  max_iterations: 0\n", 2, "orchestrator.max_iterations", "greater than"),
    ("settings.yaml", "cost_control:\n  max_budget_per_task: .inf\n", 2, "cost_control.max_budget_per_task", "finite"),
    ("settings.yaml", "sandbox:\n  memory_limit: 1 GB\n", 2, "sandbox.memory_limit", "pattern"),
    ("settings.yaml", "agents:\n  approve: maybe\n", 2, "agents.approve", "'ask', 'safe' or 'all'"),
    ("settings.yaml", "- a\n- b\n", 1, "", "not a list"),
    ("settings.yaml", "agents:\n  audit: true\n  audit: false\n", 3, "agents.audit", "stands twice, first on line 2"),
    ("settings.yaml", "a: &x {b: 1}\nc: *x\n", 1, "c", "aliases"),
    ("settings.yaml", "1: a\n", 1, "", "plain text"),
    ("settings.yaml", "a: " + "[" * 50 + "]" * 50, 1, "a.0.0.0.0.0.0.0", "too deeply"),
    ("settings.yaml", "a: !!python/object:os.system {}\n", 1, "", "not valid YAML"),
    ("settings.yaml", "a: 2020-99-99\n", None, "", "not usable YAML"),
    ("system_prompts.yaml", "coder: ' '\n", 1, "coder", "not empty"),
    ("system_prompts.yaml", "planner: x\ncoder: [1]\n", 2, "coder", "should be text"),
    ("system_prompts.yaml", "planner: x\ncodr: y\n", 2, "codr", "unknown agent; did you mean coder?; known are repro"),
    ("openai.yaml", "models:\n  codr: m\n", 2, "models.codr", "replanner, default, embedding"),
    ("openai.yaml", "\nagents: {nosuch: {}}\n", 2, "agents", "unknown key"),
    ("openai.yaml", "models:\n  coder: {}\n", 2, "models.coder", "valid string"),
    ("allowed_deps.json", '{\n  "python": {\n    "allowed": [1,]\n  }\n}', 3, "", "not valid JSON"),
    ("allowed_deps.json", '{\n\t"python": {\n\t\t"alowed": []\n\t}\n}', 3, "python.alowed", "did you mean allowed?"),
    ("allowed_deps.json", '{"node": {\n"allowed": "express"}}', 2, "node.allowed", "valid tuple"),
    ("safety_rules.yaml", "bandit:\n  HIGH: shout\n", 2, "bandit.HIGH", "should be 'blocked'"),
    ("database.yaml", "postgresql:\n  url: [1]\n", 2, "postgresql.url", "valid string"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "line", "key", "problem"), BROKEN)
def test_broken_files(files: Files, name: str, text: str, line: int | None, key: str, problem: str) -> None:
    path = files.write(name, text)
    with pytest.raises(ConfigFileError) as caught:
        files.load()
    error = caught.value
    assert (error.path, error.line) == (path, line)
    assert problem in error.title
    assert error.key == key
    assert str(path) in error.title
    assert "miracle config check" in error.hint


def test_an_error_never_shows_a_secret(files: Files) -> None:
    files.write("openai.yaml", "api:\n  key: [sk-0123456789abcdef0123]\n")
    with pytest.raises(ConfigFileError) as caught:
        files.load()
    assert "sk-0123" not in "".join(traceback.format_exception(caught.value))


def test_what_is_no_text_file(files: Files) -> None:
    path = files.user / "settings.yaml"
    path.mkdir(parents=True)
    with pytest.raises(ConfigFileError, match="is not a file"):
        files.load()
    path.rmdir()
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigFileError, match="not UTF-8"):
        files.load()
    path.write_bytes(b"#" * 2_000_000)
    with pytest.raises(ConfigFileError, match="2,000,000 bytes"):
        files.load()


def test_a_pipe_in_a_project_does_not_hang(files: Files) -> None:
    (files.project / ".miracle").mkdir()
    os.mkfifo(files.project / ".miracle" / "settings.yaml")
    with pytest.raises(ConfigFileError, match="is not a file"):
        files.load()


def test_a_file_where_the_folder_should_be(files: Files) -> None:
    (files.project / ".miracle").write_text("")
    assert files.load().settings.sandbox.cpu_limit == 1


def test_deep_nesting_does_not_overflow(files: Files) -> None:
    files.write_project("settings.yaml", "[" * 100_000)
    with pytest.raises(ConfigFileError):
        files.load()


@given(text=st.text(alphabet=st.sampled_from("ab:{}[]-&*!'\"#|> \n\t\x00é1"), max_size=80), json=st.booleans())
def test_any_text_is_read_or_refused(text: str, json: bool, tmp_path_factory: pytest.TempPathFactory) -> None:
    path: Path = tmp_path_factory.getbasetemp() / ("any.json" if json else "any.yaml")
    path.write_text(text, encoding="utf-8")
    document = None
    with contextlib.suppress(ConfigFileError):
        document = read_document(path, "settings")
    assert document is None or set(document.values) == {key[1] for key in document.lines if len(key) == 2}
