"""Hunks of a result on the command line: as text, as JSON, and as a person names them."""

from typing import TYPE_CHECKING, Any

from config.amounts import plural
from miracle_tui.cli.inert import inert, one_line
from miracle_tui.cli.problems import BadInput

if TYPE_CHECKING:
    from engine.workspace.hunks import Hunk, Side
    from engine.workspace.preview import Preview, Selection
    from engine.workspace.verdicts import FileDelivery

MAX_LINES = 40
"""Lines of one side of a hunk that are printed; JSON holds all."""
LIST_HINT = "`miracle promote RUN --hunks` lists files and hunks."


def hunk_lines(preview: "Preview") -> list[str]:
    """A preview for a person."""
    total = f"{plural(len(preview.files), 'file')}, {plural(preview.hunks, 'hunk')}"
    conflicts = f", {plural(preview.conflicts, 'conflict')}" if preview.conflicts else ""
    lines = [f"▸ {preview.run_id} against {one_line(preview.folder)} as it is now: {total}{conflicts}"]
    if not preview.files:
        lines.append("  Everything is there already.")
    for file in preview.files:
        lines.append(f"▸ {one_line(file.path)} ({file.status})")
        if file.blocked:
            lines.append(f"  ✗ nothing can be written here: {one_line(file.blocked)}")
        for hunk in file.hunks:
            lines += _hunk(hunk)
    return lines


def _hunk(hunk: "Hunk") -> list[str]:
    if hunk.kind == "mode":
        return [f"  {hunk.number}  the file's executable bit changes"]
    where = f"line {hunk.start + 1}" if hunk.kind == "lines" else "the whole file"
    if not hunk.conflict:
        shown = [*_side("-", hunk.mine), *_side("+", hunk.theirs)]
        return [f"  {hunk.number}  {where}", *(shown or ["     (no text)"])]
    return [
        f"  {hunk.number}  ✗ {where}: {hunk.conflict}",
        "     mine:",
        *(_side("-", hunk.mine) or ["     (nothing, or no text)"]),
        "     theirs:",
        *(_side("+", hunk.theirs) or ["     (nothing, or no text)"]),
    ]


def _side(mark: str, lines: tuple[bytes, ...]) -> list[str]:
    shown = [f"     {mark}{inert(_text(line))}" for line in lines[:MAX_LINES]]
    return shown + ([f"     … {len(lines) - MAX_LINES} more lines"] if len(lines) > MAX_LINES else [])


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r\n")


def hunk_record(preview: "Preview") -> dict[str, Any]:
    """A preview for a program."""
    return {
        "run_id": preview.run_id,
        "folder": preview.folder,
        "commit": preview.commit,
        "merges": preview.merges,
        "seen": preview.seen,
        "files": [
            {
                "path": file.path,
                "status": file.status,
                "blocked": file.blocked,
                "hunks": [
                    {
                        "number": hunk.number,
                        "kind": hunk.kind,
                        "line": hunk.start + 1,
                        "conflict": hunk.conflict,
                        "mine": "".join(line.decode("utf-8", "replace") for line in hunk.mine),
                        "theirs": "".join(line.decode("utf-8", "replace") for line in hunk.theirs),
                    }
                    for hunk in file.hunks
                ],
            }
            for file in preview.files
        ],
    }


def chosen(
    preview: "Preview",
    *,
    only: tuple[str, ...] = (),
    take: tuple[str, ...] = (),
    mine: tuple[str, ...] = (),
    theirs: tuple[str, ...] = (),
    seen: str = "",
) -> "Selection":
    """What a person takes, named on the command line.

    Args:
        preview: the result against their folder.
        only: files, or folders with all below; all files when neither this nor `take` names any.
        take: `FILE:N,N` names hunks of a file.
        mine: `FILE` or `FILE:N` decides conflicts for what is there.
        theirs: the same for what the run has.
        seen: what the person looked at.

    Raises:
        BadInput: a file or a hunk is not there, or a conflict is left without a decision where all is taken.
    """
    from engine.workspace.preview import Selection, everything

    sides: dict[str, dict[int, Side]] = {}
    if not only and not take:
        sides = {path: dict(numbers) for path, numbers in everything(preview).sides.items()}
    for name in only:
        for file in _below(preview, name):
            sides.setdefault(file.path, {}).update({h.number: "theirs" for h in file.hunks if not h.conflict})
    for name in take:
        for file, hunk in _named(preview, name):
            if hunk.conflict:
                raise BadInput(
                    f"Hunk {hunk.number} of {one_line(file.path)} is in conflict",
                    f"Decide it: --theirs {one_line(file.path)}:{hunk.number}, or --mine.",
                )
            sides.setdefault(file.path, {})[hunk.number] = "theirs"
    decided: tuple[tuple[tuple[str, ...], Side], ...] = ((mine, "mine"), (theirs, "theirs"))
    for names, side in decided:
        for name in names:
            for file, hunk in _named(preview, name):
                if hunk.conflict:
                    sides.setdefault(file.path, {})[hunk.number] = side
    selection = Selection(sides, seen or preview.seen)
    if not only and not take:
        _refuse_open(preview, selection)
    return selection


def _refuse_open(preview: "Preview", selection: "Selection") -> None:
    """Where all is taken, no conflict may be passed over in silence."""
    for file in preview.files:
        left = [hunk for hunk in file.conflicts if hunk.number not in selection.of(file)]
        if file.blocked or left:
            raise BadInput(
                f"Nothing was written: {one_line(file.why)}",
                "Decide with --mine FILE or --theirs FILE, or name what to take with --only and --take. " + LIST_HINT,
            )


def _below(preview: "Preview", name: str) -> "list[FileDelivery]":
    found = [file for file in preview.files if file.path == name or file.path.startswith(name.rstrip("/") + "/")]
    if not found:
        raise BadInput(f"The result would change nothing at {one_line(name)!r}", LIST_HINT)
    return found


def _named(preview: "Preview", name: str) -> "list[tuple[FileDelivery, Hunk]]":
    """The hunks that `FILE` or `FILE:N,N` stands for."""
    path, colon, numbers = name.rpartition(":")
    wanted = [part.strip() for part in numbers.split(",")]
    exists = any(file.path == name for file in preview.files)
    if exists or not colon or not all(part.isascii() and part.isdigit() for part in wanted):
        return [(file, hunk) for file in _below(preview, name) for hunk in file.hunks]
    found = []
    for file in _below(preview, path):
        known = {str(hunk.number): hunk for hunk in file.hunks}
        for part in wanted:
            if part not in known:
                raise BadInput(f"{one_line(file.path)} has no hunk {part}", LIST_HINT)
            found.append((file, known[part]))
    return found
