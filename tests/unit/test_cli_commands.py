"""Every command explains itself, and everything that a person can type wrong gets a clear answer."""

import ast
import json
import shlex
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from miracle_tui.cli.main import COMMANDS, cli

PARTS = {"configuration": "config", "data": "data", "cache": "cache", "logs": "logs"}
EVERY_HELP = [
    (),
    *((name,) for name in COMMANDS),
    ("config", "show"),
    ("config", "path"),
    ("config", "check"),
    *(("db", name) for name in ("status", "size", "backup", "restore", "rebuild", "prune")),
]


def call(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(cli, arguments, env=environ)


def all_commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from all_commands(command, (*path, name))


@pytest.mark.parametrize("command", EVERY_HELP, ids=" ".join)
def test_help(command: tuple[str, ...]) -> None:
    result = call(*command, "--help")
    assert result.exit_code == 0, result.stderr
    assert "Usage: miracle" in result.stdout


def test_every_top_command_has_examples() -> None:
    bare = [path for path, command in all_commands(cli) if len(path) == 1 and "Examples:" not in (command.epilog or "")]
    assert not bare


def test_every_option_has_a_help_text() -> None:
    silent = [
        (path, option.name)
        for path, command in all_commands(cli)
        for option in command.params
        if isinstance(option, click.Option) and not option.help
    ]
    assert not silent


def test_the_list_of_commands_says_what_the_commands_say() -> None:
    for path, command in all_commands(cli):
        if len(path) == 1:
            assert (command.help or "").strip(), path


@pytest.mark.parametrize("path", [path for path, _ in all_commands(cli) if len(path) == 1], ids=" ".join)
def test_examples_name_options_that_exist(path: tuple[str, ...]) -> None:
    commands = dict(all_commands(cli))
    for line in (commands[path].epilog or "").splitlines():
        words = line.split("  miracle ", 1)[1] if "  miracle " in line else line.split("| miracle ", 1)[-1]
        if words == line:
            continue
        typed = shlex.split(words.split("   ")[0].split(" > ")[0].split(" >> ")[0].split(" | ")[0], comments=False)
        target = commands[tuple(typed[:2])] if tuple(typed[:2]) in commands else commands[(typed[0],)]
        known = {name for option in target.params if isinstance(option, click.Option) for name in option.opts}
        assert {word for word in typed if word.startswith("-") and word != "-"} <= known, line


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("frobnicate", "No such command 'frobnicate'"),
        ("--frobnicate", "No such option '--frobnicate'"),
        ("run", "Missing option '-t'"),
        ("run -t x --frobnicate", "No such option '--frobnicate'"),
        ("run -t x -p game", "'game' is not one of 'web_app'"),
        ("run -t x -l cobol", "'cobol' is not one of 'python', 'node'"),
        ("run -t x --approve maybe", "'maybe' is not one of"),
        ("run -t x --budget-usd nan", "not an amount above 0"),
        ("run -t x --budget-usd -1", "not an amount above 0"),
        ("run -t x --budget-usd much", "not a valid float"),
        ("run -t x --max-iterations 0", "not in the range"),
        ("run -t x --base-url localhost:8000", "not a URL"),
        ("run -t x --model ''", "is empty"),
        ("run -t x --answers nowhere.yaml", "does not exist"),
        ("run -t x --replay nowhere.jsonl", "does not exist"),
        ("run -t x --workspace /nowhere/at/all", "does not exist"),
        ("run -t x --workspace /dev/null", "is not a folder"),
        ("run -t '' ", "the goal is empty"),
        ("run -t @nowhere.md", "does not exist"),
        ("""run -t x --verify 'make "check'""", "no closing quotation"),
        ("run -t x", "No API key is configured"),
        ("resume r --budget-usd lots", "not a number such as +2"),
        ("resume r --max-iterations +1.5", "not a whole number"),
        ("approve r.1 --reason no", "--reason goes with --deny"),
        ("approve r.1 --deny --answer yes", "does not go with --deny"),
        ("approve r.1 --match like", "go with --always"),
        ("approve r.1 --dry-run", "go with --always"),
        ("run -t x --approval-timeout -1", "not in the range"),
        ("promote last", "Say how to take the result"),
        ("show last --diff --json", "--diff stands alone"),
        ("history --kind rumour", "is not one of"),
        ("history --limit 0", "not in the range"),
        ("demo nowhere", "No script 'nowhere'"),
        ("config show settings.nothing", "No key begins with 'settings.nothing'"),
        ("completion tcsh", "'tcsh' is not one of"),
    ],
)
def test_bad_input_is_2_with_what_is_wrong_and_what_next(typed: str, words: str) -> None:
    result = call(*shlex.split(typed))
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert words in result.stderr.replace("\n      ", " ")
    assert "\nNext: " in result.stderr
    assert "Traceback" not in result.stderr


def test_a_goal_of_200_000_characters_is_refused(tmp_path: Path) -> None:
    (tmp_path / "goal.md").write_text("x" * 200_000)
    result = call(
        "run", "-t", f"@{tmp_path / 'goal.md'}", "--base-url", "http://127.0.0.1:9/v1", MIRACLE_HOME=str(tmp_path)
    )
    assert result.exit_code == 2
    assert "200,000 characters" in result.stderr
    assert "Next: " in result.stderr


def test_a_broken_file_is_named_with_key_and_line(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "settings.yaml").write_text("orchestrator:\n  max_iterations: many\n")
    result = call("config", "check", MIRACLE_HOME=str(tmp_path))
    assert result.exit_code == 2
    assert "settings.yaml, line 2: orchestrator.max_iterations" in result.stderr


def test_config_check_and_path_as_json(tmp_path: Path) -> None:
    found = call("config", "path", "--json", MIRACLE_HOME=str(tmp_path))
    folders = {name: str(tmp_path / part) for name, part in PARTS.items()}
    assert json.loads(found.stdout) == {**folders, "project": ".miracle"}
    right = call("config", "check", "--json", MIRACLE_HOME=str(tmp_path))
    assert (right.exit_code, json.loads(right.stdout)) == (0, {"ok": True})
    (tmp_path / "config").mkdir()
    file = tmp_path / "config" / "openai.yaml"
    file.write_text("models:\n  codr: m\n")
    wrong = call("config", "check", "--json", MIRACLE_HOME=str(tmp_path))
    record = json.loads(wrong.stdout)
    assert (wrong.exit_code, wrong.stderr) == (2, "")
    assert (record["ok"], record["file"], record["key"], record["line"]) == (False, str(file), "models.codr", 2)
    assert "did you mean coder?" in record["title"]
    assert record["hint"]


def test_config_show_masks_secrets(tmp_path: Path) -> None:
    key, url = "sk-abcdefghijklmnopqrstWXYZ", "postgresql://ann:s3cretword@127.0.0.1/db"
    result = call("config", "show", OPENAI_API_KEY=key, DATABASE_URL=url, MIRACLE_HOME=str(tmp_path))
    assert result.exit_code == 0
    assert "sk-…WXYZ" in result.stdout
    assert "environment: OPENAI_API_KEY" in result.stdout
    assert key not in result.stdout
    assert "s3cretword" not in result.stdout


def test_config_show_as_json_names_value_and_source(tmp_path: Path) -> None:
    result = call("config", "show", "settings.agents.approve", "--json", MIRACLE_HOME=str(tmp_path))
    assert result.stdout == '{"settings.agents.approve": {"value": "ask", "source": "packaged"}}\n'


def test_an_error_of_our_own_is_a_line_and_a_traceback_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(dict[str, object]):
        def __getattr__(self, name: str) -> object:
            raise ZeroDivisionError("with sk-abcdefghijklmnopqrstWXYZ inside")

    monkeypatch.setitem(sys.modules, "miracle_tui.cli.commands.steer", Broken())
    result = call("steer", "x", "y", MIRACLE_HOME=str(tmp_path))
    assert result.exit_code == 1
    assert "ZeroDivisionError" in result.stderr
    assert "Traceback" not in result.stderr
    log = next((tmp_path / "logs").iterdir())
    assert "ZeroDivisionError" in log.read_text()
    assert "abcdefghijkl" not in log.read_text() + result.stderr
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str) -> None:
    result = call("completion", shell)
    assert result.exit_code == 0
    assert "_MIRACLE_COMPLETE" in result.stdout


def test_completion_completes_commands() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from miracle_tui.cli.main import cli; cli(prog_name='miracle')"],
        env={"_MIRACLE_COMPLETE": "bash_complete", "COMP_WORDS": "miracle app", "COMP_CWORD": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.split() == ["plain,approvals", "plain,approve"]


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["run", "--help"], ["demo", "--help"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom miracle_tui.cli.main import cli\ntry:\n cli(sys.argv[1:])\n"
        "except SystemExit:\n pass\nprint(sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    heavy = (
        "openai",
        "sqlalchemy",
        "psycopg",
        "docker",
        "textual",
        "pydantic",
        "yaml",
        "structlog",
        "keyring",
        "bandit",
    )
    assert not [name for name in heavy if f"'{name}'" in done.stderr]


@pytest.mark.parametrize("name", ["history", "show", "approvals", "approve", "pause", "cancel", "steer"])
def test_looking_at_runs_imports_nothing_that_only_a_run_needs(name: str) -> None:
    code = (
        "import importlib, sys\nimportlib.import_module('miracle_tui.cli.commands.' + sys.argv[1])\n"
        "import engine.engine, memory.memory, miracle_tui.cli.logs, miracle_tui.cli.story, miracle_tui.cli.views\n"
        "print(sorted(name for name in sys.modules if '.' not in name))"
    )
    done = subprocess.run([sys.executable, "-c", code, name], capture_output=True, text=True, check=True)
    loaded = set(ast.literal_eval(done.stdout))
    assert "engine" in loaded
    assert not loaded & {"openai", "tiktoken", "bandit", "agents", "genai_prices", "docker", "numpy", "textual"}


def test_a_closed_pipe_is_no_traceback() -> None:
    done = subprocess.run(
        f"{shlex.quote(sys.executable)} -m miracle_tui config show | head -1",
        shell=True, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.startswith("KEY")
    assert done.stderr == ""
