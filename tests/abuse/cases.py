"""What makes a test a case of the abuse suite, and the cases that other suites hold."""

from collections.abc import Iterable
from dataclasses import dataclass

import pytest

MARK = "abuse"


def abuse(number: str, attack: str, expected: str) -> pytest.MarkDecorator:
    """A case of the suite: its row in SECURITY.md.

    Args:
        number: `1` to `24` for the cases that every sandbox must withstand, `A1` and on for those found by attacking.
        attack: what the code in the sandbox tries.
        expected: what has to come of it.
    """
    return pytest.mark.abuse(number=number, attack=attack, expected=expected)


def on_both(tricks: Iterable[str], docker: Iterable[str]) -> pytest.MarkDecorator:
    """All tricks in bubblewrap, and in Docker those whose outcome hangs on how the backend ends processes.

    Args:
        tricks: names of all, for the parameter `trick`.
        docker: names of those for Docker, where a start takes ten times as long.
    """
    pairs = [("bubblewrap", trick) for trick in tricks] + [("docker", trick) for trick in docker]
    marked = [pytest.param(name, trick, marks=getattr(pytest.mark, name)) for name, trick in pairs]
    return pytest.mark.parametrize(("backend", "trick"), marked, indirect=["backend"])


@dataclass(frozen=True)
class Elsewhere:
    """A case that is tested with the part that withstands it."""

    number: str
    attack: str
    expected: str
    file: str


ELSEWHERE = (
    Elsewhere(
        "14", "The Docker daemon is killed under a run", "`backend_lost`, never a pass",
        "tests/faults/test_docker_daemon.py",
    ),
    Elsewhere(
        "20", "OSC 52, ANSI sequences and markup in output and names", "shown inert",
        "tests/ui/test_widget_inert.py",
    ),
    Elsewhere(
        "23", "An install without an approval, and one from a source archive", "refused",
        "tests/integration/test_dependency_install.py",
    ),
)  # fmt: skip
