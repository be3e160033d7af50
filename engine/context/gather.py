"""Gathers what a prompt needs from outside the state: the file listing, patterns that worked."""

from engine.context.found import quoted_patterns
from engine.context.section import Material
from engine.lessons import project_of
from engine.run_context import RunContext
from engine.workspace.outline import file_listing
from memory.records import Recollection

LISTED_FILES = 200


async def gather(run: RunContext, sections: tuple[str, ...], phase_id: str = "") -> Material:
    """The material for a prompt with these sections; what no section asks for is not fetched."""
    listing = ""
    if "listing" in sections and run.state.workspace is not None:
        listing = await file_listing(run.prepared(phase_id).worktree, LISTED_FILES)
    found: tuple[Recollection, ...] = ()
    spec, limit = run.state.spec, run.config.settings.memory.max_similar_patterns
    if "patterns" in sections and spec is not None and limit:
        asked = f"{spec.project_type}\n{spec.title}\n{spec.summary}"
        found = tuple(await run.memory.failures.recall_patterns(asked, limit, project=project_of(run.state)))
    if "patterns" in sections and run.state.task is not None and (wanted := run.state.task.patterns):
        chosen = await run.memory.history.chosen(wanted, project_of(run.state))
        found = (*chosen, *(item for item in found if item.memory_id not in wanted))
    return Material(listing=listing, patterns=quoted_patterns(found), shown=found)
