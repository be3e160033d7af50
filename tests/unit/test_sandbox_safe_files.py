"""Host-side reads and writes never leave the workspace and never hang."""

import os
from pathlib import Path

import pytest

import sandbox.beneath
from sandbox.errors import MissingFile, UnreadableFile, UnsafePath
from sandbox.safe_files import delete, open_beneath, read_bytes, read_text, write_text


@pytest.fixture(params=["openat2", "walk"])
def _route(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of opening: the kernel's, and the walk for kernels without it."""
    if request.param == "walk":
        monkeypatch.setattr(sandbox.beneath, "_has_openat2", lambda: False)


@pytest.fixture
def root(tmp_path: Path, _route: None) -> Path:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "a.txt").write_text("inside")
    (tmp_path / "secret").write_text("outside")
    (root / "link").symlink_to("../secret")
    (root / "up").symlink_to("..")
    (root / "proc").symlink_to("/proc/self")
    os.mkfifo(root / "fifo")
    return root


def test_reads_what_is_inside(root: Path) -> None:
    assert read_text(root, "sub/a.txt", 100) == "inside"
    assert read_text(root, "./sub//a.txt", 100) == "inside"
    opened = open_beneath(root, "sub/a.txt")
    os.close(opened)


@pytest.mark.parametrize(
    "path",
    [
        "link",
        "up/secret",
        "proc/environ",
        "/etc/passwd",
        "../secret",
        "sub/../../secret",
        "fifo",
        "sub",
        "",
        "a\0b",
        "~/x",
    ],
)
def test_refuses_what_leads_out_or_is_no_file(root: Path, path: str) -> None:
    with pytest.raises(UnsafePath) as caught:
        read_text(root, path, 100)
    assert caught.value.title
    assert caught.value.hint


def test_names_what_is_missing_too_big_or_binary(root: Path) -> None:
    with pytest.raises(MissingFile):
        read_text(root, "nothing", 100)
    with pytest.raises(UnreadableFile, match="larger"):
        read_text(root, "sub/a.txt", 5)
    (root / "bytes").write_bytes(b"\xff\xfe")
    (root / "nul").write_bytes(b"a\0b")
    for name in ("bytes", "nul"):
        with pytest.raises(UnreadableFile):
            read_text(root, name, 100)
    assert read_bytes(root, "nul", 100) == b"a\0b"


def test_writes_whole_files_and_keeps_modes(root: Path) -> None:
    write_text(root, "new/deep/b.py", "x = 1\n")
    assert (root / "new/deep/b.py").read_text() == "x = 1\n"
    (root / "sub" / "a.txt").chmod(0o755)
    write_text(root, "sub/a.txt", "again")
    assert (root / "sub" / "a.txt").stat().st_mode & 0o777 == 0o755
    assert sorted(path.name for path in (root / "sub").iterdir()) == ["a.txt"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_writes_belongs_to_the_owner_of_the_folder(root: Path) -> None:
    os.chown(root, 61000, 61000)
    write_text(root, "mine/c.py", "")
    assert (root / "mine").stat().st_uid == (root / "mine/c.py").stat().st_uid == 61000


@pytest.mark.parametrize("path", ["link", "up/new", "fifo", "sub", "../x", "proc/x"])
def test_never_writes_outside(root: Path, path: str) -> None:
    with pytest.raises(UnsafePath):
        write_text(root, path, "hacked")
    assert (root.parent / "secret").read_text() == "outside"


def test_deletes_files_and_links_but_never_their_targets(root: Path) -> None:
    delete(root, "sub/a.txt")
    delete(root, "link")
    assert (root.parent / "secret").exists()
    for path in ("up/secret", "sub", "../secret"):
        with pytest.raises(UnsafePath):
            delete(root, path)
    with pytest.raises(MissingFile):
        delete(root, "sub/a.txt")
