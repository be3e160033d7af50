"""What a run is worked on with, whoever started it: its project's settings, and the model server named for it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from config.config import Config
from config.load import load_config
from engine.llm.choose import make_model
from engine.llm.protocol import ModelClient
from engine.task import Task

Load = Callable[[Path | None], Config]


class Surroundings:
    """The configurations and model clients of the runs that one worker takes.

    Args:
        base: the worker's own configuration; its servers, keys and folders hold for every run.
        load: the configuration with a project's own settings over it.
    """

    def __init__(self, base: Config, load: Load = load_config) -> None:
        self._base = base
        self._load = load
        self._clients: dict[str, ModelClient] = {}

    async def of(self, task: Task) -> tuple[Config, ModelClient]:
        """The configuration and the model client for a task.

        Raises:
            ConfigError: the project's own settings are wrong.
        """
        folder = Path(task.workspace)
        here = await asyncio.to_thread(folder.is_dir)
        found = await asyncio.to_thread(self._load, folder if here else None)
        api = self._base.openai.api
        if task.base_url:
            api = api.model_copy(update={"base_url": task.base_url})
        openai = found.openai.model_copy(update={"api": api})
        config = replace(found, openai=openai, database=self._base.database, paths=self._base.paths)
        known = openai.model_dump_json()
        if known not in self._clients:
            self._clients[known] = make_model(config)
        return config, self._clients[known]

    async def close(self) -> None:
        """Close every client."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.close()
