"""What Docker is told: every flag that confines a container."""

import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from sandbox.bubblewrap_arguments import (
    FILE_BYTES,
    NODE_MODULES,
    OPEN_FILES,
    SHM_BYTES,
    TMP_BYTES,
    has_node_modules,
    variables,
)
from sandbox.docker_engine import MEMORY, PROCESSES, Engine
from sandbox.docker_owner import owner_labels
from sandbox.docker_volumes import TOOLS, volumes_of
from sandbox.protocol import ExecSpec, Limits

WORKSPACE = "/workspace"
PATH = "/usr/local/bin:/usr/bin:/bin"


def container_options(spec: ExecSpec, image: str, engine: Engine) -> dict[str, Any]:
    """The arguments of `containers.create`.

    Args:
        spec: what to run.
        image: the image.
        engine: where it runs: who the code is there, and whether it sees this machine's files.
    """
    from docker.types import LogConfig, Ulimit

    uid, gid = engine.user
    copied = "copied" if engine.copies and spec.writable else ""
    labels = owner_labels(os.getpid(), spec.run_id)
    return {
        "image": image,
        "command": [*guard(), copied, *spec.argv],
        "entrypoint": [],
        "network_mode": "none",
        "user": f"{uid}:{gid}",
        "read_only": True,
        "cap_drop": ["ALL"],
        "init": True,
        "security_opt": ["no-new-privileges:true", f"seccomp={seccomp_profile()}"],
        "pids_limit": spec.limits.pids,
        "mem_limit": spec.limits.memory_bytes,
        "memswap_limit": spec.limits.memory_bytes,
        "nano_cpus": round(spec.limits.cpus * 10**9),
        "ipc_mode": "private",
        "shm_size": SHM_BYTES,
        "tmpfs": {"/tmp": f"rw,nosuid,nodev,size={TMP_BYTES},mode=1777"},
        "ulimits": [
            Ulimit(name="nofile", soft=OPEN_FILES, hard=OPEN_FILES),
            Ulimit(name="core", soft=0, hard=0),
            Ulimit(name="fsize", soft=FILE_BYTES, hard=FILE_BYTES),
            *(Ulimit(name=name, soft=most, hard=most) for name, most in _instead(spec.limits, engine).items()),
        ],
        "mounts": _copied(spec, labels) if engine.copies else _bound(spec),
        "log_config": LogConfig(type="none"),
        "stdin_open": True,
        "working_dir": "/workspace",
        "hostname": "sandbox",
        "environment": _environment(spec),
        "labels": labels,
    }


def guard() -> list[str]:
    """The command that stands before every other: it ends all when Miracle is gone. The image has to have sh."""
    return ["sh", "-c", script("guard.sh"), "guard"]


def script(name: str) -> str:
    """A script that runs in the container."""
    return (resources.files("sandbox.runners.inside") / name).read_text("utf-8")


def seccomp_profile() -> str:
    """The system-call filter, as the engine's interface takes it."""
    return (resources.files("sandbox.seccomp") / "docker.json").read_text("utf-8")


def _environment(spec: ExecSpec) -> Mapping[str, str]:
    return variables(spec, path=PATH)


def _bound(spec: ExecSpec) -> list[Any]:
    """This machine's folders, for an engine that sees them."""
    from docker.types import Mount

    def bind(target: str, source: Path, *, read_only: bool) -> Any:
        return Mount(target, str(source), type="bind", read_only=read_only, propagation="rprivate")

    mounts = [bind(WORKSPACE, spec.workspace, read_only=not spec.writable)]
    if spec.env.root is not None:
        mounts.append(bind(TOOLS, spec.env.root, read_only=True))
        if has_node_modules(spec):
            mounts.append(bind(NODE_MODULES, spec.env.root / "node_modules", read_only=True))
    return mounts


def _copied(spec: ExecSpec, owner: dict[str, str]) -> list[Any]:
    """Volumes: the workspace's goes with its container, an environment's stays. A sealed workspace is filled later."""
    from docker.types import Mount

    mounts = [Mount(WORKSPACE, None, type="volume", no_copy=True, labels=owner)]
    for volume in volumes_of(spec.env):
        labels = volume.labels()
        mounts += [
            Mount(target, volume.name, type="volume", read_only=True, no_copy=True, labels=labels)
            for target in volume.targets
        ]
    return mounts


def _instead(limits: Limits, engine: Engine) -> dict[str, int]:
    """Limits of each process and each user, where the engine has no control groups for all together."""
    found = {}
    if MEMORY in engine.missing_limits:
        found["data"] = limits.memory_bytes
    if PROCESSES in engine.missing_limits:
        found["nproc"] = limits.pids
    return found
