"""What can go wrong in the engine.

EngineError
+-- WorkspaceError        the person's folder or the worktree cannot be used
+-- ToolError             a tool call that cannot be carried out; its text goes back to the model
+-- ModelError            engine.llm.errors: everything about model servers
+-- CommandRefused        a person asked for what the run's state does not allow
"""


class EngineError(Exception):
    """The base: a title, and a hint that says what to do next."""

    def __init__(self, title: str, hint: str = "") -> None:
        super().__init__(title)
        self.title = title
        self.hint = hint


class WorkspaceError(EngineError):
    """The person's folder or the worktree cannot be used."""


class ToolError(EngineError):
    """A tool call that cannot be carried out."""


class CommandRefused(EngineError):
    """The run is not in a state that allows this."""
