"""Watches what sandboxed code writes into its workspace: that lies on the machine's own disk, which has no limit."""

import asyncio
import os
from pathlib import Path

from sandbox.ending import Ending
from sandbox.protocol import Limits

INTERVAL_S = 0.25
FLOOR_BYTES = 256 * 2**20
"""Room that has to stay on the disk."""
BLOCK = 512


async def watch_disk(workspace: Path, limits: Limits, ending: Ending) -> None:
    """Stop an execution that fills the disk.

    What is left on the whole disk is asked, which costs next to nothing. Others write to it as well: a loss is only a
    suspicion, and the workspace itself is measured before anything is stopped.

    Args:
        workspace: the folder that the code can write.
        limits: how much, and how many files, it may hold more than at the start.
        ending: is stopped with `disk`.
    """
    await asyncio.sleep(INTERVAL_S)
    last = os.statvfs(workspace)
    roomy = last.f_bavail * last.f_frsize > FLOOR_BYTES
    # What cannot be looked into at the start is the project's own; what comes later is not.
    first = await asyncio.to_thread(measure, workspace) or (0, 0)
    while True:
        await asyncio.sleep(INTERVAL_S)
        now = os.statvfs(workspace)
        if roomy and now.f_bavail * now.f_frsize < FLOOR_BYTES:
            ending.stop("disk", "The machine's disk runs full.")
            return
        written = (last.f_bfree - now.f_bfree) * now.f_frsize
        if written > limits.disk_bytes // 2 or last.f_ffree - now.f_ffree > limits.files // 2:
            if problem := await asyncio.to_thread(_problem, workspace, limits, first):
                ending.stop("disk", problem)
                return
            last = now


def _problem(workspace: Path, limits: Limits, first: tuple[int, int]) -> str:
    found = measure(workspace)
    if found is None:
        return "The workspace holds folders that cannot be looked into."
    if found[0] - first[0] > limits.disk_bytes:
        return f"More than {limits.disk_bytes // 2**20:,} MB were written into the workspace."
    if found[1] - first[1] > limits.files:
        return f"More than {limits.files:,} files were made in the workspace."
    return ""


def measure(workspace: Path) -> tuple[int, int] | None:
    """Bytes on the disk and number of files; None when a folder cannot be looked into."""
    size, files = 0, 0
    waiting = [os.fspath(workspace)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    files += 1
                    size += entry.stat(follow_symlinks=False).st_blocks * BLOCK
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except (FileNotFoundError, NotADirectoryError):
            continue  # It went away while it was looked at.
        except OSError:
            return None
    return size, files
