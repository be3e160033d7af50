"""A result against a person's files: hunks of every kind, and a place that nothing can be written to."""

from engine.workspace.hunks import Hunk, lines_of
from engine.workspace.preview import Preview
from engine.workspace.threeway import ABSENT, Change
from engine.workspace.undo import UndoPreview
from engine.workspace.verdicts import FileDelivery

BASE, RUN, OURS = ("100644", "1" * 40), ("100644", "2" * 40), ("100644", "3" * 40)
CODE = lines_of(b"def roman(number):\n    if number == 4:\n        return 'IV'\n    return 'I' * number\n")
README = lines_of("".join(f"line {number}\n" for number in range(30)).encode())


def file(
    path: str, *hunks: Hunk, lines: tuple[bytes, ...] = (), blocked: str = "", added: bool = False
) -> FileDelivery:
    """One file of it."""
    change = Change(path, ABSENT if added else BASE, RUN)
    return FileDelivery(change, ABSENT if added else OURS, "added" if added else "modified", hunks, lines, blocked)


def recorded_preview() -> Preview:
    """Five hunks in three files, and a file that is in the way."""
    return Preview(
        run_id="roman",
        folder="/home/ada/numerals",
        commit="c" * 40,
        files=(
            file("README.md", Hunk(1, "lines", 4, (b"line 4\n",), (b"Roman numerals\n", b"both ways\n")),
                 Hunk(2, "lines", 20, (b"line 20\n",), (b"run 20\n",), "both changed the same lines"), lines=README),
            file("roman.py", Hunk(1, "file", 0, (), CODE), added=True),
            file("run.sh", Hunk(1, "lines", 0, (b"#!/bin/sh\n",), (b"#!/bin/bash\n",)), Hunk(2, "mode"),
                 lines=(b"#!/bin/sh\n",)),
            file("tests", blocked="a folder is there"),
        ),
        merges=True,
        seen="abc",
    )  # fmt: skip


def recorded_undoing() -> UndoPreview:
    """What undoing its merge would do."""
    return UndoPreview(
        folder="/home/ada/numerals",
        files=(("README.md", "as it was"), ("roman.py", "removed")),
        moves="main goes from aaaaaaaaaaaa back to bbbbbbbbbbbb",
        warning="The merge commit is on a remote already: the branch will be behind it.",
    )
