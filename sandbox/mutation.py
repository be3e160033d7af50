"""Runs a project's tests on many variants of its files, one after the other, with one start of the sandbox."""

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.identity import sandbox_identity
from sandbox.protocol import Backend, Env, ExecSpec, Exited, Language, Limits, Output
from sandbox.runners.node_runner import jest_command, node_command, vitest_command
from sandbox.runners.pytest_runner import VARIABLES, command_variables, pytest_command
from sandbox.testing import Kind

FOLDER = ".miracle-variants"
_SCRIPT = """
set -u
word=$1 seconds=$2 folder=$3
shift 3
tested() { timeout -k 2 -s KILL "$seconds" "$@" </dev/null >/dev/null 2>&1; }
tested "$@"
echo "$word whole $?"
for list in $(ls "$folder" | grep '\\.path$' | sort -n); do
  number=${list%.path}
  path=$(cat "$folder/$list")
  cp "$path" "$folder/kept" && cp "$folder/$number.text" "$path" || exit 3
  tested "$@"
  echo "$word $number $?"
  cp "$folder/kept" "$path" || exit 3
done
echo "$word end 0"
"""
"""No process of the tested code survives its `timeout`'s end for long; the sandbox's own end takes the rest."""


@dataclass(frozen=True)
class MutationRequest:
    """What to run, and the variants to run it on."""

    run_id: str
    """Names the execution for `cancel`."""
    workspace: Path
    """A clean checkout that nobody else uses; it is written to."""
    language: Language
    kind: Kind
    env: Env
    limits: Limits
    each_s: float
    """Seconds after which the tests of one variant count as failed."""
    command: tuple[str, ...] = ()
    """What to run when the kind is `command`; of vitest and jest, the project's own variables and arguments."""
    files: tuple[tuple[str, bytes], ...] = field(default=())
    """Path and new content of each variant."""


@dataclass(frozen=True)
class MutationOutcome:
    """What the tests said of each variant."""

    caught: tuple[bool | None, ...]
    """Whether they failed; None for a variant that there was no time for."""
    note: str = ""
    lost: bool = False
    """Whether the sandbox went away."""
    duration_s: float = 0.0


async def try_mutants_in(backend: Backend, request: MutationRequest) -> MutationOutcome:
    """Run the tests on the files as they are, then on each variant.

    A word that is made up for the run keeps the verdicts apart from stray output. Tested code that wants to could find
    it: what mutants show judges tests, and never makes anything green.
    """
    word = secrets.token_hex(16)
    _write(request)
    argv = ("sh", "-c", _SCRIPT, "sh", word, f"{request.each_s:.0f}", FOLDER, *_command(request))
    own = VARIABLES if request.kind == "pytest" else command_variables(request.env)
    variables = {**own, "PYTHONDONTWRITEBYTECODE": "1"}
    spec = ExecSpec(request.run_id, argv, request.workspace, request.env, variables, request.limits)
    text, exited = "", Exited("backend_lost", None, 0.0)
    async for event in backend.run(spec):
        if isinstance(event, Output):
            text += event.text
        elif isinstance(event, Exited):
            exited = event
    said = {line.split()[1]: line.split()[2] for line in text.splitlines() if line.startswith(f"{word} ")}
    nothing: tuple[bool | None, ...] = (None,) * len(request.files)
    if exited.reason in ("backend_lost", "cancelled"):
        return MutationOutcome(nothing, lost=True)
    if said.get("whole") != "0":
        return MutationOutcome(nothing, "the tests are not green in a clean checkout", duration_s=exited.duration_s)
    caught = tuple(said[str(n)] != "0" if str(n) in said else None for n in range(len(request.files)))
    note = "" if "end" in said else f"stopped early ({exited.reason}): {caught.count(None)} mutants were not tried"
    return MutationOutcome(caught, note, duration_s=exited.duration_s)


def _command(request: MutationRequest) -> tuple[str, ...]:
    if request.kind == "pytest":
        return pytest_command(("-x", "-q", "--tb=no"))
    if request.kind == "vitest":
        return vitest_command((*(request.command or ("vitest",)), "--bail=1"), ())
    if request.kind == "jest":
        return jest_command((*(request.command or ("jest",)), "--bail"), ())
    return node_command(()) if request.kind == "node" else request.command


def _write(request: MutationRequest) -> None:
    folder = request.workspace / FOLDER
    folder.mkdir(mode=0o755)
    identity = sandbox_identity()
    for number, (path, content) in enumerate(request.files):
        (folder / f"{number}.path").write_text(path, encoding="utf-8")
        (folder / f"{number}.text").write_bytes(content)
    if identity is not None:
        for entry in (folder, *folder.iterdir()):
            os.chown(entry, *identity)
