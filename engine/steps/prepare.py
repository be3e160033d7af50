"""The step that gives a run its worktree, and the checkpoints that its iterations leave."""

import asyncio
from pathlib import Path

from engine import commands as c
from engine import events as e
from engine.errors import WorkspaceError
from engine.run_context import RunContext
from engine.state import State
from engine.workspace.aside import put_back
from engine.workspace.checkpoint import checkpoint, tag
from engine.workspace.facts import project_facts
from engine.workspace.leftovers import clear_leftovers
from engine.workspace.phases import begin_at, close_phase, phase_prepared
from engine.workspace.prepared import Prepared, find_prepared, git_dir_of
from engine.workspace.worktree import make_good, prepare_worktree
from sandbox.identity import sandbox_identity
from sandbox.scan import warm_scan

_MADE_AGAIN = (
    "The worktree was lost and is now as the last checkpoint left it. Look what is there, and redo what is missing."
)


async def prepare_workspace(run: RunContext, command: c.PrepareWorkspace) -> None:
    """Make the worktree on its branch and find out what the project already has."""
    task = run.state.task
    if task is None:
        return
    backend = await run.backend()
    prepared, _ = await asyncio.gather(_worktree(run, Path(task.workspace)), warm_scan())
    for note in prepared.notes:
        run.notice(note)
    worth = await backend.probe()
    facts = await project_facts(prepared.worktree)
    await run.log.append(
        e.WorkspacePrepared(
            worktree=str(prepared.worktree),
            repository=str(prepared.repository),
            owned=prepared.owned,
            branch=prepared.branch,
            base_commit=prepared.base_commit,
            snapshot=prepared.snapshot,
            facts=facts,
            backend=backend.name,
            enforced=worth.enforced,
            best_effort=worth.best_effort,
            missing=worth.missing,
        )
    )


async def _worktree(run: RunContext, workspace: Path) -> Prepared:
    """A worktree of the person's files; a fork's begins where its prefix left those of the other run."""
    paths, identity = run.config.paths, sandbox_identity()
    source = run.state.forked
    if source is None or not run.state.tip:
        return await prepare_worktree(run.run_id, workspace, paths, identity)
    begun = find_prepared(source.source_run_id, paths, identity)
    if begun is None:
        raise WorkspaceError(
            f"The worktree of {source.source_run_id} is gone, so nothing can be forked from it",
            "Fork a run whose worktree is still there: `miracle worktrees` lists them.",
        )
    return await begin_at(run.run_id, workspace, paths, identity, begun, run.state.tip)


async def restore_worktrees(run: RunContext) -> None:
    """Make every worktree what the log says it is, before work begins or goes on.

    A kill may have left half of a test run's files, and a person may have removed a folder. A worktree in which an
    agent is writing keeps what it has; where it is gone, the agent is told that it begins at the last checkpoint.
    """
    state, paths, identity = run.state, run.config.paths, sandbox_identity()
    repository = Path(state.workspace.repository) if state.workspace else None
    await clear_leftovers(run.run_id, git_dir_of(run.run_id, paths), repository)
    prepared = find_prepared(run.run_id, paths, identity)
    if state.task is None or state.workspace is None or prepared is None:
        return
    lost = not prepared.worktree.is_dir()
    if lost:
        await make_good(prepared)
        await run.log.append(e.Steered(text=_MADE_AGAIN, by="miracle"))
    for phase in state.phases:
        left = phase_prepared(run.run_id, phase.id, paths, identity)
        if left is not None and not phase.worktree:
            await close_phase(left)
        elif left is not None and not _being_written(state, phase.id):
            await _as_committed(run, left, state.tip_of(phase.id))
    at_work = [phase.id for phase in state.phases if not phase.apart] + [""]
    if state.tip and not lost and not any(_being_written(state, phase_id) for phase_id in at_work):
        await _as_committed(run, prepared, state.tip)


def _being_written(state: State, phase_id: str) -> bool:
    """Whether the worktree holds work that no checkpoint has yet: an agent writes, or has just submitted."""
    session, last = state.session_in(phase_id), state.iteration_of(phase_id)
    writing = session is not None and session.role in ("coder", "tester")
    return writing or (last is not None and last.unsaved)


async def _as_committed(run: RunContext, prepared: Prepared, commit: str) -> None:
    aside = await put_back(prepared, commit)
    if aside:
        run.notice(f"what was changed in the worktree since its checkpoint is kept: git show {aside}")


async def take_checkpoint(run: RunContext, command: c.TakeCheckpoint) -> None:
    """Commit the worktree; the diff is against where the iteration began."""
    prepared = run.prepared(command.phase_id)
    state = run.state
    base = _base(state, command, prepared.base_commit)
    taken = await checkpoint(prepared, _message(state, command), base=base, keep=_kept(state, command))
    if taken.put_back:
        run.notice(f"changed from within the sandbox and put back: {', '.join(taken.put_back[:10])}")
    for note in taken.notes:
        run.notice(note)
    every = run.config.settings.orchestrator.checkpoint_frequency
    if command.step == "tests" and command.number % every == 0:
        await tag(prepared, f"iteration-{command.number}", taken.commit)
    await run.log.append(
        e.Checkpointed(
            phase_id=command.phase_id,
            number=command.number,
            step=command.step,
            commit=taken.commit,
            tree=taken.tree,
            files=taken.files,
            diff=run.redact(taken.diff),
        )
    )


def _kept(state: State, command: c.TakeCheckpoint) -> frozenset[str]:
    """Tests that no command and no test run may have changed: the tester's, and the person's own."""
    own = frozenset(state.workspace.facts.test_files) if state.workspace else frozenset()
    written = frozenset(state.focused(command.phase_id).protected_tests)
    return own | written if command.step == "code" else own - written


def _base(state: State, command: c.TakeCheckpoint, first: str) -> str:
    """Where the iteration began."""
    mine = state.iteration_numbered(command.number)
    return (mine.base_commit if mine else "") or first


def _message(state: State, command: c.TakeCheckpoint) -> str:
    phase = state.phase_by(command.phase_id)
    last = state.iteration_of(command.phase_id)
    title = phase.subtask.title if phase else command.phase_id
    what = "tests" if command.step == "tests" else "code"
    body = (last.work or "") if last and command.step == "code" else ""
    return f"{title} ({what}, iteration {command.number})\n\n{body}".strip() + "\n"
