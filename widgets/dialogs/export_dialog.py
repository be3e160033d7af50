"""Where something is written to."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.widget import Widget
from textual.widgets import Input, Static

from widgets.dialogs.dialog import Dialog
from widgets.line_input import LineInput


class ExportDialog(Dialog["Path | None"]):
    """Returns a path at which nothing is yet.

    Args:
        path: what is offered.
    """

    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (("enter", "write"), ("esc", "leave"))

    DEFAULT_CSS = """
    ExportDialog #dialog { width: 90; }
    """

    def __init__(self, path: Path) -> None:
        super().__init__("Export")
        self._path = path

    def body(self) -> Iterable[Widget]:
        """A line for the path."""
        yield Static("write to (.md for a page, .json for a program)", classes="label", markup=False)
        yield LineInput(str(self._path), id="path", max_length=2000)

    def on_mount(self) -> None:
        """The path is to be changed or taken."""
        line = self.query_one("#path", Input)
        line.focus()
        line.cursor_position = len(line.value)

    @on(Input.Submitted, "#path")
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        try:
            path = Path(event.value.strip()).expanduser().absolute()
            problem = _problem_of(path)
        except (OSError, ValueError, RuntimeError) as exc:
            # Too long, in a folder that is closed, of a person who is not known.
            why = str(getattr(exc, "strerror", None) or exc).rstrip(".")
            problem = f"That cannot be looked at: {why}. Choose another name."
        if problem:
            self.show_problem(problem)
        else:
            self.dismiss(path)


def _problem_of(path: Path) -> str:
    """Why nothing can be written there, in a sentence; empty if nothing speaks against it."""
    if path.suffix not in (".md", ".json"):
        return "The name ends in .md for a page or in .json for a program."
    if path.exists() or path.is_symlink():
        return "Something is there already, and it is never written over: choose another name."
    if not path.parent.is_dir():
        return "There is no such folder: make it first, or choose another."
    return ""
