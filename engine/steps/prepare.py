"""The step that gives a run its worktree, and the checkpoints that its iterations leave."""

import asyncio
from pathlib import Path

from engine import commands as c
from engine import events as e
from engine.run_context import RunContext
from engine.state import State
from engine.workspace.checkpoint import checkpoint, tag
from engine.workspace.facts import project_facts
from engine.workspace.prepared import git_dir_of, read_record
from engine.workspace.worktree import prepare_worktree
from sandbox.identity import sandbox_identity
from sandbox.scan import warm_scan


async def prepare_workspace(run: RunContext, command: c.PrepareWorkspace) -> None:
    """Make the worktree on its branch and find out what the project already has."""
    task = run.state.task
    if task is None:
        return
    backend = await run.backend()
    prepared, _ = await asyncio.gather(
        prepare_worktree(run.run_id, Path(task.workspace), run.config.paths, sandbox_identity()), warm_scan()
    )
    for note in prepared.notes:
        run.notice(note)
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
        )
    )


async def restore_worktree(run: RunContext) -> None:
    """Make a worktree that somebody removed again, as the last checkpoint left it; nothing where it still is."""
    task = run.state.task
    if task is None or not _lost(run):
        return
    await prepare_worktree(run.run_id, Path(task.workspace), run.config.paths, sandbox_identity())
    told = (
        "The worktree was lost and is now as the last checkpoint left it. Look what is there, and redo what is missing."
    )
    await run.log.append(e.Steered(text=told, by="miracle"))


def _lost(run: RunContext) -> bool:
    """Whether the worktree's folder is gone while the git directory, with its checkpoints, is still there."""
    prepared = read_record(git_dir_of(run.run_id, run.config.paths), sandbox_identity())
    return run.state.workspace is not None and prepared is not None and not prepared.worktree.is_dir()


async def take_checkpoint(run: RunContext, command: c.TakeCheckpoint) -> None:
    """Commit the worktree; the diff is against where the iteration began."""
    prepared = run.prepared()
    state = run.state
    base = _base(state, command.number, prepared.base_commit)
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
            files=taken.files,
            diff=run.redact(taken.diff),
        )
    )


def _kept(state: State, command: c.TakeCheckpoint) -> frozenset[str]:
    """Tests that no command and no test run may have changed: the tester's, and the person's own."""
    own = frozenset(state.workspace.facts.test_files) if state.workspace else frozenset()
    written = frozenset(state.protected_tests)
    return own | written if command.step == "code" else own - written


def _base(state: State, number: int, first: str) -> str:
    commits = [iteration.commit for iteration in state.iterations if iteration.number < number and iteration.commit]
    return commits[-1] if commits else first


def _message(state: State, command: c.TakeCheckpoint) -> str:
    phase = next((p for p in state.phases if p.id == command.phase_id), None)
    last = state.iteration
    title = phase.subtask.title if phase else command.phase_id
    what = "tests" if command.step == "tests" else "code"
    body = (last.work or "") if last and command.step == "code" else ""
    return f"{title} ({what}, iteration {command.number})\n\n{body}".strip() + "\n"
