"""Brings up what is slow behind the first paint: configuration, database, sandbox, model."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.message import Message

from miracle_tui.messages import ServiceChanged

if TYPE_CHECKING:
    from config.config import Config
    from engine.task import Task
    from miracle_tui.check import Check
    from miracle_tui.engine_port import EnginePort

PARTS = ("database", "sandbox", "model")
DEMO_PACE = 25
"""Words a second that the scripted model speaks on screen."""
Post = Callable[[Message], object]


@dataclass
class Launch:
    """How the app was started."""

    workspace: Path
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """Options of the command line, by dotted key."""
    unsafe_local: bool = False
    demo: str = ""
    """Name of the script to play; empty for real work."""


class Services:
    """Opens the engine and closes all that it opened, in turn."""

    def __init__(self, launch: Launch) -> None:
        self.launch = launch
        self.config: Config | None = None
        self.lacks_key = False
        """Whether there is neither a key nor a server of one's own that may do without."""
        self.demo_task: Task | None = None
        """The task of the demo that is being played; its scripted model knows no other."""
        self._open = AsyncExitStack()
        self._engine: Any = None

    async def load(self) -> "Config":
        """Read the configuration, anew if it was read before; the imports and the files stay off the loop.

        Raises:
            ConfigError: a file or a variable is wrong.
        """
        self.config = await asyncio.to_thread(_load, self.launch)
        self.lacks_key = not self.launch.demo and _lacks_key(self.config)
        return self.config

    async def open(self, post: Post) -> "EnginePort":
        """Open the engine, with a scripted model when a demo is asked for.

        Args:
            post: receives `ServiceChanged` as parts come up; called from any thread.

        Raises:
            ConfigError, EngineError, MemoryStoreError, SandboxError: it cannot be opened.
        """
        config = self.config or await self.load()
        log = await asyncio.to_thread(_log_file, config)
        self._open.push(log)
        model = None
        if self.launch.demo:
            from miracle_tui.demo import demo_setup

            setup = await self._open.enter_async_context(
                demo_setup(config, self.launch.demo, words_per_second=DEMO_PACE)
            )
            model, self.demo_task = setup.model, setup.task
        engine_class = await asyncio.to_thread(_engine_class)
        engine: EnginePort = await engine_class.open(
            config,
            model=model,
            unsafe_local=self.launch.unsafe_local,
            on_progress=lambda part, text: post(progress(part, text)),
        )
        self._open.push_async_callback(engine.close)
        self._engine = engine
        # What was learnt before another embeddings model was chosen is embedded while somebody is here to see it.
        self._engine.embedding.start()
        # What is loaded by now stays loaded: the collector need not look through it again while text streams.
        gc.freeze()
        return engine

    async def checks(self) -> "AsyncIterator[Check]":
        """What is found on this machine, one by one."""
        from miracle_tui.checks import each_check

        async for check in each_check(self.config or await self.load()):
            yield check

    async def probe(self) -> None:
        """Find out whether the sandbox works, before a run needs it.

        Raises:
            SandboxError: no isolation backend works on this machine.
        """
        if self._engine is not None:
            await self._engine.sandbox.backend()

    async def close(self) -> None:
        """Close what is open; running runs are left resumable."""
        self.demo_task = self._engine = None
        opened, self._open = self._open, AsyncExitStack()
        await opened.aclose()


def progress(part: str, text: str) -> ServiceChanged:
    """The service's state that a line of progress tells: `starting`, `failed`, or what came up."""
    if text == "starting" or text.startswith("starting: "):
        return ServiceChanged(part, "starting", text.removeprefix("starting").removeprefix(": "))
    if text == "failed":
        return ServiceChanged(part, "failed")
    return ServiceChanged(part, "ok", "" if text == "ok" else text)


def _lacks_key(config: "Config") -> bool:
    from config.openai import Api

    return config.openai.api.base_url == Api().base_url and config.openai.api.key is None


def _load(launch: Launch) -> "Config":
    from config.load import load_config
    from miracle_tui.stored_key import with_stored_key

    config = load_config(launch.workspace, overrides=launch.overrides)
    return config if launch.demo else with_stored_key(config)


def _log_file(config: "Config") -> AbstractContextManager[Path | None]:
    from config.logging import logging_to_file

    log = logging_to_file(config)
    log.__enter__()
    return log


def _engine_class() -> Any:
    from engine.engine import Engine
    from miracle_tui import bridge

    # The bridge brings the fold with it; imported here, the first run that is shown does not wait for it.
    assert bridge.RunBridge is not None
    return Engine
