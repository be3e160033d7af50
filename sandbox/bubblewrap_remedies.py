"""Why bubblewrap cannot isolate on this machine, and what a person can do about it."""

from pathlib import Path

CONTAINER_MARKS = (".dockerenv", "run/.containerenv")
PROFILE = """Allow bubblewrap to make user namespaces: write /etc/apparmor.d/bwrap with
    abi <abi/4.0>,
    include <tunables/global>
    profile bwrap /usr/bin/bwrap flags=(unconfined) { userns, }
then run `sudo apparmor_parser -r /etc/apparmor.d/bwrap`."""


def remedy_for(trouble: str, system: Path = Path("/")) -> str:
    """What to do, by what the system says of itself and by what went wrong.

    Args:
        trouble: what went wrong.
        system: the root of the system that is asked.
    """
    if any((system / mark).exists() for mark in CONTAINER_MARKS):
        return (
            "bubblewrap cannot make namespaces inside a default Docker container. Run Miracle on the host, "
            "or give it a Docker engine by DOCKER_HOST."
        )
    if _number(system / "proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1:
        return PROFILE
    if _number(system / "proc/sys/user/max_user_namespaces") == 0:
        return "Allow user namespaces: `sudo sysctl user.max_user_namespaces=15000`."
    if _number(system / "proc/sys/kernel/unprivileged_userns_clone") == 0:
        return "Allow user namespaces: `sudo sysctl kernel.unprivileged_userns_clone=1`."
    if "cannot reach or write" in trouble:
        return "Set MIRACLE_HOME to a folder that other users may enter (mode 755 on every folder above it)."
    return "Use the Docker backend, or see what `bwrap --unshare-all --ro-bind / / true` says."


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
