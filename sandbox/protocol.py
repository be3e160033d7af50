"""The one protocol of all isolation backends."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from sandbox.report import CaseResult, Reason

Language = Literal["python", "node"]


@dataclass(frozen=True)
class Capabilities:
    """What a backend is worth on this machine, found by its canary self-test."""

    name: str
    """`docker`, `bubblewrap` or `unsafe-local`."""
    usable: bool
    enforced: tuple[str, ...] = ()
    """Limits that the kernel enforces."""
    best_effort: tuple[str, ...] = ()
    """Limits that a watchdog enforces, or that code which is out to get round them can get round."""
    detail: str = ""
    """Versions and what was found, for `miracle doctor`."""
    remedy: str = ""
    """What to do when it is not usable."""
    missing: tuple[str, ...] = ()
    """What it does not limit at all."""


@dataclass(frozen=True)
class EnvSpec:
    """A tool environment: the packages that tests may import besides the workspace."""

    language: Language
    pins: tuple[str, ...] = ()
    lock: str = ""
    """What a person let be installed besides: requirement lines with hashes, or a package-lock.json."""
    sources: tuple[str, ...] = ()
    """Packages of the lock that may be built from their source archive."""


@dataclass(frozen=True)
class Env:
    """A prepared, read-only environment on the host, mounted at /opt/tools."""

    spec: EnvSpec
    fingerprint: str
    root: Path | None
    """None when the environment is only what the image or the system holds."""
    python: tuple[int, int] | None = None
    """The version that its packages are for."""


@dataclass(frozen=True)
class Limits:
    """Limits of one execution."""

    timeout_s: float = 300.0
    output_bytes: int = 64 * 2**20
    memory_bytes: int = 2**30
    cpus: float = 1.0
    pids: int = 256
    disk_bytes: int = 2 * 2**30
    """What may be written into the workspace, on the machine's own disk."""
    files: int = 200_000
    """How many files may be made there."""


@dataclass(frozen=True)
class ExecSpec:
    """One command in the sandbox. The network is always off."""

    run_id: str
    """Names the execution for `cancel`."""
    argv: tuple[str, ...]
    workspace: Path
    """Mounted read-write at /workspace, the working directory."""
    env: Env
    variables: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = Limits()
    writable: bool = True
    """False mounts the workspace read-only."""
    nonce: str = ""
    """Secret of the test-event frames in the output; empty when none are expected."""


@dataclass(frozen=True)
class Started:
    """The command runs."""

    backend: str


@dataclass(frozen=True)
class Output:
    """A piece of output, decoded with replacement; never a whole frame."""

    text: str


@dataclass(frozen=True)
class TestEvent:
    """A framed report from the test runner's plugin."""

    __test__ = False

    kind: Literal["collected", "started", "case", "finished", "coverage"]
    count: int = 0
    case: CaseResult | None = None
    name: str = ""
    ran: tuple[int, ...] = ()
    """Of `coverage`: lines of the file `name` that ran."""
    missing: tuple[int, ...] = ()
    """Of `coverage`: lines that could have run and did not."""


@dataclass(frozen=True)
class LimitHit:
    """A limit stopped the command."""

    limit: Reason


@dataclass(frozen=True)
class Exited:
    """The end of every stream of events, exactly once."""

    reason: Reason
    exit_code: int | None
    duration_s: float
    detail: str = ""


ExecEvent = Started | Output | TestEvent | LimitHit | Exited


class Backend(Protocol):
    """An isolation backend. `run` yields Started first and Exited last, whatever happens between."""

    name: str

    async def probe(self) -> Capabilities: ...
    async def prepare(self, spec: EnvSpec) -> Env: ...
    def run(self, spec: ExecSpec) -> AsyncIterator[ExecEvent]: ...
    async def cancel(self, run_id: str) -> None: ...
    async def reap(self) -> int: ...
    async def close(self) -> None: ...
