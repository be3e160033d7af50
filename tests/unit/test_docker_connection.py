"""What is said when the way to the Docker engine is barred."""

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker  # noqa: F401 - as another user it could not be read any more
import pytest

from sandbox.docker_connection import EngineTrouble, connect

NOBODY = 65534


@contextmanager
def as_somebody_else() -> Iterator[None]:
    """A user whom no file of root's is closed to but by its mode."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.fixture
def closed_socket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An engine's socket that listens, and that only its owner, or nobody at all, may use."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as engine:
        Path(folder).chmod(0o755)
        path = f"{folder}/docker.sock"
        engine.bind(path)
        engine.listen()
        Path(path).chmod(0o000)
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        yield path


def test_a_socket_of_others_is_no_engine_that_is_down(closed_socket: str) -> None:
    with as_somebody_else(), pytest.raises(EngineTrouble) as caught:
        connect(1)
    assert closed_socket in caught.value.title
    assert "group `docker`" in caught.value.hint
    assert "Start Docker" not in caught.value.hint


def test_an_engine_that_is_down_is_to_be_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path / 'none.sock'}")
    with pytest.raises(EngineTrouble) as caught:
        connect(1)
    assert "Start Docker" in caught.value.hint


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("ssh://me@far", ("ssh -N -L", "DOCKER_HOST=unix:///tmp/engine.sock")),
        ("tcp://127.0.0.1:1", ("Start Docker",)),
        ("tcp://127.0.0.1:none", ("Start Docker",)),
    ],
)
def test_an_address_that_leads_nowhere_says_what_to_do(
    address: str, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", address)
    with pytest.raises(EngineTrouble) as caught:
        connect(1)
    for word in words:
        assert word in caught.value.hint
