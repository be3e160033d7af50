"""Runs the canary in a backend."""

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.canary import SCRIPT, Findings, judge
from sandbox.environments import make_public
from sandbox.identity import sandbox_identity
from sandbox.protocol import Backend, Env, EnvSpec, ExecSpec, Exited, Limits, Output
from sandbox.removal import remove_tree

SECRET = "MIRACLE_CANARY_SECRET"
"""Stands in the process's environment while the canary runs: seeing it in a sandbox means a leak."""
TOKEN = ".token"
"""A file that the canary reads back: an engine on another machine has the folder, perhaps, but not this in it."""
LIMITS = Limits(timeout_s=20, output_bytes=2**20)
NO_ENVIRONMENT = Env(EnvSpec("node"), "none", None)


_passed: dict[tuple[str, ...], Findings] = {}
"""What passed in this process: a sandbox does not become unsound while a program runs, and trying takes time."""


async def probe_backend(backend: Backend, folder: Path, identity: tuple[str, ...]) -> tuple[Findings | None, str]:
    """Run the canary, once a process for what it tries.

    Args:
        backend: the backend to try.
        folder: where a workspace may be made that the sandbox's user reaches.
        identity: tells this backend, engine and image from any other.

    Returns:
        What it found, or None and why it did not run.
    """
    if found := _passed.get(identity):
        return found, ""
    marker, token = secrets.token_hex(16), secrets.token_hex(16)
    output, seen = "", False
    os.environ[SECRET] = marker
    try:
        with scratch_workspace(folder) as workspace:
            _put(workspace / TOKEN, token)
            run_id = f"canary-{secrets.token_hex(4)}"
            spec = ExecSpec(run_id, ("sh", "-c", SCRIPT), workspace, NO_ENVIRONMENT, limits=LIMITS)
            async for event in backend.run(spec):
                if isinstance(event, Output):
                    output += event.text
                elif isinstance(event, Exited) and event.reason not in ("ok", "failed"):
                    return None, event.detail or f"{event.reason}: {output[-500:]}"
            seen = (workspace / ".canary").is_file()
    finally:
        os.environ.pop(SECRET, None)
    findings = judge(output, [marker], workspace_seen=seen, token=token)
    if not findings.trouble:
        _passed[identity] = findings
    return findings, ""


def _put(path: Path, text: str) -> None:
    path.write_text(f"{text}\n")
    if identity := sandbox_identity():
        os.chown(path, *identity)


@contextmanager
def scratch_workspace(folder: Path) -> Iterator[Path]:
    """An empty workspace of the sandbox's user."""
    make_public(folder)
    workspace = Path(tempfile.mkdtemp(prefix=".workspace-", dir=folder))
    try:
        if identity := sandbox_identity():
            os.chown(workspace, *identity)
        yield workspace
    finally:
        remove_tree(workspace)
