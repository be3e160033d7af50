"""Sandboxes that never began: the inner half of bubblewrap waits for ever when the outer half dies too early."""

import os
import signal
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
LIMITED = ["--", "/usr/bin/prlimit"]
"""What follows the descriptor of the options in a command line of ours, and of no other program."""


def end_orphans(proc: Path = PROC) -> int:
    """End what is left of sandboxes whose outer half is gone, and say how many there were.

    Only halves that have not begun can be found: one that has begun dies with its outer half.
    """
    ended = 0
    for folder in proc.glob("[0-9]*"):
        with suppress(OSError, ValueError):
            if _is_orphan(proc, folder):
                os.kill(int(folder.name), signal.SIGKILL)
                ended += 1
    return ended


def _is_orphan(proc: Path, folder: Path) -> bool:
    if (folder / "comm").read_text() != "bwrap\n":
        return False
    words = (folder / "cmdline").read_text().split("\0")
    if words[1:2] != ["--args"] or words[3:5] != LIMITED:
        return False
    facts = dict(line.split(":\t", 1) for line in (folder / "status").read_text().splitlines() if ":\t" in line)
    inner = len(facts["NSpid"].split()) > 1
    return inner and (proc / facts["PPid"] / "comm").read_text() != "bwrap\n"
