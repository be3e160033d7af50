"""Where Miracle's files live on this machine."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

APP = "miracle"
SERVICE_ROOT = Path("/var/lib/miracle")
"""Data of a Miracle that runs as root: a sandboxed uid must reach worktrees, and /root must stay closed to it."""


@dataclass(frozen=True)
class Paths:
    """The folders that belong to Miracle; none is made before it is needed."""

    data: Path
    config: Path
    cache: Path
    logs: Path

    @property
    def database(self) -> Path:
        """The embedded PostgreSQL's data directory."""
        return self.data / "postgres"

    @property
    def worktrees(self) -> Path:
        """One git worktree a run."""
        return self.data / "worktrees"

    @property
    def repositories(self) -> Path:
        """Repositories of folders that were none, and the bare halves of worktrees."""
        return self.data / "repositories"

    @property
    def environments(self) -> Path:
        """Tool and project environments, read-only in the sandbox."""
        return self.data / "environments"


def find_paths(environ: Mapping[str, str] = os.environ, *, root: bool | None = None) -> Paths:
    """The platform's folders, or those under `MIRACLE_HOME` where it is set.

    Args:
        environ: the process environment.
        root: whether the process is root; asked of the system by default.
    """
    if home := environ.get("MIRACLE_HOME"):
        base = Path(home).expanduser().absolute()
        return Paths(data=base / "data", config=base / "config", cache=base / "cache", logs=base / "logs")
    from platformdirs import PlatformDirs

    dirs = PlatformDirs(APP, appauthor=False)
    if os.geteuid() == 0 if root is None else root:
        return Paths(SERVICE_ROOT / "data", Path(dirs.user_config_dir), SERVICE_ROOT / "cache", SERVICE_ROOT / "logs")
    return Paths(
        data=Path(dirs.user_data_dir),
        config=Path(dirs.user_config_dir),
        cache=Path(dirs.user_cache_dir),
        logs=Path(dirs.user_log_dir),
    )
