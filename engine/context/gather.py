"""Gathers what a prompt needs from outside the state: the file listing, patterns that worked."""

from engine.context.section import Material
from engine.run_context import RunContext
from engine.steps.remember import project_of
from engine.workspace.outline import file_listing

LISTED_FILES = 200


async def gather(run: RunContext, sections: tuple[str, ...], phase_id: str = "") -> Material:
    """The material for a prompt with these sections; what no section asks for is not fetched."""
    listing = ""
    if "listing" in sections and run.state.workspace is not None:
        listing = await file_listing(run.prepared(phase_id).worktree, LISTED_FILES)
    patterns = ""
    if "patterns" in sections and run.state.spec is not None:
        limit = run.config.settings.memory.max_similar_patterns
        found = (
            await run.memory.failures.recall_patterns(run.state.spec.summary, limit, project=project_of(run.state))
            if limit
            else []
        )
        patterns = "\n".join(f"- {item.title}: {item.solution}" for item in found)
    return Material(listing=listing, patterns=patterns)
