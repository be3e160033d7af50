"""What is known to be secret where a run is at work."""

import asyncio
from pathlib import Path
from typing import Any

from config.config import Config
from config.secrets import every_secret
from engine.run_log import Store


async def known_to(store: Store, run_id: str, config: Config) -> tuple[str, ...]:
    """The secrets of the configuration, of the environment, and of the `.env` files in the run's folder.

    For what is shown and sent. What a model writes into files is only ever cleaned of the person's own secrets: a
    repository's `.env` must not have a say in the code.

    Args:
        store: holds the run's log; its first event names the folder.
        run_id: the run.
        config: the configuration in force for it.

    Raises:
        MemoryStoreError: the log cannot be read.
    """
    first = await store.read(run_id, limit=1)
    task: dict[str, Any] = first[0].body.get("task") or {} if first else {}
    folder = task.get("workspace") or ""
    return await asyncio.to_thread(every_secret, config, *((Path(folder),) if folder else ()))
