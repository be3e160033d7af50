"""What code ran on, exactly: the image or the program, and the tool environment, for a receipt."""

import asyncio
import platform
import shutil
from functools import cache

from sandbox.docker import Docker
from sandbox.protocol import Backend, Env


async def provenance(backend: Backend, env: Env) -> str:
    """What isolates code here: the id of the Docker image, or the version of bubblewrap and of this system.

    Args:
        backend: a backend that was probed.
        env: the tool environment that the code ran with; it names the language.

    Raises:
        EngineTrouble: the Docker engine does not answer.
    """
    if isinstance(backend, Docker):
        return await backend.image_id(env.spec.language)
    if backend.name == "bubblewrap":
        return await asyncio.to_thread(_bubblewrap)
    return f"{platform.system()} {platform.machine()}"


@cache
def _bubblewrap() -> str:
    import subprocess

    program = shutil.which("bwrap")
    if program is None:
        return "bubblewrap"
    said = subprocess.run([program, "--version"], capture_output=True, text=True, env={}, timeout=10, check=False)
    return f"{said.stdout.strip() or 'bubblewrap'} on {platform.system()} {platform.release()} {platform.machine()}"
