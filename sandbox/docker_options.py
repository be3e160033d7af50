"""What Docker is told: every flag that confines a container."""

import os
from collections.abc import Mapping
from importlib import resources
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
from sandbox.docker_owner import owner_labels
from sandbox.identity import running_identity
from sandbox.protocol import ExecSpec

PATH = "/usr/local/bin:/usr/bin:/bin"


def container_options(spec: ExecSpec, image: str, *, rootless: bool = False) -> dict[str, Any]:
    """The arguments of `containers.create`.

    Args:
        spec: what to run.
        image: the image.
        rootless: the engine runs as an unprivileged user, who is root inside its containers and no one else.
    """
    from docker.types import LogConfig, Mount, Ulimit

    uid, gid = (0, 0) if rootless else running_identity()
    mounts = [
        Mount("/workspace", str(spec.workspace), type="bind", read_only=not spec.writable, propagation="rprivate")
    ]
    if spec.env.root is not None:
        mounts.append(Mount("/opt/tools", str(spec.env.root), type="bind", read_only=True, propagation="rprivate"))
        if has_node_modules(spec):
            packages = str(spec.env.root / "node_modules")
            mounts.append(Mount(NODE_MODULES, packages, type="bind", read_only=True, propagation="rprivate"))
    return {
        "image": image,
        "command": [*guard(), *spec.argv],
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
        ],
        "mounts": mounts,
        "log_config": LogConfig(type="none"),
        "stdin_open": True,
        "working_dir": "/workspace",
        "hostname": "sandbox",
        "environment": _environment(spec),
        "labels": owner_labels(os.getpid(), spec.run_id),
    }


def guard() -> list[str]:
    """The command that stands before every other: it ends all when Miracle is gone. The image has to have sh."""
    return ["sh", "-c", (resources.files("sandbox.runners.inside") / "guard.sh").read_text("utf-8"), "guard"]


def seccomp_profile() -> str:
    """The system-call filter, as the engine's interface takes it."""
    return (resources.files("sandbox.seccomp") / "docker.json").read_text("utf-8")


def _environment(spec: ExecSpec) -> Mapping[str, str]:
    return variables(spec, path=PATH)
