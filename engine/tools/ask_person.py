"""The schema of `ask_person`; the loop itself carries it out, because the answer is an event."""

from pydantic import BaseModel, ConfigDict, Field


class Arguments(BaseModel):
    """Questions to the person who gave the goal."""

    model_config = ConfigDict(extra="forbid")
    questions: tuple[str, ...] = Field(min_length=1, max_length=8, description="Short questions whose answers change the spec.")
