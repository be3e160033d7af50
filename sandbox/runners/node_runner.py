"""How the test runners of Node.js are started in a sandbox: node:test, vitest, jest."""

from collections.abc import Sequence

FOLDER = "/opt/tools/runners"
V8_COVERAGE = {"NODE_V8_COVERAGE": "/tmp/miracle-coverage"}
"""Where each process of Node.js says what of its code ran; the reporter takes it away from there."""


def node_command(selection: Sequence[str]) -> tuple[str, ...]:
    """The command line, for Node.js 18 and later.

    Args:
        selection: test files; empty for all that `node --test` finds.
    """
    return (
        "node", "--require", f"{FOLDER}/node_guard.cjs", "--test", "--test-reporter", f"{FOLDER}/node_reporter.mjs",
        "--test-reporter-destination", "stdout", *selection,
    )  # fmt: skip


def vitest_command(command: Sequence[str], selection: Sequence[str]) -> tuple[str, ...]:
    """The command line of a project whose tests are vitest's.

    Args:
        command: the project's own: variables, `vitest`, its arguments.
        selection: test files; empty for all that the project's configuration names.
    """
    variables, words = _parts(command)
    return (*variables, "node", f"{FOLDER}/vitest_run.mjs", *words, *selection)


def jest_command(command: Sequence[str], selection: Sequence[str]) -> tuple[str, ...]:
    """The command line of a project whose tests are jest's.

    Args:
        command: the project's own: variables, `jest`, its arguments.
        selection: test files; empty for all that the project's configuration names.
    """
    variables, words = _parts(command)
    # ES modules in tests need the flag, and nothing else notices it.
    node = ("node", "--no-warnings", "--experimental-vm-modules", f"{FOLDER}/jest_run.cjs")
    return (*variables, *node, *words, "--", *selection)


def _parts(command: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The variables of a command, as `env` sets them, and its arguments."""
    at = next((place for place, word in enumerate(command) if "=" not in word), 0)
    return (("env", *command[:at]) if at else ()), tuple(command[at + 1 :])
