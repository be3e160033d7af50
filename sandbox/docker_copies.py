"""A workspace on an engine that does not see this machine's files: one archive there, and one back if it changed."""

import asyncio
import base64
import json
from collections.abc import Mapping
from datetime import datetime
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from sandbox.docker_connection import EngineTrouble, translated
from sandbox.docker_container import Container
from sandbox.docker_engine import Engine
from sandbox.docker_options import WORKSPACE
from sandbox.errors import TooMuch, UnsafeArchive, UnsafePath
from sandbox.protocol import ExecSpec
from sandbox.report import Reason
from sandbox.safe_files import CHUNK
from sandbox.workspace_archive import Owner, Packed, pack
from sandbox.workspace_return import take_back

UNCHANGED = 946_684_800
"""When a workspace says it was changed last, that was not changed: see `guard.sh`."""
HEADERS = 4096
"""Bytes that an archive takes for an entry, at most, besides the content of a file."""


class WorkspaceCopy:
    """The copy that one execution works on."""

    def __init__(self, client: Any, spec: ExecSpec, engine: Engine) -> None:
        self._client = client
        self._spec = spec
        self._owner = Owner(*engine.user) if spec.writable else Owner(0, 0, sealed=True)
        self._sent = Packed()

    def send(self, container: Any) -> None:
        """Fill the volume of a container that was created and does not run yet.

        Raises:
            TooMuch: the workspace is too big.
            EngineTrouble: the engine refuses or is gone, or a file cannot be read.
        """
        limits = self._spec.limits
        with TemporaryFile() as archive:
            try:
                self._sent = pack(
                    self._spec.workspace, archive, self._owner, max_bytes=limits.disk_bytes, max_files=limits.files
                )
            except OSError as exc:
                raise EngineTrouble(f"The workspace cannot be copied to the engine: {exc}") from exc
            archive.seek(0)
            translated(container.put_archive, WORKSPACE, archive)

    def fetch(self, container: Any) -> str:
        """Bring back what a container that has ended changed.

        Returns:
            What is not taken, in a line; empty when all is.

        Raises:
            TooMuch: it wrote more than it may; nothing was taken.
            UnsafeArchive: what came cannot be trusted; nothing was taken.
            UnsafePath: something cannot be written here.
            EngineTrouble: the engine is gone.
        """
        if not self._spec.writable or translated(self._unchanged, container):
            return ""
        limits = self._spec.limits
        max_bytes, max_files = self._sent.bytes + limits.disk_bytes, len(self._sent.entries) + limits.files
        with TemporaryFile() as archive:
            translated(self._download, container, archive, max_bytes + HEADERS * max_files)
            top = WORKSPACE.strip("/")
            return take_back(
                archive, top, self._spec.workspace, self._sent.entries, max_bytes=max_bytes, max_files=max_files
            )

    def _unchanged(self, container: Any) -> bool:
        answer = self._client.api.head(self._url(container), params={"path": WORKSPACE}, timeout=self._timeout)
        answer.raise_for_status()
        return _modified(answer.headers) == UNCHANGED

    def _download(self, container: Any, target: BinaryIO, max_bytes: int) -> None:
        headers, written = {"Accept-Encoding": "identity"}, 0
        with self._client.api.get(
            self._url(container), params={"path": WORKSPACE}, headers=headers, stream=True, timeout=self._timeout
        ) as answer:
            answer.raise_for_status()
            for piece in answer.iter_content(CHUNK):
                written += len(piece)
                if written > max_bytes:
                    raise TooMuch(f"More than {self._spec.limits.disk_bytes // 2**20:,} MB were written.")
                target.write(piece)

    def _url(self, container: Any) -> str:
        api = self._client.api
        return f"{api.base_url}/v{api.api_version}/containers/{container.id}/archive"

    @property
    def _timeout(self) -> float:
        return float(self._client.api.timeout)


async def fetched(copy: WorkspaceCopy, container: Container) -> tuple[Reason | None, str]:
    """Bring back what a container that has ended changed.

    Returns:
        Why the execution failed though its command ended, and what there is to say.
    """
    try:
        return None, await asyncio.to_thread(copy.fetch, container.handle)
    except TooMuch as exc:
        return "disk", f"{exc.title} Nothing of it was brought back."
    except UnsafePath as exc:
        return "disk", f"What the command wrote cannot be written here: {exc.title}"
    except (UnsafeArchive, EngineTrouble) as exc:
        return "backend_lost", f"What the command wrote was not brought back. {exc.title}"


def _modified(headers: Mapping[str, str]) -> float:
    """When a path was changed last, as the engine's answer says; 0 when it does not."""
    try:
        told = json.loads(base64.b64decode(headers.get("X-Docker-Container-Path-Stat", "")))
        return datetime.fromisoformat(str(told["mtime"])).timestamp()
    except (ValueError, KeyError, TypeError):
        return 0.0
