"""Delivery hunk by hunk: what a person sees is what is merged, and nothing is written without their choice."""

import random
import shutil
from pathlib import Path

import pytest

from config.paths import Paths
from engine.errors import WorkspaceError
from engine.workspace.checkpoint import checkpoint
from engine.workspace.hunks import edits
from engine.workspace.prepared import Prepared
from engine.workspace.preview import Preview, Selection, everything, look
from engine.workspace.promote import promote
from engine.workspace.threeway import Change
from engine.workspace.verdicts import examine, settle
from tests.workspace_fixtures import Folder, edit, paths, plain, prepared, repo

__all__ = ["paths", "plain", "repo"]

Files = dict[str, str | bytes | None]
LONG = "".join(f"line {number}\n" for number in range(40))


async def done(work: Prepared, files: Files) -> str:
    edit(work, files)
    return (await checkpoint(work, "result", base=work.base_commit)).commit


@pytest.fixture
def longer(repo: Folder) -> Folder:
    repo.write({"long.txt": LONG, "bin": b"\0one", "gone.txt": "g\n"})
    repo.commit("more")
    return repo


def changed(*lines: int, by: str) -> str:
    return "".join(f"{by} {n}\n" if n in lines else f"line {n}\n" for n in range(40))


def numbers(preview: Preview) -> dict[str, list[tuple[int, str, str]]]:
    return {file.path: [(hunk.number, hunk.kind, hunk.conflict) for hunk in file.hunks] for file in preview.files}


async def test_hunks_of_every_kind_are_listed_and_nothing_is_written(longer: Folder, paths: Paths) -> None:
    work = await prepared(longer, paths)
    (work.worktree / "app.py").chmod(0o755)
    commit = await done(
        work,
        {"long.txt": changed(3, 20, 30, by="run"), "bin": b"\0two", "gone.txt": None, "new.py": "n\n", "é.py": "e\n"},
    )
    longer.write({"long.txt": changed(10, 30, by="my")})
    before = longer.as_seen()
    preview = await look(work, longer.root, commit)
    assert numbers(preview) == {
        "app.py": [(1, "mode", "")],
        "bin": [(1, "file", "")],
        "gone.txt": [(1, "file", "")],
        "long.txt": [(1, "lines", ""), (2, "lines", ""), (3, "lines", "both changed the same lines")],
        "new.py": [(1, "file", "")],
        "é.py": [(1, "file", "")],
    }
    assert (preview.hunks, preview.conflicts, preview.merges) == (8, 1, True)
    assert [file.status for file in preview.files] == ["modified", "modified", "deleted", "modified", "added", "added"]
    third = preview.files[3].hunks[2]
    assert (third.start, third.mine, third.theirs) == (30, (b"my 30\n",), (b"run 30\n",))
    assert longer.as_seen() == before


async def test_one_hunk_is_taken_and_not_committed(longer: Folder, paths: Paths) -> None:
    work = await prepared(longer, paths)
    commit = await done(work, {"long.txt": changed(3, 20, by="run"), "new.py": "n\n"})
    head = longer.git("rev-parse", "HEAD")
    outcome = await promote(work, longer.root, "run-1", "merge", commit, Selection({"long.txt": {2: "theirs"}}))
    assert (longer.root / "long.txt").read_text() == changed(20, by="run")
    assert longer.git("status", "--porcelain") == "M long.txt"
    assert longer.git("rev-parse", "HEAD") == head
    assert (outcome.files, outcome.left_out) == (("long.txt",), 2)
    assert "2 hunks left out" in outcome.detail
    rest = await promote(work, longer.root, "run-1", "merge", commit)
    assert (longer.root / "long.txt").read_text() == changed(3, 20, by="run")
    assert rest.left_out == 0


async def test_taking_everything_by_hand_is_a_merge_like_any_other(longer: Folder, paths: Paths) -> None:
    work = await prepared(longer, paths)
    commit = await done(work, {"long.txt": changed(3, 20, by="run"), "gone.txt": None})
    longer.write({"long.txt": changed(10, by="my")})
    longer.commit("meanwhile")
    preview = await look(work, longer.root, commit)
    outcome = await promote(work, longer.root, "run-1", "merge", commit, everything(preview))
    assert longer.git("rev-parse", "HEAD") == outcome.commit
    assert longer.git("status", "--porcelain") == ""


@pytest.mark.parametrize("side", ["mine", "theirs", None])
async def test_a_conflict_is_decided_by_the_person_only(longer: Folder, paths: Paths, side: str | None) -> None:
    work = await prepared(longer, paths)
    commit = await done(work, {"long.txt": changed(3, 30, by="run")})
    mine = changed(30, by="my")
    longer.write({"long.txt": mine})
    longer.commit("mine")
    preview = await look(work, longer.root, commit)
    sides = {number: kept for number, kept in ((1, "theirs"), (2, side)) if kept}
    outcome = await promote(
        work,
        longer.root,
        "run-1",
        "merge",
        commit,
        Selection({"long.txt": sides}, preview.seen),  # type: ignore[dict-item]
    )
    wanted = mine.replace("line 3\n", "run 3\n")
    wanted = wanted.replace("my 30", "run 30") if side == "theirs" else wanted
    assert (longer.root / "long.txt").read_text() == wanted
    committed = longer.git("rev-parse", "HEAD") == outcome.commit
    assert committed == (side is not None)
    assert outcome.left_out == (0 if side else 1)


@pytest.mark.parametrize(
    ("run", "mine", "why", "taken"),
    [
        ({"new.py": "run\n"}, {"new.py": "my\n"}, "you have another file of that name", b"run\n"),
        ({"gone.txt": None}, {"gone.txt": "my\n"}, "you changed it, and the run removed it", None),
        ({"gone.txt": "run\n"}, {"gone.txt": None}, "you removed it, and the run changed it", b"run\n"),
        ({"bin": b"\0run"}, {"bin": b"\0my"}, "both changed it, and it is no text", b"\0run"),
    ],
)
async def test_whole_files_in_conflict_can_be_taken_too(
    longer: Folder, paths: Paths, run: Files, mine: Files, why: str, taken: bytes | None
) -> None:
    work = await prepared(longer, paths)
    commit = await done(work, run)
    (path,) = run
    edit(Prepared(**{**work.__dict__, "worktree": longer.root}), mine)
    before = longer.files()
    preview = await look(work, longer.root, commit)
    assert numbers(preview) == {path: [(1, "file", why)]}
    with pytest.raises(WorkspaceError, match="No hunk was chosen"):
        await promote(work, longer.root, "run-1", "merge", commit, everything(preview))
    assert longer.files() == before
    await promote(work, longer.root, "run-1", "merge", commit, Selection({path: {1: "theirs"}}))
    assert longer.files().get(path) == taken


async def test_what_cannot_be_written_stays_out_whatever_is_chosen(
    longer: Folder, paths: Paths, tmp_path: Path
) -> None:
    work = await prepared(longer, paths)
    commit = await done(work, {"lib/new.py": "n\n", "gone.txt": "run\n"})
    (tmp_path / "elsewhere").mkdir()
    (longer.root / "lib").symlink_to(tmp_path / "elsewhere")
    preview = await look(work, longer.root, commit)
    assert preview.files[1].why == "lib/new.py: a folder on its way is a link"
    sides = Selection({"lib/new.py": {1: "theirs"}, "gone.txt": {1: "theirs"}})
    outcome = await promote(work, longer.root, "run-1", "merge", commit, sides)
    assert (outcome.files, outcome.left_out) == (("gone.txt",), 1)
    assert list((tmp_path / "elsewhere").iterdir()) == []


async def test_files_that_changed_after_the_look_are_looked_at_again(longer: Folder, paths: Paths) -> None:
    work = await prepared(longer, paths)
    commit = await done(work, {"long.txt": changed(3, 30, by="run")})
    preview = await look(work, longer.root, commit)
    longer.write({"long.txt": changed(1, by="my")})
    with pytest.raises(WorkspaceError, match="changed since you looked"):
        await promote(work, longer.root, "run-1", "merge", commit, everything(preview))
    assert (longer.root / "long.txt").read_text() == changed(1, by="my")


async def test_a_plain_folder_is_merged_hunk_by_hunk(plain: Folder, paths: Paths) -> None:
    plain.write({"notes.txt": LONG})
    work = await prepared(plain, paths)
    commit = await done(work, {"notes.txt": changed(3, 30, by="run")})
    plain.write({"notes.txt": changed(10, by="my")})
    await promote(work, plain.root, "run-1", "merge", commit, Selection({"notes.txt": {1: "theirs"}}))
    assert (plain.root / "notes.txt").read_text() == changed(10, by="my").replace("line 3\n", "run 3\n")


async def test_a_file_too_large_for_lines_is_taken_as_a_whole(
    longer: Folder, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.workspace.blobs.MAX_TEXT_BYTES", 100)
    work = await prepared(longer, paths)
    commit = await done(work, {"long.txt": changed(3, by="run")})
    assert numbers(await look(work, longer.root, commit)) == {"long.txt": [(1, "file", "")]}
    longer.write({"long.txt": changed(30, by="my")})
    with pytest.raises(WorkspaceError, match=r"long\.txt: both changed it"):
        await promote(work, longer.root, "run-1", "merge", commit)


async def test_the_result_is_removed_and_still_taken(longer: Folder, paths: Paths) -> None:
    """The worktree of a run that is over may be gone."""
    work = await prepared(longer, paths)
    commit = await done(work, {"gone.txt": None})
    shutil.rmtree(work.worktree)
    assert (await look(work, longer.root, commit)).hunks == 1
    await promote(work, longer.root, "run-1", "patch", commit)
    await promote(work, longer.root, "run-1", "merge", commit)
    assert not (longer.root / "gone.txt").exists()


async def test_the_hunks_agree_with_git_about_what_merges(repo: Folder, paths: Paths, tmp_path: Path) -> None:
    """Random texts: clean where `git merge-file` is clean, and then with the same result."""
    work = await prepared(repo, paths)
    chance = random.Random(7)
    seen = {True: 0, False: 0}
    for _ in range(40):
        base = [f"{chance.choice('abc')}\n" for _ in range(12)]
        texts = [base, _shaken(base, chance), _shaken(base, chance)]
        names = []
        for number, lines in enumerate(texts):
            (tmp_path / str(number)).write_text("".join(lines))
            names.append(await work.store.line("hash-object", "-w", str(tmp_path / str(number))))
        git = await work.store.run("merge-file", "-p", "-q", *(str(tmp_path / name) for name in "102"))
        change = _change(names)
        file = await examine(work.store, change, ("100644", names[1]))
        assert bool(file.conflicts) == bool(git.code), texts
        seen[bool(file.conflicts)] += 1
        if not git.code:
            verdict = await settle(work.store, file, {hunk.number: "theirs" for hunk in file.hunks})
            assert await work.store("cat-file", "blob", verdict.result[1]) == git.out
    assert min(seen.values()) > 5
    assert await edits(work.store, names[0], names[0]) == []


def _change(names: list[str]) -> Change:
    return Change("x", ("100644", names[0]), ("100644", names[2]))


def _shaken(base: list[str], chance: random.Random) -> list[str]:
    lines = list(base)
    for _ in range(chance.choice((1, 1, 2))):
        at = chance.randrange(len(lines))
        lines[at : at + chance.choice((0, 1, 2))] = [f"{chance.random()}\n"] * chance.choice((0, 1))
    return lines
