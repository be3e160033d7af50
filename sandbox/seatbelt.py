"""The macOS sandbox, experimental: the profile for `sandbox-exec`, and the command that runs under it.

It is never chosen by itself: macOS calls the program deprecated, and limits on memory, processes and processor share
cannot be had with it.
"""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from sandbox.bubblewrap_arguments import variables
from sandbox.protocol import Capabilities, ExecSpec

PROGRAM = "/usr/bin/sandbox-exec"
SYSTEM = ("/usr", "/bin", "/sbin", "/System", "/Library/Frameworks", "/private/etc/localtime",
          "/private/var/db/timezone", "/private/var/db/dyld", "/opt/homebrew")  # fmt: skip
"""What programs need to start, and nothing of a person's."""
DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
ENFORCED = (
    "network off",
    "read-only system",
    "files outside the workspace",
    "file size",
    "open files",
    "time",
    "output",
)
MISSING = ("memory", "processes", "processor share", "temporary space")


def probe_seatbelt() -> Capabilities:
    """What it would be worth here; usable nowhere but on macOS."""
    detail = "experimental: sandbox-exec is deprecated by macOS"
    if sys.platform != "darwin" or not os.access(PROGRAM, os.X_OK):
        return Capabilities("seatbelt", False, detail="sandbox-exec is there on macOS only", missing=MISSING)
    return Capabilities("seatbelt", True, ENFORCED, (), detail, missing=MISSING)


def seatbelt_profile(workspace: Path, scratch: Path, readable: Sequence[Path] = (), *, writable: bool = True) -> str:
    """The profile: everything is denied that is not named.

    Args:
        workspace: the folder that the code works on.
        scratch: its home and its temporary folder.
        readable: the interpreter's prefix, the tool environment.
        writable: whether the workspace can be written.
    """
    home, tools = _real(workspace), [_real(path) for path in readable]
    written = [_real(scratch), *([home] if writable else [])]
    return "\n".join(
        (
            "(version 1)",
            "(deny default)",
            "(deny network*)",
            "(allow process-fork)",
            "(allow signal (target same-sandbox))",
            "(allow sysctl-read)",
            "(allow file-read-metadata)",
            f"(allow process-exec {_subpaths([*SYSTEM, *tools, home])})",
            f"(allow file-read* {_subpaths([*SYSTEM, *tools, home, _real(scratch)])} {_literals(['/', *DEVICES])})",
            f"(allow file-write* {_subpaths(written)} {_literals(DEVICES)})",
            f"(deny file-write-setugid {_subpaths(['/'])})",
            "",
        )
    )


def seatbelt_command(spec: ExecSpec, scratch: Path, readable: Sequence[Path] = ()) -> tuple[list[str], dict[str, str]]:
    """The command line and the whole environment of an execution.

    Args:
        spec: what to run.
        scratch: a fresh folder for its home and temporary files.
        readable: what else it may read.
    """
    profile = seatbelt_profile(spec.workspace, scratch, readable, writable=spec.writable)
    found = variables(spec, path="/usr/local/bin:/opt/homebrew/bin:/usr/bin:/bin")
    home = {"HOME": str(scratch), "TMPDIR": str(scratch)}
    return [shutil.which("sandbox-exec") or PROGRAM, "-p", profile, *spec.argv], {**found, **home}


def _real(path: Path) -> str:
    """The path as the kernel sees it: /tmp and /var are links on macOS."""
    return os.path.realpath(path)


def _subpaths(paths: Sequence[str]) -> str:
    return " ".join(f"(subpath {_quoted(path)})" for path in paths)


def _literals(paths: Sequence[str]) -> str:
    return " ".join(f"(literal {_quoted(path)})" for path in paths)


def _quoted(text: str) -> str:
    """A string of the profile's language; a line break in a path would end the rule.

    Raises:
        ValueError: the path holds a control character.
    """
    if any(ord(character) < 32 for character in text):
        raise ValueError("a path with control characters cannot stand in a profile")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
