"""The data of before an upgrade: kept beside the new until that has been started once more, or for good on a wish."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from config.disk_use import room_of
from memory.postmaster import Home

PREFIX = "cluster.old-"
TRASH = "cluster.trash"
WISH = "keep-old"
"""File that says that a person wants to keep it."""


@dataclass(frozen=True)
class Kept:
    """A data directory that an upgrade left behind."""

    path: Path
    major: int
    """The version of PostgreSQL that can read it."""
    bytes: int


def kept_clusters(home: Home) -> list[Kept]:
    """What upgrades left, the oldest version first."""
    found = []
    for folder in home.path.glob(f"{PREFIX}*"):
        digits = folder.name.removeprefix(PREFIX).partition(".")[0]
        if digits.isdecimal():
            found.append(Kept(folder, int(digits), room_of(folder)))
    return sorted(found, key=lambda kept: (kept.major, kept.path.name))


def free_name(home: Home, major: int) -> Path:
    """Where the data of a version is kept; what was kept there before stays."""
    place, count = home.path / f"{PREFIX}{major}", 1
    while os.path.lexists(place):
        place, count = home.path / f"{PREFIX}{major}.{count}", count + 1
    return place


def wish(home: Home, *, keep: bool) -> None:
    """Note whether it is kept until a person drops it."""
    if keep:
        (home.path / WISH).touch(mode=0o600)
    else:
        (home.path / WISH).unlink(missing_ok=True)


def is_wished(home: Home) -> bool:
    """Whether a person wants to keep it."""
    return (home.path / WISH).exists()


def drop_kept(home: Home, *, wished: bool = False) -> int:
    """Remove what upgrades left; the bytes that it took.

    Args:
        home: whose data it is.
        wished: remove it although a person wanted to keep it, and forget the wish.
    """
    if wished:
        wish(home, keep=False)
    elif is_wished(home):
        return 0
    kept = kept_clusters(home)
    for one in kept:
        # Half a data directory must never look like a whole one.
        discard(one.path, home)
    shutil.rmtree(home.path / TRASH, ignore_errors=True)
    return sum(one.bytes for one in kept)


def discard(folder: Path, home: Home) -> None:
    """Remove a data directory; one that is half removed is found by nobody."""
    trash = home.path / TRASH
    trash.mkdir(mode=0o700, exist_ok=True)
    place, count = trash / folder.name, 1
    while os.path.lexists(place):
        place, count = trash / f"{folder.name}.{count}", count + 1
    folder.rename(place)
    shutil.rmtree(trash, ignore_errors=True)
