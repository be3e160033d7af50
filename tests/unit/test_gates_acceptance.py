"""Which files of a project its acceptance command runs: those that no agent changes unasked."""

import pytest

from engine.gates.acceptance import acceptance_files
from engine.state import State
from engine.task import Task

FILES = ("Makefile", "accept.sh", "bin/check", "package.json", "app.py", "tests/test_a.py", "other.sh")


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        ("", ""),
        ("./accept.sh", "accept.sh"),
        ("cd . && sh -e './accept.sh' | tee log", "accept.sh"),
        ("FAST=1 bin/check --all", "bin/check"),
        ("make accept", "Makefile"),
        ("true; npm run accept", "package.json"),
        ("python app.py 3 | grep 6", ""),
        ("sh -c 'echo $(./accept.sh)'", "accept.sh"),
        ("an 'unfinished ./accept.sh", "accept.sh"),
    ],
)
def test_scripts_of_the_person_are_picked_and_programs_under_test_are_not(command: str, wanted: str) -> None:
    state = State(task=Task(goal="g", workspace="/w", verify=command))
    assert acceptance_files(state)(FILES) == frozenset(wanted.split())
