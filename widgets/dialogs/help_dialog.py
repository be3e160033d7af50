"""All keys, by what they belong to."""

from collections.abc import Iterable, Mapping, Sequence

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from widgets.dialogs.dialog import Dialog
from widgets.inert import inert_line


class HelpDialog(Dialog[None]):
    """Groups of (keys, what they do); arrows scroll."""

    KEYS = (("↑↓", "scroll"), ("esc", "close"))

    DEFAULT_CSS = """
    HelpDialog #help-keys { height: auto; }
    """

    def __init__(self, groups: Mapping[str, Sequence[tuple[str, str]]], title: str = "Keys") -> None:
        super().__init__(title)
        self.groups = groups

    def body(self) -> Iterable[Widget]:
        """One line a key."""
        yield Static(self._table(), id="help-keys", markup=False)

    def _table(self) -> Content:
        wide = max((len(keys) for rows in self.groups.values() for keys, _ in rows), default=4) + 3
        lines: list[Content] = []
        for group, rows in self.groups.items():
            if not rows:
                continue
            lines.append(Content.styled(inert_line(group, 60), "bold $text-secondary"))
            for keys, does in rows:
                lines.append(
                    Content.assemble(
                        (f"  {inert_line(keys, 40):<{wide}}", "bold $text-accent"),
                        (inert_line(does, 160), "$foreground"),
                    )
                )
            lines.append(Content(""))
        return Content("\n").join(lines[:-1])

    def on_mount(self) -> None:
        """Let the arrows scroll."""
        box = self.query_one("#dialog")
        box.can_focus = True
        box.focus()
