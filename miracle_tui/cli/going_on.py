"""The engine that goes on with a run: in its folder's configuration, with the model server that was named for it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from miracle_tui.cli.options import chosen_model

if TYPE_CHECKING:
    from config.config import Config
    from engine.engine import Engine
    from engine.llm.protocol import ModelClient
    from engine.state import State

SCRIPTED = "scripted: "


@asynccontextmanager
async def going_on(
    state: "State",
    *,
    model: str | None = None,
    base_url: str | None = None,
    record: Path | None = None,
    replay: Path | None = None,
    unsafe_local: bool = False,
    progress: bool = False,
) -> "AsyncIterator[Engine]":
    """The open engine.

    Args:
        state: the run that it goes on with.
        model: one model for all agents, instead of the run's.
        base_url: another server than the run's.
        record: where the model's answers are recorded.
        replay: a recording that answers instead of a server.
        unsafe_local: allow execution without a sandbox.
        progress: whether stderr tells what is being started.

    Raises:
        BadInput: there is no key for a server that wants one, or options contradict each other.
    """
    from miracle_tui.cli.opening import configuration, opened, served_by
    from miracle_tui.stored_key import with_stored_key

    workspace = Path(state.task.workspace) if state.task else Path.cwd()
    config = with_stored_key(configuration(workspace if workspace.is_dir() else None))
    # A run stays with the server that was named for it: its code is not for another one to see.
    config = served_by(config, base_url or (state.task.base_url if state.task else ""))
    async with (
        _model_of(config, state, model, base_url, record, replay) as client,
        opened(config, model=client, unsafe_local=unsafe_local, progress=progress) as engine,
    ):
        yield engine


@asynccontextmanager
async def _model_of(
    config: "Config",
    state: "State",
    model: str | None,
    base_url: str | None,
    record: Path | None,
    replay: Path | None,
) -> "AsyncIterator[ModelClient]":
    """The model that goes on: what the options say, else the script of a demo, else the configured one."""
    label = state.task.model_label if state.task else ""
    if label.startswith(SCRIPTED) and not any((model, base_url, record, replay)):
        from miracle_tui.demo import demo_setup

        async with demo_setup(config, label.removeprefix(SCRIPTED)) as setup:
            yield setup.model
        return
    client = chosen_model(config, model, base_url, record, replay)
    try:
        yield client
    finally:
        await client.close()
