"""What makes a test a case of the abuse suite, and the cases that other suites hold."""

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


@dataclass(frozen=True)
class Elsewhere:
    """A case that is tested with the part that withstands it."""

    number: str
    attack: str
    expected: str
    file: str
    test: str


ELSEWHERE = (
    Elsewhere(
        "14", "The Docker daemon is killed under a run", "`backend_lost`, never a pass",
        "tests/faults/test_docker_daemon.py", "test_",
    ),
    Elsewhere(
        "20", "OSC 52, ANSI sequences and markup in output and names", "shown inert",
        "tests/ui/test_widget_inert.py", "test_",
    ),
)  # fmt: skip
