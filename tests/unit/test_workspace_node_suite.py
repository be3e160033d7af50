"""What runs a Node.js project's tests, by its package.json."""

from typing import Any

import pytest

from engine.workspace.node_suite import node_suite
from sandbox.runners.node_runner import jest_command, vitest_command


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("vitest", ("vitest", ("vitest",))),
        ("vitest run --config a.ts", ("vitest", ("vitest", "--config", "a.ts"))),
        ("TZ=UTC npx vitest --run", ("vitest", ("TZ=UTC", "vitest"))),
        ("node ./node_modules/vitest/vitest.mjs run src", ("vitest", ("vitest", "src"))),
        ("jest --watchAll=false --runInBand", ("jest", ("jest", "--runInBand"))),
        ("cross-env NODE_OPTIONS=--experimental-vm-modules jest", ("jest", ("jest",))),
        ("node --experimental-vm-modules node_modules/jest/bin/jest.js x", ("jest", ("jest", "x"))),
        # What does more than to run the tests is run as it is, by npm.
        ("tsc && vitest run", None),
        ("NODE_OPTIONS='--require ./hook.js' jest", None),
        ("node --import tsx node_modules/.bin/vitest", None),
        ("vitest bench", None),
        ("vitest 'unclosed", None),
        ("mocha", None),
        ("node --test", None),
    ],
)
def test_the_runner_is_known_by_the_script(script: str, found: object) -> None:
    assert node_suite({"scripts": {"test": script}, "devDependencies": {"vitest": "1"}}) == found


@pytest.mark.parametrize(
    ("package", "found"),
    [
        ({"devDependencies": {"vitest": "^3"}}, ("vitest", ("vitest",))),
        ({"scripts": {"test": "echo no test specified"}, "dependencies": {"jest": "1"}}, ("jest", ("jest",))),
        ({"jest": {}}, ("jest", ("jest",))),
        ({"scripts": [], "devDependencies": "vitest"}, None),
        ({"scripts": {"test": "jest", "pretest": "make"}}, None),
        ({}, None),
    ],
)
def test_the_runner_is_known_without_a_script(package: dict[str, Any], found: object) -> None:
    assert node_suite(package) == found


def test_commands_keep_variables_and_arguments() -> None:
    assert vitest_command(("A=1", "vitest", "x"), ("b",))[:3] == ("env", "A=1", "node")
    assert vitest_command(("A=1", "vitest", "x"), ("b",))[-2:] == ("x", "b")
    assert jest_command((), ("b",))[-2:] == ("--", "b")
