"""`miracle config`: show and check the configuration."""

from typing import TYPE_CHECKING, Any

import click

from miracle_tui.cli.options import as_json
from miracle_tui.cli.problems import SUCCESS, USAGE, BadInput

if TYPE_CHECKING:
    from config.config import Config

ROOTS = ("settings", "database", "openai", "rules", "dependencies", "prompts")

EPILOG = """\b
Examples:
  miracle config show                          every key, its value, and what set it
  miracle config show settings.sandbox         only a part
  miracle config path                          where your own files go
  miracle config check                         whether all files are right
  miracle config key                           whether there is an API key, and where it comes from
  miracle config key --forget                  take it out of the system's keyring
"""


@click.group("config", epilog=EPILOG)
def command() -> None:
    """Show and check the configuration.

    Packaged defaults, your own folder, the project's .miracle/, the environment and the command line are layered in
    this order; the later wins. A project can tighten safety, never loosen it.
    """


@command.command("show")
@click.argument("prefix", required=False, default="")
@as_json
def show(prefix: str, as_json: bool) -> int:
    """Print every key, its value, and what set it; secrets are masked."""
    from miracle_tui.cli.console import say, say_json, table
    from miracle_tui.cli.inert import one_line
    from miracle_tui.cli.opening import configuration

    config = configuration()
    values = flat_values(config)
    chosen = {
        key: value for key, value in values.items() if not prefix or key == prefix or key.startswith(f"{prefix}.")
    }
    if not chosen:
        raise BadInput(f"No key begins with {one_line(prefix)!r}", f"The first words are {', '.join(ROOTS)}.")
    if as_json:
        say_json({key: {"value": value, "source": source_of(config, key)} for key, value in chosen.items()})
        return SUCCESS
    rows = [(key, one_line(_shown(value), 70), source_of(config, key)) for key, value in chosen.items()]
    say(table(rows, ("KEY", "VALUE", "SET BY")))
    return SUCCESS


@command.command("path")
@as_json
def path(as_json: bool) -> int:
    """Print where files are: configuration, data, cache, logs."""
    from config.documents import FILES
    from config.paths import find_paths
    from miracle_tui.cli.console import say, say_json

    paths = find_paths()
    if as_json:
        folders = {"configuration": paths.config, "data": paths.data, "cache": paths.cache, "logs": paths.logs}
        say_json({**folders, "project": ".miracle"})
        return SUCCESS
    say(
        [
            f"configuration  {paths.config}   ({', '.join(FILES.values())}, .env)",
            f"data           {paths.data}",
            f"cache          {paths.cache}",
            f"logs           {paths.logs}",
            "project        .miracle/ in the project's folder",
        ]
    )
    return SUCCESS


@command.command("check")
@as_json
def check(as_json: bool) -> int:
    """Read every file and say what is wrong, with file, key and line."""
    from miracle_tui.checks import check_files
    from miracle_tui.cli.console import say
    from miracle_tui.cli.opening import configuration

    if as_json:
        return _check_for_programs()
    say([f"✓ the configuration is right: {check_files(configuration()).detail}"])
    return SUCCESS


@command.command("key")
@click.option("--forget", is_flag=True, help="Take the key out of the system's keyring.")
@as_json
def key(forget: bool, as_json: bool) -> int:
    """Say whether there is a key for the configured model server, and where it comes from; never the key."""
    from config.secrets import api_key, forget_api_key
    from miracle_tui.cli.console import say, say_json
    from miracle_tui.cli.inert import one_line
    from miracle_tui.cli.opening import configuration

    config = configuration()
    server = one_line(_url(config.openai.api.base_url))
    forgot = forget and forget_api_key(config)
    from_file = source_of(config, "openai.api.key") if config.openai.api.key else ""
    source = from_file or ("the system's keyring" if api_key(config) else "")
    if as_json:
        say_json({"server": server, "source": source or None, "forgot": forgot})
        return SUCCESS
    if forget:
        say([f"✓ forgot the key for {server}" if forgot else f"· the keyring has no key for {server}"])
    say([f"✓ there is a key for {server}, from {source}" if source else f"· there is no key for {server}"])
    return SUCCESS


def _check_for_programs() -> int:
    """The same as one JSON object, which names the first thing that is wrong."""
    from config.errors import ConfigError, ConfigFileError
    from miracle_tui.cli.console import say_json
    from miracle_tui.cli.opening import configuration

    try:
        configuration()
    except ConfigError as exc:
        place = {"file": exc.path, "key": exc.key, "line": exc.line} if isinstance(exc, ConfigFileError) else {}
        say_json({"ok": False, "title": exc.title, "hint": exc.hint, **place})
        return USAGE
    say_json({"ok": True})
    return SUCCESS


def flat_values(config: "Config") -> dict[str, Any]:
    """Dotted key to value, as JSON values; secrets are masked."""
    flat: dict[str, Any] = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict) and value:
            for name, below in value.items():
                walk(f"{prefix}.{name}", below)
        else:
            flat[prefix] = value

    for root in ROOTS:
        part = getattr(config, root)
        walk(root, part if isinstance(part, dict) else _plain(part))
    return flat


def source_of(config: "Config", key: str) -> str:
    """What set a key: the nearest that is recorded, upwards."""
    parts = key.split(".")
    for end in range(len(parts), 0, -1):
        if found := config.sources.get(".".join(parts[:end])):
            return found
    return "default"


def _plain(model: Any) -> Any:
    """A model's values with every secret masked."""
    from pydantic import BaseModel, SecretStr

    from miracle_tui.checks import masked

    if isinstance(model, BaseModel):
        return {name: _plain(getattr(model, name)) for name in type(model).model_fields}
    if isinstance(model, dict):
        return {name: _plain(value) for name, value in model.items()}
    if isinstance(model, SecretStr):
        return (
            masked(model.get_secret_value())
            if "://" not in model.get_secret_value()
            else _url(model.get_secret_value())
        )
    return list(model) if isinstance(model, tuple) else model


def _url(url: str) -> str:
    """A database's URL without its password."""
    from config.secrets import redact

    return redact(url)


def _shown(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
