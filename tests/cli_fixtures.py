"""`miracle` as a person runs it: in a process of its own, against a scripted model on loopback."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from config.paths import find_paths
from engine.scripted.script import Script
from engine.scripted.server import ScriptedServer
from memory.embedded import EmbeddedServer
from miracle_tui.cli.main import cli

ADDER = "def add(a, b):\n    return a + b\n"
WRONG_ADDER = "def add(a, b):\n    return a - b\n"
TESTS = "from adder import add\n\n\ndef test_add():\n    assert add(2, 3) == 5\n"
BACKEND = {"MIRACLE_SETTINGS__SANDBOX__BACKEND": "bubblewrap"}
TIMEOUT_S = 120


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """The lines of `--json`."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def run_id(self) -> str:
        """The run that the text tells of."""
        return self.out.split("▸ Run ", 1)[1].split(":", 1)[0]


async def start(*arguments: str, cwd: Path, environ: Mapping[str, str] | None = None) -> asyncio.subprocess.Process:
    """Start `miracle` in a folder."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "miracle_tui",
        *arguments,
        cwd=cwd,
        env={**os.environ, **BACKEND, **(environ or {})},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def ended(process: asyncio.subprocess.Process, stdin: bytes = b"") -> Done:
    """Wait for the end."""
    out, err = await asyncio.wait_for(process.communicate(stdin), TIMEOUT_S)
    assert process.returncode is not None
    return Done(process.returncode, out.decode(), err.decode())


async def miracle(*arguments: str, cwd: Path, environ: Mapping[str, str] | None = None, stdin: bytes = b"") -> Done:
    """Run `miracle` in a folder to its end."""
    return await ended(await start(*arguments, cwd=cwd, environ=environ), stdin)


async def aside(*arguments: str) -> Done:
    """Run a command that only looks or appends in a thread of this process: its imports are paid for already."""
    result = await asyncio.to_thread(CliRunner().invoke, cli, arguments)
    return Done(result.exit_code, result.stdout, result.stderr)


@pytest.fixture(scope="module")
def database() -> Iterator[None]:
    """Keep the embedded server up between the commands, and let it skip every fsync."""
    server = EmbeddedServer(find_paths().database, durable=False)
    asyncio.run(server.start())
    yield
    asyncio.run(server.stop())


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    """A model that writes the adder."""
    async with ScriptedServer(adder_script()) as serving:
        yield serving


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with one commit."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "README.md").write_text("# Sums\n")
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
        subprocess.run(["git", "-c", "user.name=A", "-c", "user.email=a@b", *command], cwd=folder, check=True)
    return folder


def call(name: str, **arguments: Any) -> dict[str, Any]:
    """A function call of the scripted model."""
    return {"name": name, "arguments": arguments}


def session(role: str, *turns: list[dict[str, Any]], visit: int | None = None) -> dict[str, Any]:
    """What an agent says, one list of calls a turn."""
    return {
        "role": role,
        "visit": visit,
        "turns": [{"text": f"I am the {role}.", "calls": list(calls)} for calls in turns],
    }


def adder_script(*, never: bool = False) -> Script:
    """A goal of one phase: the first code is wrong, the reflection says why, the second is right, unless `never`."""
    second = WRONG_ADDER.replace("-", "*") if never else ADDER
    sessions = [
        session("reprompter", [call("submit_spec", title="An adder", summary="Adds", language="python")]),
        session(
            "planner",
            [
                call(
                    "submit_plan",
                    summary="One step",
                    subtasks=[{"id": "p1", "title": "Add", "description": "Write add."}],
                )
            ],
        ),
        session(
            "coder",
            [call("create_file", path="adder.py", content=WRONG_ADDER)],
            [call("submit_work", summary="add, with a minus")],
            visit=1,
        ),
        session(
            "tester",
            [call("create_file", path="test_adder.py", content=TESTS)],
            [call("submit_tests", files=["test_adder.py"], summary="one sum")],
        ),
        session(
            "reflector", [call("submit_reflection", cause="It subtracts", hypothesis="Write a plus", fault="code")]
        ),
        session(
            "coder",
            [call("edit_file", path="adder.py", old=WRONG_ADDER, new=second)],
            [call("submit_work", summary="add, with a plus")],
            visit=2,
        ),
    ]
    return Script.model_validate(
        {
            "name": "adder",
            "title": "An adder",
            "goal": "Write add(a, b) in adder.py.",
            "description": "For tests of the command line.",
            "language": "python",
            "project_type": "library",
            "sessions": sessions,
        }
    )


def asking_script() -> Script:
    """The adder, whose reprompter asks first."""
    script = json.loads(adder_script().model_dump_json())
    ask = call("ask_person", questions=["Which numbers?", "Why?"])
    spec = call("submit_spec", title="An adder", summary="Adds", language="python")
    script["sessions"][0] = session("reprompter", [ask], [spec])
    return Script.model_validate(script)
