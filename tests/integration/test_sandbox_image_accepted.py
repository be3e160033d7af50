"""A new image gets its name only when no file in it runs as its owner; else the name stays where it was."""

import io
import json
import tarfile
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from sandbox.docker_connection import connect
from sandbox.errors import ImageFailed
from sandbox.images.status import accept_image, image_statuses

pytestmark = pytest.mark.docker


def archive(folder: Path, mode: int) -> str:
    """A root with one program."""
    entry = tarfile.TarInfo("bin/program")
    entry.size, entry.mode = 3, mode
    path = folder / f"{mode:o}.tar"
    with tarfile.open(path, "w") as root:
        root.addfile(entry, io.BytesIO(b"hi\n"))
    return str(path)


def test_an_image_with_a_setuid_file_is_refused(tmp_path: Path) -> None:
    tag = f"localhost/miracle-accepted:{uuid4().hex[:12]}"
    with closing(connect(60)) as client:

        def imported(mode: int) -> str:
            said = client.api.import_image_from_file(archive(tmp_path, mode))
            return str(json.loads(said.splitlines()[-1])["status"])

        try:
            good = accept_image(client, imported(0o755), tag)
            for mode in (0o4755, 0o2755):
                bad = imported(mode)
                with pytest.raises(ImageFailed, match="/bin/program"):
                    accept_image(client, bad, tag)
                assert not [one for one in client.images.list(all=True) if one.id == bad], "what is refused is removed"
            (status,) = image_statuses([tag])
            assert (status.there, status.digest) == (True, good)
        finally:
            client.images.remove(tag, force=True)
