"""How pytest is started in a sandbox."""

from collections.abc import Sequence

from sandbox.protocol import Env

VARIABLES = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "HYPOTHESIS_STORAGE_DIRECTORY": "/tmp/hypothesis"}
"""No plugin that happens to be installed, and nothing written into the workspace."""

MEASURED = "MIRACLE_MEASURED"
"""Names the files whose coverage is measured, as a JSON list."""


def command_variables(env: Env) -> dict[str, str]:
    """The environment of other commands, which may start pytest as well: it finds what the project's packages bring.

    Where there are none, its search for plugins is off.
    """
    if env.spec.language != "python":
        return {}
    off = "PYTEST_DISABLE_PLUGIN_AUTOLOAD"
    return {name: value for name, value in VARIABLES.items() if name != off or not env.spec.lock}


def pytest_command(selection: Sequence[str]) -> tuple[str, ...]:
    """The command line; the project's own configuration stays in force.

    Args:
        selection: paths or node ids; empty for all that the project's configuration names.
    """
    return (
        "python3", "/opt/tools/runners/reporter.py", "-p", "_hypothesis_pytestplugin",
        "-o", "cache_dir=/tmp/pytest-cache", "--color=no", "--rootdir=/workspace", *selection,
    )  # fmt: skip
