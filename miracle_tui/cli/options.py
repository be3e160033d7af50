"""Options that several commands share."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import click

from miracle_tui.cli.problems import BadInput

if TYPE_CHECKING:
    from config.config import Config
    from engine.llm.protocol import ModelClient

F = TypeVar("F", bound=Callable[..., Any])

KEY_HINT = (
    "Set one: export OPENAI_API_KEY=…  (or in the .env file of the folder that `miracle config path` names).\n"
    "Another server: miracle run --base-url URL …   Without any: miracle demo."
)


def as_json(command: F) -> F:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Write JSON lines on stdout, for programs.")(command)


def project(text: str) -> Callable[[F], F]:
    """`--project DIR`; its value is the folder as a run knew it, absolute, and empty without the option."""

    def absolute(ctx: click.Context, param: click.Parameter, value: Path | None) -> str:
        return str(value.expanduser().absolute()) if value is not None else ""

    return click.option("--project", metavar="DIR", type=click.Path(path_type=Path), callback=absolute, help=text)


def model_options(command: F) -> F:
    """`--model`, `--base-url`, `--record`, `--replay`."""
    for option in reversed(
        (
            click.option("--model", metavar="M", callback=_not_empty, help="One model for all agents."),
            click.option("--base-url", metavar="URL", callback=_url, help="An OpenAI-compatible server."),
            click.option(
                "--record",
                metavar="F",
                type=click.Path(dir_okay=False, path_type=Path),
                help="Record every answer of the model into a file.",
            ),
            click.option(
                "--replay",
                metavar="F",
                type=click.Path(exists=True, dir_okay=False, path_type=Path),
                help="Take the answers from such a file instead of a model.",
            ),
        )
    ):
        command = option(command)
    return command


def finite(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    """Refuse what is no amount: `nan` passes every comparison of a range."""
    if value is not None and not (math.isfinite(value) and value > 0):
        raise click.BadParameter(f"{value} is not an amount above 0.", ctx, param)
    return value


def _not_empty(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.strip():
        raise click.BadParameter("is empty.", ctx, param)
    return value


def _url(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        good = False
    if not good:
        raise click.BadParameter(f"{value!r} is not a URL such as http://127.0.0.1:8000/v1.", ctx, param)
    return value


def chosen_model(
    config: "Config", model: str | None, base_url: str | None, record: Path | None, replay: Path | None
) -> "ModelClient":
    """The model client that the options ask for.

    Raises:
        BadInput: there is no key for a server that wants one, or options contradict each other.
        CassetteError: a recording cannot be read or written.
    """
    from config.openai import Api
    from engine.llm.choose import make_model

    if replay and (record or model or base_url):
        raise BadInput("--replay takes the answers from a file", "Leave --record, --model and --base-url away.")
    server = base_url or config.openai.api.base_url
    if replay is None and config.openai.api.key is None and server.rstrip("/") == Api().base_url:
        raise BadInput("No API key is configured", KEY_HINT)
    return make_model(config, base_url=base_url, model=model, record=record, replay=replay)
