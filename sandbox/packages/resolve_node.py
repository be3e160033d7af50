"""What would be installed for Node.js: a package-lock.json that npm makes without running a script."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.errors import EnvironmentFailed
from sandbox.identity import reachable
from sandbox.install_step import Said, run_step
from sandbox.interpreters import find_node
from sandbox.packages.held import npm_lock_packages
from sandbox.packages.lookalike import resembled
from sandbox.packages.requirements import is_plain_range
from sandbox.packages.resolve_python import working_folder
from sandbox.packages.values import Package, Refusal, Resolution, Wanted

QUIET = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
UNREACHABLE = ("ENOTFOUND", "ECONNREFUSED", "EAI_AGAIN", "ETIMEDOUT", "ECONNRESET", "network request to")
MISSING = ("E404", "ETARGET", "ENOVERSIONS")
ASKED = 8
"""Packages whose size and age are asked for."""
LOCK = "package-lock.json"
_MISSING_NAME = re.compile(r"'((?:@[\w.-]+/)?[\w.-]+)@[^']*'|for ((?:@[\w.-]+/)?[\w.-]+)@")


def resolve_node(wanted: Sequence[Wanted], folder: Path, *, manifest: Mapping[str, Any], lock: str) -> Resolution:
    """Find versions that fit together, each with its hash.

    Args:
        wanted: packages, with the versions they may have.
        folder: of the installer's caches and of what it works on.
        manifest: the project's package.json; its scripts and everything but its dependencies is left out.
        lock: the project's own lock, which is kept where it fits; empty where it has none.

    Raises:
        EnvironmentFailed: npm is not there or cannot be started.
    """
    names = {one.name for one in wanted}
    with working_folder(folder) as work:
        (work / "package.json").write_text(json.dumps(plain_manifest(manifest, wanted)))
        if lock:
            (work / LOCK).write_text(_without_addresses(lock))
        said = npm_step(("install", "--package-lock-only", *QUIET), folder, work)
        made = (work / LOCK).read_text("utf-8") if said.ok else ""
        if said.ok:
            return resolution_of(names, made, _asked(names, made, folder, work))
    if any(sign in said.text for sign in UNREACHABLE):
        return Resolution(unreachable=f"The npm registry cannot be reached: {_why(said.text)}")
    culprit = _MISSING_NAME.search(said.text) if any(sign in said.text for sign in MISSING) else None
    blamed = (culprit[1] or culprit[2]) if culprit else ""
    refused = tuple(Refusal(name=name, reason=_why(said.text)) for name in names if blamed in ("", name))
    if not refused:
        return Resolution(refused=tuple(Refusal(name=name, reason=_why(said.text)) for name in names))
    rest = [one for one in wanted if one.name not in {refusal.name for refusal in refused}]
    if not rest:
        return Resolution(refused=refused)
    found = resolve_node(rest, folder, manifest=manifest, lock=lock)
    return found.model_copy(update={"refused": (*refused, *found.refused)})


def npm_step(arguments: Sequence[str], folder: Path, work: Path) -> Said:
    """Run npm in the installing step.

    Args:
        arguments: of npm.
        folder: of the caches.
        work: where it works and what it may write.

    Raises:
        EnvironmentFailed: there is no Node.js with npm that the sandbox's user can run.
    """
    node, script = find_node(), _npm()
    if node is None or script is None:
        raise EnvironmentFailed(
            "npm is not there for the sandbox's user, so no package of Node.js can be installed.",
            "Install Node.js with npm by the system's packages, then resume the run.",
        )
    mounts = (node.mount,) if node.mount else ()
    own = {"npm_config_cache": str(folder / "npm"), "npm_config_userconfig": "/dev/null", "NO_COLOR": "1"}
    return run_step((node.executable, script, *arguments), work, folder / "npm", readable=mounts, variables=own)


def plain_manifest(manifest: Mapping[str, Any], wanted: Sequence[Wanted]) -> dict[str, Any]:
    """A package.json that holds nothing but the wanted dependencies, and the versions that the project overrides."""
    wishes = {one.name: one.requirement.removeprefix(f"{one.name}@") for one in wanted}
    plain: dict[str, Any] = {
        "name": "project",
        "version": "0.0.0",
        "private": True,
        "dependencies": {name: "*" if wish in ("", name) else wish for name, wish in sorted(wishes.items())},
    }
    overrides = _plain_overrides(manifest.get("overrides"))
    return {**plain, "overrides": overrides} if overrides else plain


def _plain_overrides(found: object) -> Any:
    """Overrides that name versions; one that puts another package or an address in a package's place is left out."""
    if isinstance(found, str):
        return found if is_plain_range(found.removeprefix("$")) else None
    if not isinstance(found, dict):
        return None
    return {name: plain for name, inner in found.items() if (plain := _plain_overrides(inner)) is not None}


def _without_addresses(lock: str) -> str:
    """The lock without where its packages come from: the registry is asked for each by name, version and hash.

    A project's own lock could name any address beside a name that a person trusts.
    """
    try:
        read = json.loads(lock)
    except (ValueError, RecursionError):
        return lock
    packages = read.get("packages") if isinstance(read, dict) else None
    for entry in packages.values() if isinstance(packages, dict) else ():
        if isinstance(entry, dict) and not entry.get("link"):
            entry.pop("resolved", None)
    return json.dumps(read)


def manifest_for(lock: str) -> str:
    """The package.json that a lock was made from."""
    root = json.loads(lock)["packages"][""]
    return json.dumps({"name": "project", "version": "0.0.0", "private": True, **root})


def _npm() -> Path | None:
    places = ("/usr/lib/node_modules/npm/bin/npm-cli.js", "/usr/share/nodejs/npm/bin/npm-cli.js")
    node = find_node()
    own = node.executable.parent.parent / "lib/node_modules/npm/bin/npm-cli.js" if node else Path(places[0])
    return next((path for path in (own, *map(Path, places)) if path.exists() and reachable(path)), None)


def resolution_of(names: set[str], lock: str, told: Mapping[str, Mapping[str, Any]]) -> Resolution:
    """What a lock would install.

    Args:
        names: of the wanted packages.
        lock: a package-lock.json, as npm made it.
        told: age and size by name.
    """
    packages, unsafe = [], []
    for path, entry in npm_lock_packages(lock).items():
        name = path.rpartition("node_modules/")[2]
        if entry.get("link") or not entry.get("integrity"):
            unsafe.append(Refusal(name=name, reason="It does not come from a registry, so it has no hash to trust."))
            continue
        more = told.get(name, {}) if path == f"node_modules/{name}" else {}
        # Where one package is installed under another's name, a person and the lists have to know the first one.
        packages.append(
            _package(
                str(entry.get("name") or name), entry, more, direct=name in names and path == f"node_modules/{name}"
            )
        )
    if unsafe:
        return Resolution(refused=(*unsafe, *(Refusal(name=name, reason=unsafe[0].reason) for name in names)))
    return Resolution(packages=tuple(packages), lock=_without_addresses(lock))


def _package(name: str, entry: Mapping[str, Any], more: Mapping[str, Any], *, direct: bool) -> Package:
    released, size = str(more.get("released", "")), more.get("size")
    try:
        when = datetime.fromisoformat(released) if released else None
    except ValueError:
        when = None
    return Package(
        name=name,
        version=str(entry.get("version", "")),
        direct=direct,
        size_bytes=size if isinstance(size, int) else 0,
        licence=str(entry.get("license", ""))[:80],
        released=when.replace(tzinfo=when.tzinfo or UTC) if when else None,
        resembles=resembled(name, "node"),
        has_scripts=bool(entry.get("hasInstallScript")),
    )


def _asked(names: set[str], lock: str, folder: Path, work: Path) -> dict[str, dict[str, Any]]:
    """Size and age of the wanted packages, as the registry tells them."""
    there = npm_lock_packages(lock)
    told: dict[str, dict[str, Any]] = {}
    for name in sorted(names)[:ASKED]:
        version = str(there.get(f"node_modules/{name}", {}).get("version", ""))
        if not version:
            continue
        view = ("view", f"{name}@{version}", "time", "dist.unpackedSize", "--json", "--loglevel=error")
        said = npm_step(view, folder, work)
        try:
            read = json.loads(said.output or "{}")
        except ValueError:
            continue
        if said.ok and isinstance(read, dict):
            # A registry that tells one of the two gives it without its name.
            times = read.get("time", read)
            released = times.get(version, "") if isinstance(times, dict) else ""
            told[name] = {"released": released, "size": read.get("dist.unpackedSize")}
    return told


def _why(text: str) -> str:
    lines = [line.removeprefix("npm error").strip() for line in text.splitlines()]
    kept = [line for line in lines if line and not line.startswith(("code ", "A complete log", "404  Note"))]
    return " ".join(" ".join(kept).split())[:400]
