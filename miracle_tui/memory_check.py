"""Whether what memory holds can be found by likeness: the check of vectors in `miracle doctor`."""

from typing import TYPE_CHECKING

from miracle_tui.check import Check

if TYPE_CHECKING:
    from config.config import Config

NAME = "Memory"


async def check_memory(config: "Config") -> Check:
    """The vectors of the models in use, and why any are missing."""
    from memory.backlog import standing
    from memory.database import Database
    from memory.errors import MemoryStoreError
    from miracle_tui.cli.embedding import models_in_use, standing_line

    try:
        database = await Database.open(config)
        try:
            used = models_in_use(config, await standing(database))
        finally:
            await database.close()
    except MemoryStoreError as exc:
        return Check(NAME, "warn", f"cannot be looked at: {exc.title}", exc.hint or "Mend the database first.")
    detail = "; ".join(standing_line(one) for one in used) or "nothing is stored yet"
    if any(one.problem for one in used):
        remedy = "See what openai.yaml says under `models.embedding` and `embedding`, then run miracle db embed."
        return Check(NAME, "warn", detail, remedy)
    return Check(NAME, "ok", detail)
