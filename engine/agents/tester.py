"""The tester writes the tests of one subtask; they are read-only for the coder from then on."""

from typing import cast

from pydantic import BaseModel, ConfigDict, Field

from engine.agents.agent import Agent
from engine.events import Event, TestsSubmitted
from engine.state import State


class Tests(BaseModel):
    """The test files that the tester wrote."""

    __test__ = False

    model_config = ConfigDict(extra="forbid")
    files: tuple[str, ...] = Field(min_length=1, description="Paths of the test files you wrote or changed.")
    summary: str = Field(default="", description="What they cover, in a few sentences.")


def _to_event(session_id: str, result: BaseModel) -> Event:
    tests = cast(Tests, result)
    return TestsSubmitted(session_id=session_id, files=tests.files, summary=tests.summary)


def _refuse(state: State, result: BaseModel) -> str:
    existing = state.workspace.facts.test_files if state.workspace else ()
    mine = set(state.protected_tests)
    taken = [path for path in cast(Tests, result).files if path in existing and path not in mine]
    if taken:
        return f"The project's own tests stay as they are: {', '.join(taken)}. Name the files that you wrote."
    return ""


AGENT = Agent(
    role="tester",
    submit="submit_tests",
    purpose="Hand in the names of your test files. This ends your turn; the sandbox runs the whole suite next.",
    result=Tests,
    to_event=_to_event,
    sections=(
        "spec",
        "subtask",
        "project",
        "packages",
        "work",
        "changes",
        "blame",
        "weak_tests",
        "failure",
        "listing",
        "steers",
    ),
    tools=("create_file", "edit_file", "read_file", "list_files", "search"),
    refuse=_refuse,
)
