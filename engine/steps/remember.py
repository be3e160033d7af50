"""The step between a red test run and its reflection: ask memory for failures like this one."""

import logging

from engine import commands as c
from engine import events as e
from engine.lessons import failure_id, query_of
from engine.run_context import RunContext
from memory.billing import billed
from memory.errors import MemoryStoreError

_logger = logging.getLogger(__name__)


async def recall(run: RunContext, command: c.Recall) -> None:
    """Ask memory for failures like this one; its own row is born with what was found."""
    state = run.state.focused(command.phase_id)
    last = state.iteration_of(command.phase_id)
    if last is None:
        return
    query = query_of(state, last)
    settings = run.config.settings.memory
    with billed() as bill:
        items = await run.memory.failures.recall(query, settings.max_similar_failures, settings.similarity_threshold)
    recalled = e.Recalled(phase_id=command.phase_id, number=command.number, items=tuple(items), asked_usd=bill.usd)
    await run.log.append(recalled)
    await embed_soon(run, failure_id(run.run_id, command.number))


async def embed_soon(run: RunContext, memory_id: str) -> None:
    """Give a new memory its vectors right away; what cannot be embedded now is embedded later, like all that has none.

    Args:
        run: the run that it comes from.
        memory_id: of a failure or a pattern whose row is there.
    """
    try:
        await run.memory.failures.embed(memory_id)
    except MemoryStoreError as error:
        _logger.warning("%s has no vectors yet: %s", memory_id, error)
