"""Removing what sandboxed code left behind: folders may nest deeper than paths, recursion and descriptors reach."""

import os
import shutil
import subprocess
from pathlib import Path

DEEPEST = 100
"""Levels of folders that any honest project stays below."""
LONGEST = 3500
"""Characters of a path that still leave room for a name within the system's limit."""


def remove_tree(folder: Path) -> None:
    """Remove a folder with all that is in it, as far as the system allows; nothing happens when it is not there."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except (OSError, RecursionError):
        _remove(os.fspath(folder))


def prune_deep(root: Path) -> list[str]:
    """Remove folders that are nested too deep for git, for a walk and for a path.

    Args:
        root: the folder to look through; links in it are not followed.

    Returns:
        The removed folders, relative to the root.
    """
    removed = []
    waiting = [(os.fspath(root), 0)]
    while waiting:
        path, depth = waiting.pop()
        if depth > DEEPEST or len(os.fsencode(path)) > LONGEST:
            _remove(path)
            removed.append(os.path.relpath(path, root))
            continue
        try:
            with os.scandir(path) as entries:
                waiting += [(entry.path, depth + 1) for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            continue  # It went away, or its owner locked it: git passes it over too.
    return removed


def _remove(path: str) -> None:
    """`rm` goes down step by step, however far that is."""
    subprocess.run(["rm", "-rf", "--", path], check=False, capture_output=True)
