"""Puts questions to the person who gave the goal."""

from typing import Annotated

from pydantic import Field

from engine.task import BlastRadius
from engine.tools.tool import Arguments, NeedsApproval, ToolContext, ToolResult

TURNED_OFF = "Questions are turned off. Choose sensible defaults and name them in the spec."


class AskPersonArguments(Arguments):
    """Questions whose answers change the spec."""

    questions: list[Annotated[str, Field(min_length=1, max_length=1000)]] = Field(
        min_length=1, max_length=8, description="Short questions whose answers change the spec."
    )


class AskPerson:
    """Ends in a question to the person; their answer is an event, and comes back as this call's result."""

    name = "ask_person"
    description = "Ask the person who gave the goal. Only what changes the spec, all questions in one call."
    arguments: type[Arguments] = AskPersonArguments

    async def run(self, context: ToolContext, arguments: AskPersonArguments) -> ToolResult:
        """Ask, unless questions are turned off.

        Raises:
            NeedsApproval: always, when a person may be asked.
        """
        if not context.questions:
            return ToolResult(ok=True, output=TURNED_OFF)
        asked = tuple(arguments.questions)
        raise NeedsApproval(
            "questions", "\n".join(asked), "The goal leaves something open", "", BlastRadius(), questions=asked
        )
