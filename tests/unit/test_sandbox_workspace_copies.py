"""A workspace that went to another machine and came back: what is taken, and what no archive may do here."""

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.errors import TooMuch, UnsafeArchive
from sandbox.workspace_archive import Owner, Packed, pack
from sandbox.workspace_return import take_back

OWNER = Owner(os.getuid(), os.getgid())


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A workspace with a bit of everything, beside a file that is nobody's to write."""
    (tmp_path / "outside").write_text("mine")
    root = tmp_path / "work"
    (root / "src" / "deep").mkdir(parents=True)
    (root / "src" / "a.py").write_text("a = 1\n")
    (root / "src" / "deep" / "b.py").write_text("b = 1\n")
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("src/a.py")
    (root / "system").symlink_to("/usr/lib")
    (root / "caf\u00e9").write_text("ol\u00e9")
    os.mkfifo(root / "pipe")
    (root / ".git").write_text("gitdir: elsewhere\n")
    (root / "src" / ".GIT").mkdir()
    return root


def sent(work: Path) -> tuple[Packed, io.BytesIO]:
    archive = io.BytesIO()
    return pack(work, archive, OWNER, max_bytes=10**6, max_files=100), archive


def members(archive: io.BytesIO) -> dict[str, tuple[tarfile.TarInfo, bytes]]:
    archive.seek(0)
    with tarfile.open(fileobj=archive) as opened:
        found = [(one, opened.extractfile(one) if one.isreg() else None) for one in opened]
        return {one.name.strip("/"): (one, file.read() if file else b"") for one, file in found}


def back(archive: io.BytesIO, *more: tuple[tarfile.TarInfo, bytes], without: tuple[str, ...] = ()) -> io.BytesIO:
    """The archive as an engine gives it back, with other entries in it."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as writing:
        for name, (info, content) in members(archive).items():
            if name not in without:
                info.name = f"workspace/{name}".rstrip("/")
                writing.addfile(info, io.BytesIO(content))
        for info, content in more:
            writing.addfile(info, io.BytesIO(content))
    return made


def entry(
    name: str, kind: bytes = tarfile.REGTYPE, content: bytes = b"", **fields: object
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def take(made: io.BytesIO, work: Path, packed: Packed, max_files: int = 100) -> str:
    return take_back(made, "workspace", work, packed.entries, max_bytes=10**6, max_files=max_files)


def test_all_but_gits_own_and_pipes_is_sent_as_it_is(work: Path) -> None:
    packed, archive = sent(work)
    there = members(archive)
    assert set(there) == {
        "", "src", "src/a.py", "src/deep", "src/deep/b.py", "run.sh", "link", "system", "caf\u00e9",
    }  # fmt: skip
    assert set(packed.entries) == set(there) - {""}
    assert (there["run.sh"][0].mode, there["src/a.py"][1]) == (0o755, b"a = 1\n")
    assert (there["link"][0].linkname, there["system"][0].linkname) == ("src/a.py", "/usr/lib")
    assert {(one.uid, one.gid) for one, _ in there.values()} == {(OWNER.uid, OWNER.gid)}
    sealed = io.BytesIO()
    pack(work, sealed, Owner(0, 0, sealed=True), max_bytes=10**6, max_files=100, leave=("src",))
    assert {oct(one.mode) for one, _ in members(sealed).values() if not one.issym()} == {"0o555", "0o444"}
    assert "src" in members(sealed)
    assert "src/a.py" not in members(sealed)
    with pytest.raises(TooMuch):
        pack(work, io.BytesIO(), OWNER, max_bytes=10, max_files=100)
    with pytest.raises(TooMuch):
        pack(work, io.BytesIO(), OWNER, max_bytes=10**6, max_files=3)


def test_what_did_not_change_is_not_touched_and_what_did_is_taken(work: Path) -> None:
    packed, archive = sent(work)
    (work / "src" / "mine.py").write_text("written meanwhile")
    before = {path: path.lstat().st_ctime_ns for path in work.rglob("*")}
    assert take(back(archive), work, packed) == ""
    assert {path: path.lstat().st_ctime_ns for path in work.rglob("*")} == before
    said = take(
        back(
            archive,
            entry("workspace/src/a.py", content=b"a = 2\n", mode=0o4755),
            entry("workspace/run.sh", content=b"#!/bin/sh\n", mode=0o700),
            entry("workspace/new", tarfile.DIRTYPE, mode=0o000),
            entry("workspace/new/c.py", content=b"c = 1\n"),
            entry("workspace/new/again", tarfile.LNKTYPE, linkname="workspace/new/c.py"),
            entry("workspace/link", tarfile.SYMTYPE, linkname="src/deep"),
            entry("workspace/src/up", tarfile.SYMTYPE, linkname="../new"),
            entry("workspace/system", content=b"a file now"),
            without=("src/a.py", "run.sh", "link", "system", "src/deep", "src/deep/b.py"),
        ),
        work,
        packed,
    )
    assert said == ""
    assert ((work / "src/a.py").read_text(), (work / "src/a.py").stat().st_mode & 0o7777) == ("a = 2\n", 0o755)
    assert (work / "run.sh").stat().st_mode & 0o7777 == 0o700
    assert ((work / "new/again").read_text(), (work / "new").stat().st_mode & 0o777) == ("c = 1\n", 0o700)
    assert (os.readlink(work / "link"), os.readlink(work / "src/up")) == ("src/deep", "../new")
    assert (work / "system").read_text() == "a file now"
    assert not (work / "src" / "deep").exists()
    assert (work / "src/mine.py").exists()
    assert (work / ".git").read_text() == "gitdir: elsewhere\n"
    assert (work / "pipe").is_fifo()


@pytest.mark.parametrize(
    "hostile",
    [
        (entry("/etc/cron.d/x", content=b"x"),),
        (entry("outside", content=b"x"),),
        (entry("workspace/../outside", content=b"x"),),
        (entry("workspace/./src/x", content=b"x"),),
        (entry("workspace//x", content=b"x"),),
        (entry("workspace/run.sh", content=b"x"),),
        (entry("workspace/link/x", content=b"x"),),
        (entry("workspace/nowhere/x", content=b"x"),),
        (entry("workspace/way", tarfile.SYMTYPE, linkname="src"), entry("workspace/way/x", content=b"x")),
        (entry("workspace/x", tarfile.LNKTYPE, linkname="/etc/shadow"),),
        (entry("workspace/x", tarfile.LNKTYPE, linkname="workspace/../outside"),),
        (entry("workspace/x", tarfile.LNKTYPE, linkname="workspace/link"),),
        (entry("workspace/x", tarfile.LNKTYPE, linkname="workspace/later"), entry("workspace/later", content=b"x")),
        (entry("workspace/x", tarfile.CHRTYPE, devmajor=1, devminor=3),),
        (entry("workspace/x", tarfile.BLKTYPE),),
        (entry("workspace/x", b"Z"),),
    ],
)
def test_what_no_sandboxed_code_can_make_is_refused_whole(
    work: Path, hostile: tuple[tuple[tarfile.TarInfo, bytes], ...]
) -> None:
    packed, archive = sent(work)
    with pytest.raises(UnsafeArchive):
        take(back(archive, *hostile, without=("src/a.py",)), work, packed)
    assert (work / "src" / "a.py").exists(), "nothing is taken of it"
    assert (work.parent / "outside").read_text() == "mine"


@pytest.mark.parametrize(
    "cut",
    [
        lambda whole: whole.rstrip(b"\0") + b"\0" * 512,
        lambda whole: whole[: len(whole) // 2],
        lambda whole: b"\0" * 1024,
        lambda whole: b"",
        lambda whole: b"\xff" * 512 + whole,
    ],
)
def test_an_archive_that_was_cut_short_deletes_nothing(work: Path, cut: Callable[[bytes], bytes]) -> None:
    packed, archive = sent(work)
    with pytest.raises(UnsafeArchive):
        take(io.BytesIO(cut(back(archive).getvalue())), work, packed)
    assert (work / "src" / "deep" / "b.py").exists()


def test_too_much_is_refused_whole(work: Path) -> None:
    packed, archive = sent(work)
    with pytest.raises(TooMuch):
        take(back(archive, entry("workspace/big", content=b"x" * 10**6)), work, packed)
    with pytest.raises(TooMuch):
        take(back(archive), work, packed, max_files=3)
    doubled = [entry(f"workspace/h{n}", tarfile.LNKTYPE, linkname="workspace/big") for n in range(9)]
    with pytest.raises(TooMuch):
        take(back(archive, entry("workspace/big", content=b"x" * 2 * 10**5), *doubled), work, packed)
    assert not (work / "big").exists()


def test_what_code_can_make_but_may_not_give_is_left_out_and_said(work: Path) -> None:
    packed, archive = sent(work)
    links = {"out": "/etc/passwd", "up": "../outside", "trick": "src/../../outside", "git": ".git/config"}
    deep = [entry("workspace/" + "/".join("d" * n), tarfile.DIRTYPE, mode=0o755) for n in range(1, 120)]
    said = take(
        back(
            archive,
            *(entry(f"workspace/{name}", tarfile.SYMTYPE, linkname=target) for name, target in links.items()),
            entry("workspace/fifo", tarfile.FIFOTYPE),
            entry("workspace/.Git", tarfile.DIRTYPE, mode=0o755),
            entry("workspace/.Git/config", content=b"[core]\nfsmonitor = evil\n"),
            *deep,
        ),
        work,
        packed,
        max_files=500,
    )
    assert said.startswith("out (a link that leads out); up (")
    assert said.endswith("; and 21 more")
    assert not any(os.path.lexists(work / name) for name in (*links, "fifo", ".Git"))
    assert (work / "d").is_dir()
    assert (work / "system").is_symlink(), "a link of the project's own stays, wherever it leads"
