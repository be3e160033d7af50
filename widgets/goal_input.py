"""The prompt line: a goal, or a message to the running agent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive

from widgets.paste_area import PasteArea

GOAL = "Give Miracle a goal: what to build, change or fix"
MESSAGE = "Say something to the running agent"
REMEMBERED = 100


class GoalInput(PasteArea):
    """Enter submits; up and down walk through what was submitted before; long pastes are kept aside."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Submit", show=False, id="goal.submit"),
    ]
    """
    | Key | Does |
    | :- | :- |
    | enter | submit |
    | shift+enter, ctrl+j | a new line |
    | up / down | earlier / later entries, from the first / last line |
    | space | no letter in an empty line while an agent runs: `SpaceAlone` |
    """

    DEFAULT_CSS = """
    GoalInput {
        height: auto;
        min-height: 1;
        max-height: 6;
        border: none;
        padding: 0 1;
        background: transparent;
        &:focus { border: none; background: transparent; }
    }
    """

    running: reactive[bool] = reactive(False, init=False)
    """Whether an agent runs, so that a text is a message to it."""

    @dataclass
    class Submitted(Message):
        """A text was submitted.

        Attributes:
            goal_input: The prompt line.
            text: All of it, pastes included.
        """

        goal_input: GoalInput
        text: str

        @property
        def control(self) -> GoalInput:
            """The prompt line."""
            return self.goal_input

    @dataclass
    class SpaceAlone(Message):
        """Space was pressed in an empty line while an agent runs; no message begins with one.

        Attributes:
            goal_input: The prompt line.
        """

        goal_input: GoalInput

        @property
        def control(self) -> GoalInput:
            """The prompt line."""
            return self.goal_input

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, placeholder=GOAL)
        self.past: list[str] = []
        """What was submitted before, oldest first."""
        self._place = 0
        self._draft = ""

    def check_consume_key(self, key: str, character: str | None = None) -> bool:
        """Every letter is a letter here, but for a space in an empty line: the footer may offer that key."""
        return not (key == "space" and self.running and not self.text) and super().check_consume_key(key, character)

    def watch_running(self, running: bool) -> None:
        """Say what a text would be."""
        self.placeholder = MESSAGE if running else GOAL

    def action_submit(self) -> None:
        """Submit what is there."""
        text = self.full_text.strip()
        if not text:
            return
        if not self.past or self.past[-1] != text:
            self.past = [*self.past, text][-REMEMBERED:]
        self._place = len(self.past)
        self._draft = ""
        self.set_full_text("")
        self.post_message(self.Submitted(self, text))

    async def _on_key(self, event: events.Key) -> None:
        """Submit, or walk through what was submitted before, in the order of the keys.

        A priority binding would overtake letters that came in the same burst, as they do over a slow line.
        """
        row = self.cursor_location[0]
        if event.key == "enter":
            self.action_submit()
        elif event.key == "space" and self.running and not self.text:
            self.post_message(self.SpaceAlone(self))
        elif event.key == "up" and row == 0 and self.past:
            self._walk(-1)
        elif event.key == "down" and row == self.document.line_count - 1 and self._place < len(self.past):
            self._walk(1)
        else:
            return
        event.stop()
        event.prevent_default()

    def _walk(self, step: int) -> None:
        if self._place >= len(self.past):
            self._draft = self.full_text
        self._place = min(max(0, self._place + step), len(self.past))
        self.set_full_text(self.past[self._place] if self._place < len(self.past) else self._draft)
