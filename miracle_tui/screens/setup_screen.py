"""The set-up: what was found on this machine, where the key goes, and a demo that needs none."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Input, OptionList, Static
from textual.widgets.option_list import Option

from miracle_tui.demo import DemoChoice, demo_choices
from miracle_tui.trouble import trouble_of
from widgets.inert import inert_line
from widgets.service_list import Check, ServiceList

if TYPE_CHECKING:
    from config.config import Config
    from miracle_tui.check import Check as Found

    Look = Callable[[], AsyncIterator[Found]]

WELCOME = Content.from_markup(
    "[b $text-primary]Welcome to Miracle[/]\n"
    "[$text-muted]Give it a goal: it plans, codes in a git worktree of its own, tests in a sandbox, "
    "reflects on what failed,\nand goes round until the tests prove it done.[/]"
)
KEY_HELP = Content.from_markup(
    "[b $text-secondary]A MODEL[/]   [$text-muted]Set[/] OPENAI_API_KEY [$text-muted]in the environment and start "
    "again, or paste the key here: it goes into the system's keyring.\n"
    "Any OpenAI-compatible server works: set[/] OPENAI_BASE_URL[$text-muted].[/]"
)
DEMO_HELP = Content.from_markup(
    "[b $text-secondary]OR SEE IT WORK[/]   "
    "[$text-muted]The real engine, sandbox and database with a scripted model; no key, no cost.[/]"
)


class SetupScreen(Screen[str | None]):
    """What is there and what is missing.

    Leaves with the name of a demo to play, with "" when a key was stored, or with None.

    Args:
        config: The configuration in force.
        look: Looks at the machine, check by check.
    """

    CSS_PATH = "setup_screen.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "To the app", id="setup.leave"),
        Binding("f5", "check", "Check again", id="setup.check"),
        Binding("f2", "demo", "Play the demo", id="setup.demo"),
    ]

    def __init__(self, config: "Config", look: "Look") -> None:
        super().__init__()
        self.config = config
        self._look = look

    def compose(self) -> ComposeResult:
        """Welcome, checks, key, demos."""
        with VerticalScroll(id="setup-body", can_focus=False):
            yield Static(WELCOME, id="setup-welcome")
            yield ServiceList([Check("this machine", "running", "looking at what is there")], id="setup-checks")
            yield Static(KEY_HELP, classes="setup-head")
            yield Input(placeholder="API key, then enter", password=True, id="setup-key")
            yield Static(DEMO_HELP, classes="setup-head")
            yield OptionList(id="setup-demos", markup=False)
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Look at the machine, and at the demos."""
        self._list_demos()
        self.action_check()

    def action_check(self) -> None:
        """Look again."""
        self._check()

    @work(group="setup-check", exclusive=True, description="check this machine", exit_on_error=False)
    async def _check(self) -> None:
        rows = self.query_one(ServiceList)
        looking = Check("this machine", "running", "looking at what is there")
        found: tuple[Check, ...] = ()
        rows.checks = (looking,)
        try:
            async for check in self._look():
                found = (*found, Check(check.name, check.status, check.detail, check.remedy))
                rows.checks = (*found, looking)
        except Exception as exc:  # noqa: BLE001  a worker's edge: a failed check is a finding itself
            trouble = trouble_of(exc, "check this machine")
            found = (*found, Check("this machine", "fail", trouble.title, trouble.hint))
        rows.checks = found

    @work(group="setup-demos", exclusive=True, description="list the demos", exit_on_error=False)
    async def _list_demos(self) -> None:
        try:
            self._demos = await demo_choices()
        except Exception as exc:  # noqa: BLE001  a worker's edge: without demos the rest of the set-up still works
            self.app.post_message(trouble_of(exc, "list the demos"))
            return
        if self.is_attached:
            demos = self.query_one("#setup-demos", OptionList)
            demos.add_options([Option(_row(choice), id=choice.name) for choice in self._demos])
            demos.highlighted = 0
            demos.focus()

    _demos: tuple[DemoChoice, ...] = ()

    @on(Input.Submitted, "#setup-key")
    def _key_given(self, event: Input.Submitted) -> None:
        key = event.value.strip()
        if key:
            event.input.value = ""
            self._store(key)

    @work(group="setup-key", exclusive=True, description="store the key", exit_on_error=False)
    async def _store(self, key: str) -> None:
        try:
            await asyncio.to_thread(_store_key, self.config, key)
        except Exception as exc:  # noqa: BLE001  a worker's edge: every error becomes words on the screen
            self.app.post_message(trouble_of(exc, "store the key"))
            return
        self.dismiss("")

    @on(OptionList.OptionSelected, "#setup-demos")
    def _demo_chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id)

    def action_demo(self) -> None:
        """Play the highlighted demo."""
        demos = self.query_one("#setup-demos", OptionList)
        if demos.highlighted is not None:
            self.dismiss(demos.get_option_at_index(demos.highlighted).id)

    def action_leave(self) -> None:
        """Go on without a model: the history and the list of runs work."""
        self.dismiss(None)


def _row(choice: DemoChoice) -> Content:
    head = Content.assemble(("▶ ", "$text-success"), (inert_line(choice.title, 100), "bold $text"))
    return head + Content("\n  ") + Content.styled(inert_line(choice.description, 300), "$text-muted")


def _store_key(config: "Config", key: str) -> None:
    from config.secrets import store_api_key

    store_api_key(config, key)
