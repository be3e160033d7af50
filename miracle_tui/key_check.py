"""Whether the model server takes the key: the one check that asks somebody on the network."""

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from miracle_tui.check import Check

if TYPE_CHECKING:
    from config.config import Config

ANSWER_S = 5
"""Seconds that the server has for its answer."""


async def ask_server(config: "Config", found: Check) -> Check:
    """Ask the model server for its models: whoever may see them has a valid key.

    Args:
        config: names the server; a key of the keyring is used where it has none.
        found: the check of the key itself.

    Returns:
        That check with what the server said; a server that does not answer says nothing against the key.
    """
    from engine.llm.connection import Connection
    from engine.llm.errors import KeyRejected, ModelError
    from engine.llm.listing import listed_models
    from miracle_tui.stored_key import with_stored_key

    openai = (await asyncio.to_thread(with_stored_key, config)).openai
    api = openai.api.model_copy(update={"timeout_seconds": ANSWER_S})
    connection = Connection(openai.model_copy(update={"api": api}))
    known = found.detail.partition(" (")[0]
    try:
        models = await listed_models(connection)
    except KeyRejected as exc:
        return Check(found.name, "fail", f"{known}: {exc.title}", exc.hint)
    except ModelError as exc:
        return Check(found.name, "warn", f"{known}: {exc.title}", exc.hint)
    finally:
        await connection.close()
    accepted = "accepted" if openai.api.key else "the server answers"
    return replace(found, detail=f"{known}: {accepted}, {len(models)} {'model' if len(models) == 1 else 'models'}")
