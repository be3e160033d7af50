"""What `miracle db` says and does about vectors: which are missing, and making them."""

import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from miracle_tui.cli.problems import FAILED, SUCCESS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from config.config import Config
    from memory.backlog import Backlog, Standing
    from memory.backlog_pass import Progress

STATES = {
    "done": "✓ Everything that memory holds has its vectors",
    "capped": "! No more may be spent",
    "failed": "✗ The embeddings endpoint fails",
    "elsewhere": "· Another Miracle is at it",
}
FORGOTTEN = {
    "forgotten": ["✓ The vectors of {} are removed; what they were of stays"],
    "unknown": ["✗ There are no vectors of {}", "→ `miracle db status` names the models"],
    "used": ["✗ {} is in use, here or by another Miracle", "→ choose another model, and wait for ten minutes"],
    "elsewhere": ["· Another Miracle makes vectors just now", "→ try again in a moment"],
}


def models_in_use(config: "Config", found: "list[Standing]") -> "list[Standing]":
    """The models that this configuration uses, of all that the database knows."""
    from engine.llm.choose import wants_embeddings
    from memory.offline import DIMENSIONS, NAME

    used = {(NAME, DIMENSIONS)}
    if wants_embeddings(config):
        used.add((config.openai.embedding_model, config.openai.embedding.dimensions))
    return [one for one in found if (one.model, one.dimensions) in used]


def standing_line(one: "Standing") -> str:
    """What is there of a model's vectors, in words."""
    from miracle_tui.cli.inert import one_line

    paid = f" · ${one.usd:.2f}" if one.usd else ""
    if not one.lacking:
        return f"{one.model}: complete{paid}"
    why = f": {one_line(one.problem, 200)}" if one.problem else ""
    return f"{one.model}: {one.lacking:,} vectors are missing{paid}{why}"


def unused_line(model: str) -> str:
    """A model that nobody is configured to use here."""
    from miracle_tui.cli.inert import one_line

    return f"{one_line(model, 100)}: not used; to remove its vectors: miracle db embed --forget MODEL"


async def embed(max_usd: float | None, as_json: bool) -> int:
    """Embed all that lacks vectors, to the end or as far as the money goes."""
    from miracle_tui.cli.console import say, say_json, tell
    from miracle_tui.cli.opening import configuration

    shown = sys.stderr.isatty()

    def show(progress: "Progress") -> None:
        if as_json:
            say_json(vars(progress))
        elif shown:
            tell([f"· {progress.model}: {progress.line}"])

    async with _backlog(configuration()) as backlog:
        ended = await backlog.work(show, more_usd=max_usd)
    if as_json:
        say_json(vars(ended))
    else:
        say(_lines(ended))
    return SUCCESS if ended.state == "done" else FAILED


async def forget(name: str, as_json: bool) -> int:
    """Remove the vectors of a model that is not used any more."""
    from miracle_tui.cli.console import say, say_json
    from miracle_tui.cli.inert import one_line
    from miracle_tui.cli.opening import configuration

    async with _backlog(configuration()) as backlog:
        became = await backlog.forget(name)
    if as_json:
        say_json({"model": name, "state": became})
    else:
        say([line.format(one_line(name, 100)) for line in FORGOTTEN[became]])
    return SUCCESS if became == "forgotten" else FAILED


@asynccontextmanager
async def _backlog(config: "Config") -> "AsyncIterator[Backlog]":
    """The backlog of the configured embedders, over the configured database."""
    from engine.llm.choose import make_embeddings, wants_embeddings
    from miracle_tui.cli.opening import opened_memory

    endpoint = make_embeddings(config) if wants_embeddings(config) else None
    try:
        async with opened_memory(config, endpoint) as memory:
            yield memory.backlog
    finally:
        if endpoint is not None:
            await endpoint.close()


def _lines(ended: "Progress") -> list[str]:
    from miracle_tui.cli.inert import one_line

    lines = [STATES[ended.state]]
    if ended.total:
        lines.append(f"  {ended.model}: {ended.done:,} of {ended.total:,} made now · ${ended.usd:.2f}")
    if ended.reason:
        lines.append(f"→ {one_line(ended.reason, 400)}")
    return lines
