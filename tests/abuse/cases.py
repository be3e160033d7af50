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
    Elsewhere(
        "A22", "Commands hidden from the rules: in options, settings, addresses, subcommands, awk, sed, expansions",
        "asked about or refused", "tests/unit/test_sandbox_command_verdicts.py",
    ),
    Elsewhere(
        "A23", "Commands hidden in files: scripts of shell, package.json, files of kinds that no scan reads",
        "asked about or blocked", "tests/unit/test_sandbox_scan_attacks.py",
    ),
    Elsewhere(
        "A24", "Names bound twice, texts that only look worked out, old encodings, computed members",
        "asked about or blocked", "tests/unit/test_sandbox_scan_attacks.py",
    ),
    Elsewhere(
        "A25", "Letters that show as nothing, tags that spell hidden words, marks that grow over other lines",
        "shown, or cut", "tests/ui/test_widget_inert.py",
    ),
    Elsewhere(
        "A26", "A machine that forbids namespaces, in the hope that less is isolated then",
        "the reason and the remedy", "tests/unit/test_sandbox_remedies.py",
    ),
    Elsewhere(
        "A27", "Tests that only look as strong: dead, swallowed, shadowed assertions, hooks, settings",
        "a loss, which waits for a person", "tests/unit/test_gates_ledger_attacks.py",
    ),
    Elsewhere(
        "A28", "Code that looks whether it is tested, reaches for the runner, or equals everything",
        "asked about", "tests/unit/test_scan_cheating.py",
    ),
    Elsewhere(
        "A29", "A package under another’s name or from another address: locks, overrides, two requirements in a line",
        "left out, or shown as what it is", "tests/unit/test_packages_attacks.py",
    ),
    Elsewhere(
        "A30", "An acceptance script made easier by the agent that it judges",
        "waits for a person", "tests/integration/test_integrity.py",
    ),
    Elsewhere(
        "A31", "A test that is an assertion in the commit and a comment on the disk, by an encoding of its own",
        "the same in both", "tests/integration/test_workspace_checkpoint.py",
    ),
)  # fmt: skip
