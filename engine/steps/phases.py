"""The steps around phases that work side by side: a worktree for each, and their work brought together."""

from engine import commands as c
from engine import events as e
from engine.phase_events import MergeConflict
from engine.run_context import RunContext
from engine.workspace.checkpoint import changes_between
from engine.workspace.phases import close_phase, merge_phase, phase_prepared
from engine.workspace.phases import open_phase as open_worktree
from sandbox.identity import sandbox_identity


async def open_phase(run: RunContext, command: c.OpenPhase) -> None:
    """Give a phase a worktree of its own, from where the run is; a fork's phase goes on from its last checkpoint."""
    state = run.state
    phase = state.phase_by(command.phase_id)
    if phase is None:
        return
    base = phase.base_commit or state.tip
    opened = await open_worktree(run.prepared(), phase.id, phase.commit or base)
    await run.log.append(
        e.PhaseOpened(phase_id=phase.id, worktree=str(opened.worktree), branch=opened.branch, base_commit=base)
    )


async def merge_tier(run: RunContext, command: c.MergeTier) -> None:
    """Merge the phases of a tier one after the other; one that is in the way of those before it is not taken."""
    state, prepared = run.state, run.prepared()
    tip = state.tip
    merged: list[str] = []
    conflicts: list[MergeConflict] = []
    phases = [phase for phase in state.phases if phase.tier == command.tier and phase.apart]
    for phase in phases:
        title = f"Merge phase {phase.id}: {phase.subtask.title}"
        done = await merge_phase(prepared, phase.base_commit, phase.commit or phase.base_commit, title)
        tip = done.commit
        if done.conflicts:
            conflicts.append(MergeConflict(phase_id=phase.id, paths=done.conflicts))
        else:
            merged.append(phase.id)
    files, diff = await changes_between(prepared, state.tip, tip)
    await run.log.append(
        e.TierMerged(
            tier=command.tier,
            commit=tip,
            merged=tuple(merged),
            conflicts=tuple(conflicts),
            files=files,
            diff=run.redact(diff),
        )
    )
    for phase in phases:
        left = phase_prepared(run.run_id, phase.id, run.config.paths, sandbox_identity())
        if left is not None:
            await close_phase(left)
