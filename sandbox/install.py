"""Puts what a person let be installed into a folder of an environment, by exact pin and hash."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from sandbox.errors import EnvironmentFailed
from sandbox.install_step import Said, run_step
from sandbox.interpreters import find_python
from sandbox.packages.held import NODE_MODULES, PROJECT, npm_lock_packages
from sandbox.packages.resolve_node import QUIET, manifest_for, npm_step
from sandbox.packages.resolve_python import HINT, uv_step, working_folder
from sandbox.protocol import EnvSpec

LOCKED = "locked.txt"


def install_locked(spec: EnvSpec, target: Path, folder: Path, python: tuple[int, int] | None) -> None:
    """Install a lock's packages into `project` or `node_modules` of an environment that is being made.

    Args:
        spec: its lock, and what may be built from source.
        target: the environment.
        folder: of the installer's caches.
        python: version of the sandbox's Python.

    Raises:
        EnvironmentFailed: a package is not to be had, is another than its hash says, or has no wheel.
    """
    with working_folder(folder) as work:
        if spec.language == "node":
            _install_node(spec.lock, work, folder)
            made, name = work / NODE_MODULES, NODE_MODULES
        else:
            _install_python(spec, work, folder, python or find_python().version)
            made, name = work / PROJECT, PROJECT
        made.mkdir(exist_ok=True)
        shutil.copytree(made, target / name, symlinks=True)
    _own(target / name)


def _install_python(spec: EnvSpec, work: Path, folder: Path, python: tuple[int, int]) -> None:
    (work / LOCKED).write_text(spec.lock)
    arguments = ["pip", "install", "--quiet", "--require-hashes", "--no-deps", "--only-binary", ":all:",
                 "--link-mode", "copy", "--python-version", f"{python[0]}.{python[1]}", "--target", PROJECT,
                 "-r", LOCKED]  # fmt: skip
    for name in spec.sources:
        arguments += ["--no-binary", name]
    said = uv_step(arguments, folder, work, builds=bool(spec.sources))
    _must(said)
    if python == find_python().version:
        _compile(work, folder)


def _compile(work: Path, folder: Path) -> None:
    """Write bytecode where the packages are still writable; what cannot be compiled is compiled by who imports it."""
    program = str(find_python().executable)
    run_step((program, "-I", "-m", "compileall", "-q", "-q", "-s", PROJECT, "-p", f"/opt/tools/{PROJECT}", PROJECT),
             work, folder / "install", network=False)  # fmt: skip


def _install_node(lock: str, work: Path, folder: Path) -> None:
    for path, entry in npm_lock_packages(lock).items():
        if not entry.get("integrity") or entry.get("link"):
            raise EnvironmentFailed(f"{path} has no hash in the lock.", "Name a version of it that is in a registry.")
    (work / "package.json").write_text(manifest_for(lock))
    (work / "package-lock.json").write_text(json.dumps(_whole(json.loads(lock))))
    _must(npm_step(("ci", *QUIET), folder, work))


def _whole(lock: dict[str, Any]) -> dict[str, Any]:
    """The lock without mention of optional packages that it does not hold.

    A registry need not have a package's parts for every system. npm leaves those out of the lock that it makes, and
    then refuses the lock as not whole.
    """
    packages = lock["packages"]
    held = {path.rpartition("node_modules/")[2] for path in packages}
    for entry in packages.values():
        if optional := entry.get("optionalDependencies"):
            entry["optionalDependencies"] = {name: wish for name, wish in optional.items() if name in held}
    return lock


def _must(said: Said) -> None:
    if not said.ok:
        raise EnvironmentFailed(f"The packages could not be installed: {said.text[:1000]}", HINT)


def _own(root: Path) -> None:
    """Take the files from the installer's user, and drop every link that leads out of the folder."""
    uid, gid = os.geteuid(), os.getegid()
    inside = root.resolve()
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = Path(folder, name)
            if path.is_symlink() and not path.resolve().is_relative_to(inside):
                path.unlink()
            elif uid == 0:
                os.chown(path, uid, gid, follow_symlinks=False)
    if uid == 0:
        os.chown(root, uid, gid)
