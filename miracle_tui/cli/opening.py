"""Opens what a command needs: the configuration, the log file, the engine."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from miracle_tui.cli.console import tell
from miracle_tui.cli.inert import one_line
from miracle_tui.cli.problems import BadInput

if TYPE_CHECKING:
    from config.config import Config
    from engine.engine import Engine
    from engine.llm.protocol import ModelClient
    from memory.database import Database
    from memory.embedders import Endpoint
    from memory.memory import MemoryService


def in_loop(work: Coroutine[Any, Any, int]) -> int:
    """Run a command's work in an event loop of its own and return its exit status."""
    return asyncio.run(work)


def configuration(workspace: Path | None = None, overrides: Mapping[str, Any] | None = None) -> "Config":
    """The configuration in force for a folder, the current one by default.

    Raises:
        ConfigError: a file, a variable or an option is wrong.
    """
    from config.load import load_config

    return load_config(workspace or Path.cwd(), overrides=overrides)


def served_by(config: "Config", base_url: str | None) -> "Config":
    """The configuration with another model server, for chat and embeddings alike, where one is named."""
    if not base_url:
        return config
    api = config.openai.api.model_copy(update={"base_url": base_url})
    return replace(config, openai=config.openai.model_copy(update={"api": api}))


def workspace_folder(given: Path | None) -> Path:
    """The person's folder, absolute.

    Raises:
        BadInput: it does not exist or is no folder.
    """
    try:
        folder = (given or Path.cwd()).expanduser().absolute()
    except FileNotFoundError as exc:
        raise BadInput("The current folder no longer exists", "Change into a folder that does.") from exc
    if not folder.exists():
        raise BadInput(f"The workspace {folder} does not exist", "Make the folder first, or correct --workspace.")
    if not folder.is_dir():
        raise BadInput(f"The workspace {folder} is not a folder", "Name the folder that holds the project.")
    return folder


@asynccontextmanager
async def opened(
    config: "Config",
    *,
    model: "ModelClient | None" = None,
    unsafe_local: bool = False,
    progress: bool = False,
) -> AsyncIterator["Engine"]:
    """The engine, closed at the end; runs that are at work are left resumable.

    Args:
        config: the configuration in force.
        model: a model client instead of the configured one; the caller closes it.
        unsafe_local: allow execution without a sandbox.
        progress: whether stderr, where it is a terminal, tells what is being started.
    """
    from engine.engine import Engine
    from miracle_tui.cli.logs import command_log

    def show(part: str, text: str) -> None:
        if progress and sys.stderr.isatty():
            tell([f"· {part}: {one_line(text)}"])

    with command_log(config):
        engine = await Engine.open(config, model=model, unsafe_local=unsafe_local, on_progress=show)
        try:
            yield engine
        finally:
            await engine.close()


@asynccontextmanager
async def opened_memory(config: "Config", endpoint: "Endpoint | None" = None) -> AsyncIterator["MemoryService"]:
    """The memory without an engine, closed at the end.

    Args:
        config: the configuration in force.
        endpoint: makes vectors; the caller closes it.
    """
    from memory.memory import MemoryService
    from miracle_tui.cli.logs import command_log

    with command_log(config):
        memory = await MemoryService.open(config, endpoint)
        try:
            yield memory
        finally:
            await memory.close()


@asynccontextmanager
async def opened_database(
    config: "Config", *, tell: Callable[[str], None] | None = None, programs: Path | None = None
) -> AsyncIterator["Database"]:
    """The database alone, closed at the end.

    Args:
        config: the configuration in force.
        tell: told in words what takes long, from another thread.
        programs: where the embedded server finds an older PostgreSQL.
    """
    from memory.database import Database
    from miracle_tui.cli.logs import command_log

    with command_log(config):
        database = await Database.open(config, tell=tell, programs=programs)
        try:
            yield database
        finally:
            await database.close()
