"""How much room files take."""

import os
from contextlib import suppress
from pathlib import Path


def room_of(folder: Path) -> int:
    """Bytes that the files of a folder take on the disk; what comes and goes meanwhile counts or does not."""
    total = 0
    for base, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(base, name)).st_blocks * 512
    return total
