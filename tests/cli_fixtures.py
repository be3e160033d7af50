"""`miracle` as a person runs it: in a process of its own, against a scripted model on loopback."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.scripted.script import Script

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
