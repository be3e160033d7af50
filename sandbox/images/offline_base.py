"""Builds the sandbox's image from the machine's own package sources, without a registry of images.

Usage: `python -m sandbox.images.offline_base [--if-missing] [--tag NAME]`
"""

import argparse
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from sandbox.docker_connection import HINT, EngineTrouble, connect
from sandbox.errors import ImageFailed
from sandbox.images.status import accept_image
from sandbox.scratch import IMAGE, scratch, sweep
from sandbox.tether import run_tied

TAG = "miracle-sandbox:latest"
PACKAGES = (
    "base-files",
    "bash",
    "coreutils",
    "dash",
    "diffutils",
    "findutils",
    "grep",
    "gzip",
    "libc-bin",
    "mawk",
    "media-types",
    "nodejs",
    "python3",
    "sed",
    "tar",
    "tzdata",
    "util-linux",
)
MERGED = ("bin", "lib", "lib64", "sbin")
FOLDERS = (
    "dev",
    "proc",
    "sys",
    "tmp",
    "etc",
    "workspace",
    "opt/tools",
    "node_modules",
    "usr/bin",
    "usr/lib",
    "usr/lib64",
    "usr/sbin",
)
BALLAST = ("usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "usr/share/lintian")
LINKS = {"awk": "mawk", "python": "python3"}
PASSWD = (
    "root:x:0:0:root:/root:/usr/sbin/nologin\n"
    "person:x:1000:1000::/tmp:/bin/sh\n"
    "sandbox:x:61000:61000::/tmp:/bin/sh\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
)
GROUP = "root:x:0:\nperson:x:1000:\nsandbox:x:61000:\nnogroup:x:65534:\n"
CHANGES = ["USER 1000:1000", "WORKDIR /workspace", 'CMD ["/bin/sh"]', "LABEL miracle.image=sandbox"]
TOOLS = ("apt-get", "dpkg-deb", "tar")


def build_offline(tag: str = TAG) -> str:
    """Build the image from Debian packages and import it.

    Args:
        tag: name and tag of the image.

    Returns:
        The image's id.

    Raises:
        ImageFailed: a tool is missing, the packages cannot be fetched, or no Docker engine answers.
    """
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        raise ImageFailed(
            f"The image cannot be built offline: {', '.join(missing)} not found.",
            "Build it from the Dockerfile with `docker build`, or use the bubblewrap backend.",
        )
    sweep(IMAGE, Path(tempfile.gettempdir()))
    with scratch(IMAGE, Path(tempfile.gettempdir())) as folder:
        root = folder / "rootfs"
        _lay_out(root)
        for package in _download(folder / "packages"):
            _unpack(package, root)
        _finish(root)
        archive = folder / "rootfs.tar"
        _run("tar", "--owner=0", "--group=0", "--numeric-owner", "--one-file-system", "-cf", archive, "-C", root, ".")
        return _import(archive, tag)


def image_exists(tag: str = TAG) -> bool:
    """Whether the engine has the image."""
    from docker.errors import DockerException, ImageNotFound

    try:
        with closing(connect(30)) as client:
            client.images.get(tag)
    except ImageNotFound:
        return False
    except EngineTrouble as exc:
        raise ImageFailed(exc.title, exc.hint) from exc
    except DockerException as exc:
        raise ImageFailed(f"The Docker engine refuses: {exc}", HINT) from exc
    return True


def _run(*command: str | Path) -> None:
    """Run a host tool, with its last words in the error."""
    result = run_tied(command)
    if result.returncode != 0:
        words = (result.stderr or result.stdout).strip().splitlines()
        raise ImageFailed(
            f"{command[0]} failed: {words[-1] if words else f'exit status {result.returncode}'}",
            "Check the machine's package sources (`apt-get update`) and its disk space.",
        )


def _lay_out(root: Path) -> None:
    """Make the folders and the links of a merged /usr before anything is unpacked over them."""
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name in MERGED:
        (root / name).symlink_to(f"usr/{name}")


def _download(folder: Path) -> list[Path]:
    """Fetch the packages and all they need, as if nothing were installed here."""
    (folder / "partial").mkdir(parents=True)
    status = folder / "status"
    status.touch()
    install = (
        "apt-get",
        "-o", f"Dir::State::status={status}",
        "-o", f"Dir::Cache::archives={folder}",
        "-o", "Debug::NoLocking=1",
        "-o", f"APT::Sandbox::User={'root' if os.geteuid() == 0 else ''}",
        "install", "--download-only", "--yes", "--no-install-recommends",
        *PACKAGES,
    )  # fmt: skip
    try:
        _run(*install)
    except ImageFailed:
        if os.geteuid() != 0:
            raise
        # A fresh machine has no package lists yet, or stale ones.
        _run("apt-get", "update")
        _run(*install)
    return sorted(folder.glob("*.deb"))


def _unpack(package: Path, root: Path) -> None:
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE) as source:
        _unpack_stream(source, root)
    if source.returncode != 0:
        raise ImageFailed(f"{package.name} cannot be unpacked.", "Check the disk space and try again.")


def _unpack_stream(source: subprocess.Popen[bytes], root: Path) -> None:
    command = ["tar", "-xf", "-", "-C", str(root), "--keep-directory-symlink", "--no-same-owner"]
    result = subprocess.run(command, stdin=source.stdout, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise ImageFailed(f"tar failed: {result.stderr.strip()}", "Check the disk space and try again.")


def _compile(root: Path) -> None:
    """Compile the standard library, which packages ship as source: else every test run in the read-only image does."""
    for library in root.glob("usr/lib/python3.*"):
        own = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        python = sys.executable if library.name == own else shutil.which(library.name, path="/usr/bin:/usr/local/bin")
        if python is not None:
            _run(python, "-m", "compileall", "-q", "-x", "lib2to3", "-s", root, "-p", "/", library)


def _finish(root: Path) -> None:
    """Drop what tests never need, take setuid away, add the users, close what the root owns."""
    _compile(root)
    for folder in BALLAST:
        shutil.rmtree(root / folder, ignore_errors=True)
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            mode = path.lstat().st_mode
            if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
                path.chmod(stat.S_IMODE(mode) & ~(stat.S_ISUID | stat.S_ISGID))
    (root / "etc/passwd").write_text(PASSWD)
    (root / "etc/group").write_text(GROUP)
    for name, target in LINKS.items():
        if not os.path.lexists(root / "usr/bin" / name):
            (root / "usr/bin" / name).symlink_to(target)
    root.chmod(0o755)
    (root / "tmp").chmod(0o1777)


def _import(archive: Path, tag: str) -> str:
    from docker.errors import DockerException

    try:
        with closing(connect(600)) as client:
            said = client.api.import_image_from_file(str(archive), changes=CHANGES)
            return accept_image(client, json.loads(said.splitlines()[-1])["status"], tag)
    except (DockerException, EngineTrouble) as exc:
        raise ImageFailed(f"The image could not be imported: {exc}", HINT) from exc


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the image from the command line."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.images.offline_base", description=__doc__.split("\n")[0])
    parser.add_argument("--tag", default=TAG, help="name and tag of the image (default: %(default)s)")
    parser.add_argument("--if-missing", action="store_true", help="do nothing when the engine has the image")
    options = parser.parse_args(arguments)
    try:
        if options.if_missing and image_exists(options.tag):
            print(f"{options.tag} is there.")
            return 0
        print(f"{options.tag} built: {build_offline(options.tag)}")
    except ImageFailed as exc:
        print(f"{exc.title}\n{exc.hint}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
