"""Taking a run's result: into the person's tree, as a patch file, or as a branch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Literal

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from widgets.dialogs.dialog import Dialog
from widgets.inert import inert_line
from widgets.marks import duration

if TYPE_CHECKING:
    from engine.state import State

How = Literal["merge", "patch", "branch"]


class PromoteDialog(Dialog[How | None]):
    """The receipt, what changed, and three ways to take it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("m", "take('merge')", "Merge", id="promote.merge"),
        Binding("p", "take('patch')", "Patch file", id="promote.patch"),
        Binding("b", "take('branch')", "Keep the branch", id="promote.branch"),
    ]
    """
    | Key | Does |
    | :- | :- |
    | m | merge into the working tree |
    | p | write a patch file |
    | b | keep the branch |
    | escape | later; nothing is lost |
    """

    KEYS = (("m", "merge"), ("p", "patch file"), ("b", "keep the branch"), ("esc", "later"))

    DEFAULT_CSS = """
    PromoteDialog #promote-receipt { height: auto; }
    """

    def __init__(self, state: State) -> None:
        super().__init__("Take the result")
        self.state = state

    def body(self) -> Iterable[Widget]:
        """Receipt and ways."""
        yield Static(Content("\n").join([*self._receipt(), *self._ways()]), id="promote-receipt", markup=False)

    def _receipt(self) -> list[Content]:
        receipt = self.state.receipt
        title = Content.styled(inert_line(self.state.title, 160), "bold $foreground")
        if receipt is None:
            warning = "No receipt: nothing proves that this result is green. Take it with care."
            return [title, Content(""), Content.styled(warning, "$text-warning")]
        skipped = f", {receipt.skipped} skipped" if receipt.skipped else ""
        rows = [
            ("proved", f"{receipt.passed} tests passed{skipped} in {duration(receipt.duration_s)}"),
            ("where", f"{receipt.backend}, fresh sandbox, clean checkout"),
            ("commit", receipt.commit[:12]),
            ("output", f"sha256 {receipt.output_sha256[:16]}…"),
        ]
        if receipt.verify:
            rows.append(("accepted by", receipt.verify))
        return [title, Content(""), *(_row(word, value) for word, value in rows)]

    def _ways(self) -> list[Content]:
        workspace = self.state.workspace
        branch = inert_line(workspace.branch, 80) if workspace else "its branch"
        folder = inert_line(self.state.task.workspace, 120) if self.state.task else "your folder"
        ways = (
            ("m", "merge", f"into {folder}; a conflict stops it"),
            ("p", "patch file", "written beside the folder, for git apply or a review"),
            ("b", "branch", f"{branch} stays in the repository"),
        )
        return [
            Content(""),
            *(
                Content.assemble(
                    (f" {key}  ", "bold $text-accent"),
                    (f"{name:<12}", "bold $foreground"),
                    (about, "$foreground-muted"),
                )
                for key, name, about in ways
            ),
        ]

    def action_take(self, how: How) -> None:
        """Take it this way."""
        self.dismiss(how)


def _row(word: str, value: str) -> Content:
    return Content.assemble((f"{word:<13}", "$foreground-muted"), (inert_line(value, 300), "$foreground"))
