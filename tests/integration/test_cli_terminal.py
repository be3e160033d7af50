"""`miracle run` at a terminal: it asks the person at the prompt, and shows colours."""

import asyncio
import os
import pty
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.scripted.server import ScriptedServer
from tests.cli_fixtures import BACKEND, TIMEOUT_S, asking_script

pytestmark = pytest.mark.bubblewrap


class Terminal:
    """`miracle` in a pseudo-terminal."""

    def __init__(self, process: asyncio.subprocess.Process, ours: int) -> None:
        self.process = process
        self.shown = ""
        self._ours = ours
        self._more = asyncio.Event()
        asyncio.get_running_loop().add_reader(ours, self._read)

    @classmethod
    async def open(cls, *arguments: str, cwd: Path, environ: dict[str, str]) -> "Terminal":
        ours, theirs = pty.openpty()
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "miracle_tui", *arguments,
                cwd=cwd, env={**os.environ, **BACKEND, "TERM": "xterm-256color", **environ},
                stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(theirs)
        return cls(process, ours)

    def _read(self) -> None:
        try:
            self.shown += os.read(self._ours, 65536).decode(errors="replace")
        except OSError:
            asyncio.get_running_loop().remove_reader(self._ours)
        self._more.set()

    async def until(self, words: str) -> None:
        """Wait until something is shown."""
        async with asyncio.timeout(TIMEOUT_S):
            while words not in self.shown:
                self._more.clear()
                await self._more.wait()

    async def type(self, line: str, *, after: str) -> None:
        """Type a line once the prompt is there."""
        await self.until(after)
        self.shown = ""
        os.write(self._ours, f"{line}\n".encode())

    async def ended(self) -> int:
        """The exit status."""
        code = await asyncio.wait_for(self.process.wait(), TIMEOUT_S)
        self._read()
        asyncio.get_running_loop().remove_reader(self._ours)
        os.close(self._ours)
        return code


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer(asking_script()) as serving:
        yield serving


async def test_questions_and_plan_are_asked_at_the_prompt(server: ScriptedServer, tmp_path: Path) -> None:
    terminal = await Terminal.open(
        "run", "-t", "Add", "--base-url", server.base_url, "--model", "m", cwd=tmp_path, environ={}
    )
    await terminal.type("integers", after="1. Which numbers?\r\n  > ")
    await terminal.type("", after="2. Why?\r\n  > ")
    await terminal.type("nonsense", after="[l]ater > ")
    await terminal.type("x", after="[l]ater > ")
    await terminal.type("Smaller steps", after="Why? > ")
    await terminal.type("l", after="[l]ater > ")
    assert await terminal.ended() == 3
    assert "miracle approve" in terminal.shown
    told = "".join(str(request.json()["messages"]) for request in server.requests)
    assert "integers" in told
    assert "Smaller steps" in told


@pytest.mark.parametrize(("environ", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
async def test_colours_are_shown_unless_they_are_not_wanted(
    environ: dict[str, str], coloured: bool, tmp_path: Path
) -> None:
    terminal = await Terminal.open("config", "check", cwd=tmp_path, environ=environ)
    assert await terminal.ended() == 0
    assert "✓ the configuration is right" in terminal.shown
    assert ("\x1b[32m" in terminal.shown) is coloured
