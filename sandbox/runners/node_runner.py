"""How node:test is started in a sandbox."""

from collections.abc import Sequence

FOLDER = "/opt/tools/runners"


def node_command(selection: Sequence[str]) -> tuple[str, ...]:
    """The command line, for Node.js 18 and later.

    Args:
        selection: test files; empty for all that `node --test` finds.
    """
    return (
        "node", "--require", f"{FOLDER}/node_guard.cjs", "--test", "--test-reporter", f"{FOLDER}/node_reporter.mjs",
        "--test-reporter-destination", "stdout", *selection,
    )  # fmt: skip
