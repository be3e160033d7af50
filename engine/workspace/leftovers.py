"""What a process that was killed leaves in git directories: programs that still run, and locks that nobody holds.

Only the holder of a run's lease comes here, so whatever works on the run's git directories or branches is left over.
"""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

from engine.errors import WorkspaceError

ORPHANS_S = 60.0
"""Seconds in which a git whose Miracle was killed comes to its end."""
_NAMESPACES = ("refs/heads/autonomous", "refs/tags/autonomous", "refs/miracle")


async def clear_leftovers(run_id: str, git_dir: Path, repository: Path | None) -> None:
    """Wait for what still works on a run, then remove the locks and scratch files that it and others left.

    Args:
        run_id: the run.
        git_dir: the run's own git directory; those of its phases lie beside it.
        repository: the git directory that holds the run's branch, once it is known.

    Raises:
        WorkspaceError: a program does not come to its end.
    """
    # A run that begins has nothing to look for among all processes of the machine.
    own = [folder for folder in (git_dir, *git_dir.parent.glob(f"{run_id}.*.run")) if folder.exists()]
    deadline = time.monotonic() + ORPHANS_S
    while own and (orphan := await asyncio.to_thread(_orphan, run_id, own)):
        if time.monotonic() > deadline:
            raise WorkspaceError(
                f"Process {orphan} still works on {run_id}", f"End it (kill {orphan}), then resume the run."
            )
        await asyncio.sleep(0.02)
    await asyncio.to_thread(_remove, run_id, own, repository)


def _orphan(run_id: str, own: list[Path]) -> int | None:
    """The id of a git process that works on one of the run's git directories or refs."""
    import psutil

    folders = {f"--git-dir={folder}" for folder in own}
    refs = tuple(f"{namespace}/{run_id}" for namespace in _NAMESPACES)
    # What is asked for here is left out where the process ends meanwhile; asked later, that would be an error.
    for process in psutil.process_iter(["name", "cmdline", "status"]):
        if process.info["name"] != "git" or process.info["status"] == psutil.STATUS_ZOMBIE:
            continue
        if any(part in folders or part.startswith(refs) for part in process.info["cmdline"] or ()):
            return process.pid
    return None


def _remove(run_id: str, own: list[Path], repository: Path | None) -> None:
    for folder in own:
        for pattern in ("*.lock", "refs/**/*.lock", "clean-*.index", "*.part"):
            for left in folder.glob(pattern):
                left.unlink(missing_ok=True)
    for left in _ref_locks(run_id, repository) if repository else ():
        left.unlink(missing_ok=True)


def _ref_locks(run_id: str, repository: Path) -> Iterator[Path]:
    """Locks of the refs that only this run writes."""
    for namespace in _NAMESPACES:
        folder = repository / namespace
        yield from folder.glob(f"{run_id}.lock")
        yield from folder.glob(f"{run_id}.*.lock")
        yield from folder.glob(f"{run_id}/**/*.lock")
        yield from folder.glob(f"{run_id}.*/**/*.lock")
