"""Brings up what is slow behind the first paint: configuration, database, sandbox, model."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.message import Message

from miracle_tui.messages import ServiceChanged

if TYPE_CHECKING:
    from config.config import Config
    from engine.task import Task
    from miracle_tui.engine_port import EnginePort

PARTS = ("database", "sandbox", "model")
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
        self.demo_task: Task | None = None
        """The task of the demo that is being played; its scripted model knows no other."""
        self._open = AsyncExitStack()

    async def load(self) -> "Config":
        """Read the configuration; the imports and the files stay off the loop."""
        self.config = await asyncio.to_thread(_load, self.launch)
        return self.config

    async def open(self, post: Post) -> "EnginePort":
        """Open the engine, with a scripted model when a demo is asked for.

        Args:
            post: receives `ServiceChanged` as parts come up; called from any thread.

        Raises:
            ConfigError, EngineError, MemoryStoreError, SandboxError: it cannot be opened.
        """
        config = self.config or await self.load()
        model = None
        if self.launch.demo:
            from miracle_tui.demo import demo_setup

            setup = await self._open.enter_async_context(demo_setup(config, self.launch.demo))
            model, self.demo_task = setup.model, setup.task
        engine_class = await asyncio.to_thread(_engine_class)
        engine: EnginePort = await engine_class.open(
            config, model=model, unsafe_local=self.launch.unsafe_local, on_progress=lambda part, text: post(progress(part, text))
        )
        self._open.push_async_callback(engine.close)
        post(ServiceChanged("database", "ready"))
        post(ServiceChanged("model", "ready", engine.model.label))
        return engine

    async def close(self) -> None:
        """Close what is open; running runs are left resumable."""
        self.demo_task = None
        await self._open.aclose()


def progress(part: str, text: str) -> ServiceChanged:
    """The service's state that a line of progress tells."""
    words = text.strip().lower()
    if words.startswith(("ready", "open", "found", "using")):
        return ServiceChanged(part, "ready", text)
    if words.startswith(("failed", "no ", "cannot", "unusable", "missing")):
        return ServiceChanged(part, "failed", text)
    return ServiceChanged(part, "starting", text)


def needs_setup(config: "Config") -> bool:
    """Whether there is neither a key nor a server of one's own that may do without."""
    from config.openai import Api

    return config.openai.api.key is None and config.openai.api.base_url == Api().base_url


def _load(launch: Launch) -> "Config":
    from config.load import load_config

    return load_config(launch.workspace, overrides=launch.overrides)


def _engine_class() -> Any:
    from engine.engine import Engine
    from miracle_tui import bridge

    # The bridge brings the fold with it; imported here, the first run that is shown does not wait for it.
    assert bridge.RunBridge is not None
    return Engine
