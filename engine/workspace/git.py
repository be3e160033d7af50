"""Git as a subprocess that runs nothing but git.

The sandbox can write the worktree, so no git directory, configuration, hook, filter or monitor from there, from the
person's repository, or from the machine may ever start a program. Each call therefore names its git directory, reads
no global or system configuration, forbids every transport, and has a time limit.
"""

import asyncio
import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from engine.errors import WorkspaceError

IDENTITY = ("Miracle", "miracle@localhost")
TIMEOUT_S = 120.0
LONG_TIMEOUT_S = 900.0
"""For calls that read or write every file of a project."""
_READ_BYTES = 2**16

_OPTIONS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.quotePath=false",
    "core.looseCompression=1",
    "core.splitIndex=false",
    "protocol.allow=never",
    "protocol.file.allow=never",
    "protocol.ext.allow=never",
    "submodule.recurse=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "commit.gpgSign=false",
    "tag.gpgSign=false",
    "safe.directory=*",
)


class GitError(WorkspaceError):
    """Git itself failed; the title names the command, the hint holds what git said."""


@dataclass(frozen=True)
class Finished:
    """How a git call ended; `cut` when its output was longer than asked for."""

    code: int
    out: bytes
    err: str
    cut: bool = False


def _environment() -> dict[str, str]:
    """A fixed environment: the machine's own git settings take no part."""
    name, mail = IDENTITY
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "LANG": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "/bin/false",
        "SSH_ASKPASS": "/bin/false",
        "GIT_EDITOR": "/bin/false",
        "GIT_SEQUENCE_EDITOR": "/bin/false",
        "GIT_PAGER": "cat",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": mail,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": mail,
    }


@dataclass(frozen=True)
class Git:
    """One git directory, seen with a work tree, an index and an object store of its own choice."""

    git_dir: Path | None
    """None lets git look for the repository of `work_tree`, to find out where it is."""
    work_tree: Path | None = None
    index: Path | None = None
    objects: Path | None = None
    own_settings: bool = False
    """Whether the person's global settings are read too; only ever to look values up."""

    async def run(
        self, *arguments: str, stdin: bytes = b"", timeout_s: float = TIMEOUT_S, limit: int | None = None
    ) -> Finished:
        """Run git and return how it ended, whatever its status.

        Args:
            arguments: the command and its arguments.
            stdin: what it reads.
            timeout_s: seconds until it is killed.
            limit: bytes of output after which it is stopped.

        Raises:
            GitError: git is not installed, or did not end in time.
        """
        command = ["git"]
        for option in _OPTIONS:
            command += ["-c", option]
        if self.git_dir is None:
            command += ["-C", str(self.work_tree)]
        else:
            command += [f"--git-dir={self.git_dir}"]
            command += [f"--work-tree={self.work_tree}"] if self.work_tree else []
        environment = _environment()
        if self.own_settings:
            for name in ("GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_GLOBAL"):
                del environment[name]
            environment["HOME"] = os.path.expanduser("~")  # noqa: ASYNC240 reads a variable
        if self.index:
            environment["GIT_INDEX_FILE"] = str(self.index)
        if self.objects:
            environment["GIT_OBJECT_DIRECTORY"] = str(self.objects)
        return await _execute([*command, *arguments], environment, self.work_tree, stdin, timeout_s, limit)

    async def __call__(
        self, *arguments: str, stdin: bytes = b"", timeout_s: float = TIMEOUT_S, limit: int | None = None
    ) -> bytes:
        """Run git and return its output.

        Raises:
            GitError: it ended with a status other than 0.
        """
        finished = await self.run(*arguments, stdin=stdin, timeout_s=timeout_s, limit=limit)
        if finished.code != 0 and not finished.cut:
            said = finished.err.strip() or f"it ended with status {finished.code}"
            raise GitError(f"git {arguments[0]} failed", f"Git says: {said[-1000:]}")
        return finished.out

    async def line(self, *arguments: str, stdin: bytes = b"") -> str:
        """Run git and return its output as one line of text."""
        return os.fsdecode((await self(*arguments, stdin=stdin)).rstrip(b"\n"))


async def _execute(
    command: list[str],
    environment: dict[str, str],
    folder: Path | None,
    stdin: bytes,
    timeout_s: float,
    limit: int | None,
) -> Finished:
    if folder is not None and not os.path.isdir(folder):  # noqa: ASYNC240 one stat call, cheaper than a thread
        raise GitError(f"{folder} is gone", "Something removed the folder; resume the run to make it again.")
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )
    except FileNotFoundError as exc:
        raise GitError(
            "Git is not installed", "Install git and start again; `miracle doctor` shows what is missing."
        ) from exc
    try:
        async with asyncio.timeout(timeout_s):
            (out, cut), err, _ = await asyncio.gather(
                _read(process, process.stdout, limit), _read(process, process.stderr, None), _write(process, stdin)
            )
            code = await process.wait()
    except TimeoutError as exc:
        raise GitError(f"git did not end within {timeout_s:g} s", "Is the disk slow or the project huge?") from exc
    finally:
        if process.returncode is None:
            kill(process)
            await asyncio.shield(process.wait())
    return Finished(code, out, err[0].decode("utf-8", "replace"), cut)


def kill(process: asyncio.subprocess.Process) -> None:
    """Kill a process unless it has ended.

    `Process.kill` asks for the status first, and thereby takes it from the event loop, which then reports 255.
    """
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)


async def _read(
    process: asyncio.subprocess.Process, stream: asyncio.StreamReader | None, limit: int | None
) -> tuple[bytes, bool]:
    assert stream is not None
    pieces: list[bytes] = []
    size = 0
    while piece := await stream.read(_READ_BYTES):
        pieces.append(piece)
        size += len(piece)
        if limit is not None and size > limit:
            kill(process)
            while await stream.read(_READ_BYTES):
                pass
            return b"".join(pieces)[:limit], True
    return b"".join(pieces), False


async def _write(process: asyncio.subprocess.Process, stdin: bytes) -> None:
    if process.stdin is None:
        return
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(stdin)
        await process.stdin.drain()
    process.stdin.close()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        await process.stdin.wait_closed()


def split(output: bytes) -> list[str]:
    """NUL-separated output as strings; names that are no UTF-8 survive as surrogates."""
    return [os.fsdecode(piece) for piece in output.split(b"\0") if piece]


def join(names: list[str]) -> bytes:
    """Strings as NUL-terminated input."""
    return b"".join(os.fsencode(name) + b"\0" for name in names)


def shown(name: str) -> str:
    """A file name that any screen and any JSON can take."""
    return os.fsencode(name).decode("utf-8", "replace")
