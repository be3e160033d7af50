"""The sandbox's image from its Dockerfile, over bases that stand in for the official ones, in a real engine."""

import io
import json
import uuid
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest
from docker import DockerClient
from docker.errors import ImageNotFound

from miracle_tui.cli.problems import USAGE
from sandbox.docker_connection import connect
from sandbox.errors import ImageFailed
from sandbox.images.build import Bases, build_image
from sandbox.images.offline_base import TAG
from sandbox.images.status import image_statuses
from tests.cli_fixtures import aside

pytestmark = pytest.mark.docker

MARK = f"miracle.test={uuid.uuid4().hex}"
"""The label by which what the builds leave behind is found."""
STAND_IN = f"""
FROM {TAG} AS all
LABEL {MARK}
USER 0:0
# As in the official images: Python and Node.js under /usr/local, pip, a root with files, programs that are setuid.
RUN rm -rf /usr/lib/*/libnode* /usr/lib/*/libicu* /usr/bin/node /usr/share/* \\
        /usr/lib/python3.11/__pycache__ /usr/lib/python3.11/test /usr/lib/python3.11/pydoc_data \\
    && mkdir -p /usr/local/lib/python3.11/site-packages/pip /usr/local/bin /root /usr/share/doc \\
    && printf '#!/bin/sh\\necho v22.0.0\\n' > /usr/local/bin/node && chmod 755 /usr/local/bin/node \\
    && echo 'ANSWER = 42' > /usr/local/lib/python3.11/answer.py && touch /root/history \\
    && head -c 5000000 /dev/zero > /usr/share/doc/page \\
    && cp /bin/true /usr/local/bin/rooted && chmod 4755 /usr/local/bin/rooted \\
    && printf 'root:x:0:0::/root:/bin/sh\\n' > /etc/passwd && printf 'root:x:0:\\n' > /etc/group
FROM scratch
LABEL {MARK}
COPY --from=all / /
"""
LOOK = """
id; umask; ls -A /root /usr/share/doc /usr/local/lib/python3.11/site-packages
stat -c %a /usr/local/bin/rooted; ls /usr/local/lib/python3.11/__pycache__
python3 -c 'import json, sys; print(json.dumps(sys.version_info[:2]))'; node --version; echo > /etc/x || echo shut
"""


@pytest.fixture(scope="module")
def engine() -> Iterator[DockerClient]:
    with closing(connect(60)) as client:
        yield client


@pytest.fixture(scope="module")
def stand_in(engine: DockerClient) -> Iterator[str]:
    """A base that is neither small nor safe."""
    name = f"miracle-test-base:{uuid.uuid4().hex[:12]}"
    engine.images.build(fileobj=io.BytesIO(STAND_IN.encode()), tag=name, network_mode="none", rm=True, forcerm=True)
    yield name
    engine.images.remove(name, force=True)
    engine.images.prune(filters={"dangling": True, "label": MARK})


@pytest.fixture
def tag(engine: DockerClient) -> Iterator[str]:
    name = f"miracle-test-image:{uuid.uuid4().hex[:12]}"
    yield name
    with suppress(ImageNotFound):
        engine.images.remove(name, force=True)


async def test_the_dockerfile_makes_an_image_that_holds_to_its_promises(
    engine: DockerClient, stand_in: str, tag: str
) -> None:
    bases = Bases(stand_in, stand_in)
    made = await build_image(False, tag, bases)
    (status,) = image_statuses([tag])
    assert (status.digest, status.user, status.unprivileged) == (made, "1000:1000", True)
    image = engine.images.get(tag)
    assert image.attrs["Config"]["Labels"] == {"miracle.image": "sandbox"}
    assert len(image.attrs["RootFS"]["Layers"]) == 1
    assert image.attrs["Size"] < engine.images.get(stand_in).attrs["Size"] - 3_000_000, "what was removed takes no room"
    said = engine.containers.run(
        tag, ["sh", "-c", LOOK], network_mode="none", read_only=True, remove=True, stdout=True, stderr=False
    ).decode()
    assert said.startswith("uid=1000(person) gid=1000(person)")
    assert "history" not in said
    assert "page" not in said
    assert "pip" not in said
    assert said.split()[-6:] == ["755", "answer.cpython-311.pyc", "[3,", "11]", "v22.0.0", "shut"]
    assert await build_image(False, tag, bases) == made, "the second build finds every step in the cache"


async def test_a_base_that_cannot_be_had_is_named_with_the_ways_out(
    engine: DockerClient, stand_in: str, tag: str
) -> None:
    absent = "localhost:1/python:3.12"
    with pytest.raises(ImageFailed) as refused:
        await build_image(False, tag, Bases(absent, stand_in))
    assert refused.value.title.startswith(f"The base image {absent} could not be pulled: ")
    for way in (f"docker pull {absent}", "--python-base", "--offline-base"):
        assert way in refused.value.hint
    made = engine.api.import_image_from_data(bytes(10240), changes=[f"LABEL {MARK}"])
    empty = json.loads(made.splitlines()[-1])["status"]
    with pytest.raises(ImageFailed, match="could not be built: ") as unfit:
        await build_image(False, tag, Bases(empty, stand_in))
    assert "sh, find and Python 3" in unfit.value.hint
    assert not image_statuses([tag])[0].there


def test_without_other_bases_the_official_ones_are_taken_by_version() -> None:
    pinned = Bases().arguments
    assert pinned["PYTHON"].startswith("python:3.")
    assert pinned["NODE"].startswith("node:22.")
    assert Bases(node="mine@sha256:00").arguments == {**pinned, "NODE": "mine@sha256:00"}


async def test_an_offline_base_takes_no_other() -> None:
    done = await aside("sandbox", "build", "--offline-base", "--node-base", "mine")
    assert done.code == USAGE
    assert "leave --python-base and --node-base away" in done.err
