"""Taking a run's result: into the person's tree, as a patch file, or as a branch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Literal

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from config.amounts import duration
from widgets.dialogs.dialog import Dialog
from widgets.inert import inert_line

if TYPE_CHECKING:
    from engine.state import State
    from engine.workspace.preview import Preview
    from engine.workspace.verdicts import FileDelivery

How = Literal["merge", "patch", "branch"]
Way = Literal["merge", "patch", "branch", "hunks"]
MAX_FILES = 8
"""Files that are named; the rest is counted."""


class PromoteDialog(Dialog[Way | None]):
    """The receipt, what would change, and four ways to take it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("m", "take('merge')", "Merge", id="promote.merge"),
        Binding("h", "take('hunks')", "Hunk by hunk", id="promote.hunks"),
        Binding("p", "take('patch')", "Patch file", id="promote.patch"),
        Binding("b", "take('branch')", "Keep the branch", id="promote.branch"),
    ]
    """
    | Key | Does |
    | :- | :- |
    | m | merge into the working tree |
    | h | choose hunk by hunk what is merged |
    | p | write a patch file |
    | b | keep the branch |
    | escape | later; nothing is lost |
    """

    KEYS = (("m", "merge"), ("h", "hunk by hunk"), ("p", "patch file"), ("b", "keep the branch"), ("esc", "later"))

    DEFAULT_CSS = """
    PromoteDialog #promote-receipt { height: auto; }
    """

    def __init__(self, state: State, preview: Preview | None = None, trouble: str = "") -> None:
        super().__init__("Take the result")
        self.state = state
        self.preview = preview
        self._trouble = trouble

    def body(self) -> Iterable[Widget]:
        """Receipt and ways."""
        lines = [*self._receipt(), *self._files(), *self._ways()]
        yield Static(Content("\n").join(lines), id="promote-receipt", markup=False)

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
        rows.append(("signed", f"by key {receipt.key[:16]}" if receipt.key else "by nobody: an older Miracle made it"))
        return [title, Content(""), *(_row(word, value) for word, value in rows)]

    def _files(self) -> list[Content]:
        """What a merge would change in the person's files as they are now."""
        if self._trouble:
            return [Content(""), Content.styled(inert_line(self._trouble, 300), "$text-warning")]
        if self.preview is None:
            return []
        files, hunks, conflicts = self.preview.files, self.preview.hunks, self.preview.conflicts
        if not files:
            return [Content(""), Content.styled("Everything is in your files already.", "$foreground-muted")]
        said = f"{len(files)} file{'s' if len(files) != 1 else ''}, {hunks} hunk{'s' if hunks != 1 else ''}"
        head = Content.assemble(
            (said, "bold $foreground"), (" against your files as they are now", "$foreground-muted")
        )
        lines = [Content(""), head, *map(_file, files[:MAX_FILES])]
        if len(files) > MAX_FILES:
            lines.append(Content.styled(f"  … and {len(files) - MAX_FILES} more", "$foreground-muted"))
        if conflicts:
            waits = f"{conflicts} place{'s' if conflicts != 1 else ''} where you changed the same: h decides."
            lines.append(Content.styled(waits, "$text-error"))
        return lines

    def _ways(self) -> list[Content]:
        workspace = self.state.workspace
        branch = inert_line(workspace.branch, 80) if workspace else "its branch"
        folder = inert_line(self.state.task.workspace, 120) if self.state.task else "your folder"
        ways = (
            ("m", "merge", f"into {folder}; a conflict stops it"),
            ("h", "hunk by hunk", "choose what goes in, and decide conflicts"),
            ("p", "patch file", "written beside the folder, for git apply or a review"),
            ("b", "branch", f"{branch} stays in the repository"),
        )
        return [
            Content(""),
            *(
                Content.assemble(
                    (f" {key}  ", "bold $text-accent"),
                    (f"{name:<14}", "bold $foreground"),
                    (about, "$foreground-muted"),
                )
                for key, name, about in ways
            ),
        ]

    def action_take(self, how: Way) -> None:
        """Take it this way."""
        self.dismiss(how)


def _file(file: FileDelivery) -> Content:
    about = file.why.removeprefix(f"{file.path}: ") or f"{file.status}, {len(file.hunks)} to choose"
    look = "$text-error" if file.why else "$foreground-muted"
    return Content.assemble((f"  {inert_line(file.path, 120)}  ", "$foreground"), (inert_line(about, 120), look))


def _row(word: str, value: str) -> Content:
    return Content.assemble((f"{word:<13}", "$foreground-muted"), (inert_line(value, 300), "$foreground"))
