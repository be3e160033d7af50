"""`miracle memory` over a real database."""

import json
from collections.abc import Callable

import psycopg
import pytest
from click.testing import CliRunner, Result

from miracle_tui.cli.main import cli
from tests.database_fixtures import database_url, postgres_server, url_of  # noqa: F401

Memory = Callable[..., Result]


@pytest.fixture
def memory(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Memory:  # noqa: F811
    """The command, over a database with two failures and a solution."""
    with psycopg.connect(database_url) as connection:
        for name, signature in (("coins-1.2", "KeyError: 'EUR'"), ("coins-1.3", "TypeError: \x1b[2J\u202eevil")):
            connection.execute(
                "INSERT INTO failures (failure_id, run_id, iteration, project, language, error_signature, cause, "
                "solution, fix, outcome) VALUES (%s, 'coins-1', 2, 'mine', 'python', %s, 'a cause', 'a try', "
                "'+new line', 'solved')",
                (name, signature),
            )
        connection.execute(
            "INSERT INTO patterns (pattern_id, problem_type, description, project, language) "
            "VALUES ('dates-7', 'library', 'Dates and back', 'other', 'python')"
        )
        for number, (used, helped) in enumerate([(True, True), (True, False), (True, None), (False, None)]):
            connection.execute(
                "INSERT INTO recalls (run_id, iteration, role, memory_id, kind, similarity, via, used, helped) "
                "VALUES ('later', %s, 'reflector', 'coins-1.2', 'failure', 0.9, 'context', %s, %s)",
                (number, used, helped),
            )
    monkeypatch.setenv("DATABASE_URL", url_of(database_url))
    return lambda *arguments: CliRunner().invoke(cli, ["memory", *arguments])


def records(result: Result) -> list[dict[str, object]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_memories_are_listed_shown_and_marked(memory: Memory) -> None:
    listed = memory("list")
    assert listed.exit_code == 0, listed.output
    line = next(line for line in listed.stdout.splitlines() if line.startswith("coins-1.2 "))
    assert line.split()[:2] == ["coins-1.2", "failure"]
    assert line.split()[4:] == ["-", "4", "3", "1", "of", "2", "KeyError:", "'EUR'"]
    assert not set(listed.stdout) & {"\x1b", "\u202e"}
    assert "dates-7" in listed.stdout

    assert memory("pin", "coins-1.2").stdout.startswith("✓ pinned: coins-1.2: KeyError")
    assert [one["memory_id"] for one in records(memory("list", "--pinned", "--json"))] == ["coins-1.2"]
    assert records(memory("forget", "coins-1.2", "--json")) == [
        {"memory_id": "coins-1.2", "pinned": False, "forgotten": True}
    ]
    assert "coins-1.2" not in memory("list").stdout
    found = records(memory("list", "--forgotten", "--json"))
    assert [(one["memory_id"], one["forgotten"], one["helped"], one["harmed"]) for one in found] == [
        ("coins-1.2", True, 1, 1)
    ]
    assert memory("restore", "coins-1.2").exit_code == 0
    assert records(memory("unpin", "dates", "--json"))[0]["memory_id"] == "dates-7"
    assert records(memory("list", "--kind", "pattern", "--json"))[0]["memory_id"] == "dates-7"

    whole = memory("show", "coins-1.2")
    for words in ("KeyError: 'EUR'", "CAUSE", "a cause", "THE FIX", "+new line", "recalled 4 times"):
        assert words in whole.stdout
    assert records(memory("show", "coins-1.2", "--json"))[0]["id"] == "coins-1.2"

    for arguments, title in (
        (("pin", "coins-1"), "names several memories: coins-1.2, coins-1.3"),
        (("show", "nothing"), "Memory has nothing named 'nothing'"),
        (("show", ""), "Memory has nothing named ''"),
        (("forget", "\x1b[2J%\x00"), "Memory has nothing named"),
        (("list", "--pinned", "--forgotten"), "Nothing is both pinned and forgotten"),
    ):
        result = memory(*arguments)
        assert result.exit_code != 0
        assert title in result.stderr
        assert "\x1b" not in result.stderr
