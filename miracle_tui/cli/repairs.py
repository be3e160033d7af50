"""What `miracle doctor --fix` does: only what is safe, and it says what it did."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.config import Config

INSTALL_S = 300
INSTALLERS: dict[str, tuple[str, ...]] = {
    "apt-get": ("apt-get", "install", "--yes", "--no-install-recommends", "bubblewrap"),
    "dnf": ("dnf", "install", "--assumeyes", "bubblewrap"),
    "pacman": ("pacman", "-S", "--noconfirm", "--needed", "bubblewrap"),
    "zypper": ("zypper", "--non-interactive", "install", "bubblewrap"),
    "apk": ("apk", "add", "bubblewrap"),
}
"""The system's package manager to its command."""


async def repair(config: "Config") -> AsyncIterator[str]:
    """Repair what can be repaired, and tell of each step as it is done."""
    for line in make_folders(config):
        yield line
    async for line in _repair_docker(config):
        yield line
    if shutil.which("bwrap") is None:
        yield await asyncio.to_thread(install_bubblewrap)


def make_folders(config: "Config") -> list[str]:
    """Make the folders of data, configuration, cache and logs that are missing."""
    done = []
    paths = config.paths
    for folder, mode in ((paths.data, 0o755), (paths.config, 0o700), (paths.cache, 0o755), (paths.logs, 0o700)):
        if folder.is_dir():
            continue
        try:
            folder.mkdir(parents=True, mode=mode)
            done.append(f"✓ made the folder {folder}")
        except OSError as exc:
            done.append(f"✗ the folder {folder} cannot be made: {exc.strerror}")
    return done


async def _repair_docker(config: "Config") -> AsyncIterator[str]:
    """Build the image where a Docker engine answers without one, and remove what a killed Miracle left there."""
    from sandbox.docker import Docker
    from sandbox.errors import ImageFailed, SandboxError
    from sandbox.images.build import build_image
    from sandbox.images.offline_base import image_exists

    settings = config.settings.sandbox
    images = {"python": settings.image_python, "node": settings.image_node}
    for image in sorted(set(images.values())):
        try:
            if await asyncio.to_thread(image_exists, image):
                continue
        except ImageFailed:
            return
        yield f"· building the sandbox's image {image}; this takes a minute"
        yield await _build(build_image, image)
    docker = Docker(config.paths.environments, config.paths.cache, images)
    try:
        if left := await docker.reap():
            yield f"✓ removed {left} containers that a killed Miracle left"
    except (SandboxError, OSError) as exc:
        yield f"! containers could not be looked at: {exc}"
    finally:
        await docker.close()


async def _build(build_image: "Callable[[bool, str], Awaitable[str]]", image: str) -> str:
    from sandbox.errors import ImageFailed

    try:
        await build_image(False, image)
    except ImageFailed:
        # Without a registry of images, the system's own packages are enough to make one.
        try:
            await build_image(True, image)
        except ImageFailed as exc:
            return f"✗ {exc.title} {exc.hint}"
    return f"✓ built the sandbox's image {image}"


def install_bubblewrap() -> str:
    """Install bubblewrap by the system's package manager, as root or where sudo asks for no password."""
    installer = next((name for name in INSTALLERS if shutil.which(name)), None)
    if installer is None:
        return "! bubblewrap is not installed, and no package manager that Miracle knows is here"
    command = INSTALLERS[installer]
    if os.geteuid() != 0:
        if not _sudo_without_password():
            return f"! bubblewrap is not installed; install it yourself: sudo {' '.join(command)}"
        command = ("sudo", "--non-interactive", *command)
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=INSTALL_S, check=False
        )
    except (OSError, subprocess.SubprocessError) as exc:
        return f"✗ {' '.join(command)}: {exc}"
    if ended.returncode:
        last = (ended.stderr.strip() or ended.stdout.strip() or "it failed").splitlines()[-1]
        return f"✗ {' '.join(command)}: {last}"
    return f"✓ installed bubblewrap ({' '.join(command)})"


def _sudo_without_password() -> bool:
    if shutil.which("sudo") is None:
        return False
    try:
        return (
            subprocess.run(
                ["sudo", "--non-interactive", "true"], capture_output=True, timeout=10, check=False
            ).returncode
            == 0
        )
    except (OSError, subprocess.SubprocessError):
        return False
