"""What a promotion wrote over, kept in a private ref so that it can be taken back.

The ref `refs/miracle/<run>/before-promotion` names a commit with the folders

    before/     the files as they were, for three-way merging
    exact/      those whose bytes are others, because of git's line-end settings
    after/      the files as the promotion left them

and `record.json`, which tells the same of files that were not there. Its parent is the promotion before it, if that
has not been taken back. It is written before the first file of the person is touched, and once more when all is done.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from engine.workspace.git import Git
from engine.workspace.inspect import WorkspaceKind
from engine.workspace.kept import BEFORE, keep, private_ref
from engine.workspace.prepared import Prepared
from engine.workspace.threeway import ABSENT, AsWas, Entry, Verdict, as_they_are, entries_now, index_line

_RECORD = "record.json"


@dataclass(frozen=True)
class Touched:
    """One file that a promotion wrote; `exact` is what was there byte for byte, unless that was no regular file."""

    path: str
    before: Entry
    after: Entry
    exact: AsWas | None = None


@dataclass(frozen=True)
class Backup:
    """One promotion that can be taken back.

    Attributes:
        commit: the run's commit that was delivered.
        folder: the person's folder.
        head: the commit that was checked out.
        branch: the branch that was checked out.
        merges: whether the promotion ends with a merge commit on that branch.
        done: whether it came to its end.
        files: what it wrote.
        kept: the commit that holds all this.
        earlier: the same of the promotion before it; empty when there is none.
    """

    commit: str
    folder: str
    head: str
    branch: str
    merges: bool
    done: bool = False
    files: tuple[Touched, ...] = ()
    kept: str = ""
    earlier: str = ""


async def read_backup(prepared: Prepared) -> Backup | None:
    """The newest promotion of the run that has not been taken back."""
    ref = private_ref(prepared.run_id, BEFORE)
    found = await prepared.home.run("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    if found.code != 0:
        return None
    kept = found.out.decode().strip()
    body = json.loads(await prepared.home("cat-file", "blob", f"{kept}:{_RECORD}"))
    parent = await prepared.home.run("rev-parse", "--verify", "--quiet", f"{kept}^")
    files = tuple(
        Touched(
            one["path"],
            (one["before"][0], one["before"][1]),
            (one["after"][0], one["after"][1]),
            AsWas(**one["exact"]) if one["exact"] else None,
        )
        for one in body.pop("files")
    )
    return Backup(**{**body, "files": files, "kept": kept, "earlier": parent.out.decode().strip()})


async def keep_backup(
    prepared: Prepared, kind: WorkspaceKind, commit: str, writes: list[Verdict], *, merges: bool
) -> Backup:
    """Keep what a promotion is about to write over; one that was cut short is gone on with.

    Args:
        prepared: the run's worktree.
        kind: the person's folder.
        commit: the run's commit.
        writes: the files whose result differs from what is there.
        merges: whether a merge commit will follow.
    """
    git = Git(prepared.git_dir, kind.root, prepared.git_dir / "backup.index", prepared.objects)
    exact = await as_they_are(git, [verdict.path for verdict in writes if verdict.ours != ABSENT])
    files = {
        verdict.path: Touched(verdict.path, verdict.ours, verdict.result, exact.get(verdict.path)) for verdict in writes
    }
    earlier = await read_backup(prepared)
    parent = earlier.kept if earlier else ""
    if earlier is not None and not earlier.done:
        parent = earlier.earlier
        files = await _joined(git, earlier, files)
    backup = Backup(commit, str(kind.root), kind.head, kind.branch, merges, files=tuple(files.values()), earlier=parent)
    return await _write(prepared, git, backup)


async def _joined(git: Git, cut_short: Backup, files: dict[str, Touched]) -> dict[str, Touched]:
    """What was there before a promotion that was killed counts, where that had written already."""
    now = await entries_now(git, [touched.path for touched in cut_short.files])
    written = {
        touched.path: touched
        for touched in cut_short.files
        if now[touched.path] == touched.after and touched.after != touched.before
    }
    again = {
        path: replace(written[path], after=touched.after) if path in written else touched
        for path, touched in files.items()
    }
    return {**written, **again}


async def finish_backup(prepared: Prepared, kind: WorkspaceKind, backup: Backup) -> Backup:
    """Note that the promotion came to its end."""
    git = Git(prepared.git_dir, kind.root, prepared.git_dir / "backup.index", prepared.objects)
    return await _write(prepared, git, replace(backup, done=True))


async def forget_backup(prepared: Prepared, backup: Backup) -> None:
    """The promotion was taken back: the one before it, if any, is the newest now."""
    ref = private_ref(prepared.run_id, BEFORE)
    if backup.earlier:
        await prepared.home("update-ref", ref, backup.earlier, backup.kept)
    else:
        await prepared.home("update-ref", "-d", ref, backup.kept)


async def _write(prepared: Prepared, git: Git, backup: Backup) -> Backup:
    body = {name: value for name, value in asdict(backup).items() if name not in ("kept", "earlier")}
    record = await git.line("hash-object", "-w", "--no-filters", "--stdin", stdin=json.dumps(body).encode())
    lines = [index_line(_RECORD, ("100644", record))]
    for touched in backup.files:
        if touched.before != ABSENT:
            lines.append(index_line(f"before/{touched.path}", touched.before))
        if touched.exact and touched.exact.name != touched.before[1]:
            lines.append(index_line(f"exact/{touched.path}", (touched.before[0], touched.exact.name)))
        if touched.after != ABSENT:
            lines.append(index_line(f"after/{touched.path}", touched.after))
    assert git.index is not None
    _remove(git.index)
    try:
        await git("update-index", "-z", "--index-info", stdin=b"".join(lines))
        tree = await git.line("write-tree")
    finally:
        _remove(git.index)
    parents = ("-p", backup.earlier) if backup.earlier else ()
    text = f"What the promotion of {prepared.run_id} wrote over; `miracle undo {prepared.run_id}` puts it back\n"
    kept = await git.line("commit-tree", tree, *parents, stdin=text.encode())
    await keep(prepared.home, prepared.run_id, BEFORE, kept)
    return replace(backup, kept=kept)


def _remove(index: Path) -> None:
    index.unlink(missing_ok=True)
