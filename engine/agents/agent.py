"""What an agent is: a role with a prompt, tools, and a function that it must call to end its turn."""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel

from engine.events import Event
from engine.llm.protocol import ToolSchema
from engine.state import State


@dataclass(frozen=True)
class Agent:
    """A stateless agent; its system prompt is the entry of the same name in `system_prompts.yaml`."""

    role: str
    submit: str
    """Name of the function that ends its turn."""
    purpose: str
    """What the submit function is for, told to the model."""
    result: type[BaseModel]
    """The submit function's arguments."""
    to_event: Callable[[str, BaseModel], Event]
    """(session id, validated result) -> the event that closes the session."""
    sections: tuple[str, ...]
    """Names of the prompt's sections, in order; see `engine.context.sections`."""
    tools: tuple[str, ...] = ()
    """Names of the tools in `engine.tools`."""
    refuse: Callable[[State, BaseModel], str] = lambda state, result: ""
    """Why a result that validates is still not accepted; empty when it is."""

    def submit_schema(self) -> ToolSchema:
        """The submit function as the model sees it."""
        schema = self.result.model_json_schema()
        schema.pop("title", None)
        return ToolSchema(name=self.submit, description=self.purpose, parameters=schema)
