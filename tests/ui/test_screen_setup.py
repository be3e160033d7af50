"""The set-up screen."""

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError
from textual.widgets import Input, OptionList, Static

from config.secrets import api_key
from miracle_tui.screens.setup_screen import SetupScreen
from tests.ui.app_fixtures import ReadyServices, opened_app, until
from tests.ui.scripted_engine import ScriptedEngine
from widgets.dialogs.error_dialog import ErrorDialog
from widgets.service_list import ServiceList


class MemoryKeyring(KeyringBackend):
    """A keyring that forgets at the end."""

    priority = 1.0

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError("nothing is kept")


def lacking_key(engine: ScriptedEngine) -> ReadyServices:
    return ReadyServices(engine, lacks_key=True)


async def test_it_says_what_was_found_and_offers_the_demos() -> None:
    engine = ScriptedEngine()
    async with opened_app(engine, services=lacking_key(engine)) as (app, pilot):
        await until(pilot, lambda: isinstance(app.screen, SetupScreen))
        demos = app.screen.query_one("#setup-demos", OptionList)
        await until(pilot, lambda: demos.option_count > 0)
        checks = app.screen.query_one(ServiceList)
        await until(pilot, lambda: [check.state for check in checks.checks] == ["ok", "fail"])
        said = " ".join(str(one.render()) for one in app.screen.query(Static))
        assert "OPENAI_API_KEY" in said
        assert "Set OPENAI_API_KEY." in str(checks.render())
        names = [demos.get_option_at_index(place).id for place in range(demos.option_count)]
        assert "roman-numerals" in names


async def test_a_demo_is_played_by_key() -> None:
    engine = ScriptedEngine()
    services = lacking_key(engine)
    async with opened_app(engine, services=services) as (app, pilot):
        await until(pilot, lambda: isinstance(app.screen, SetupScreen))
        demos = app.screen.query_one("#setup-demos", OptionList)
        await until(pilot, lambda: demos.option_count > 0)
        name = demos.get_option_at_index(0).id
        services.lacks_key = False
        await pilot.press("f2")
        await until(pilot, lambda: services.opened == ["", name])
        await until(pilot, lambda: app.screen is app.run_screen and app.run_screen.desk is not None)


async def test_a_key_goes_into_the_keyring_and_the_app_opens_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = ScriptedEngine()
    services = lacking_key(engine)
    before = keyring.get_keyring()
    keyring.set_keyring(MemoryKeyring())
    try:
        async with opened_app(engine, services=services) as (app, pilot):
            await until(pilot, lambda: isinstance(app.screen, SetupScreen))
            services.lacks_key = False
            line = app.screen.query_one("#setup-key", Input)
            line.focus()
            line.value = "sk-not-a-real-key"
            await pilot.press("enter")
            await until(pilot, lambda: services.opened == ["", ""])
            assert api_key(engine.config) == "sk-not-a-real-key"
            assert line.value == ""
    finally:
        keyring.set_keyring(before)


async def test_without_a_keyring_it_says_where_the_key_can_go() -> None:
    engine = ScriptedEngine()
    from keyring.backends.fail import Keyring

    before = keyring.get_keyring()
    keyring.set_keyring(Keyring())  # type: ignore[no-untyped-call]
    try:
        async with opened_app(engine, services=lacking_key(engine)) as (app, pilot):
            await until(pilot, lambda: isinstance(app.screen, SetupScreen))
            line = app.screen.query_one("#setup-key", Input)
            line.focus()
            line.value = "sk-not-a-real-key"
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
            assert isinstance(app.screen, ErrorDialog)
            assert "OPENAI_API_KEY" in app.screen._hint
    finally:
        keyring.set_keyring(before)
