"""`miracle sandbox`: the images that code runs in, and the environments that tests have."""

from typing import TYPE_CHECKING, Any

import click

from miracle_tui.cli.options import as_json
from miracle_tui.cli.problems import SUCCESS

if TYPE_CHECKING:
    from config.config import Config
    from sandbox.environments_kept import Kept
    from sandbox.images.status import ImageStatus

EPILOG = """\b
Examples:
  miracle sandbox build                   from the official bases of Python and Node.js
  miracle sandbox build --offline-base    from this machine's package sources
  miracle sandbox build --python-base mirror.example/python:3.12-slim --node-base mirror.example/node:22-slim
  miracle sandbox status
  miracle sandbox clean                   remove environments that are old or too many
  miracle sandbox clean --all             remove all that nobody uses
"""


@click.group("sandbox", epilog=EPILOG)
def command() -> None:
    """Build the sandbox's image, see what it takes, and clean up."""


@command.command("build")
@click.option("--offline-base", is_flag=True, help="Make the base from this machine's package sources.")
@click.option("--python-base", default="", metavar="IMAGE", help="Begin from this image; NAME@sha256:... pins it.")
@click.option("--node-base", default="", metavar="IMAGE", help="Take Node.js from this image.")
@click.option("--if-missing", is_flag=True, help="Do nothing where the image is there.")
@as_json
def build(offline_base: bool, python_base: str, node_base: str, if_missing: bool, as_json: bool) -> int:
    """Build the image that Docker runs code in: Python and Node.js, an unprivileged user, no setuid program."""
    from miracle_tui.cli.opening import in_loop

    if offline_base and (python_base or node_base):
        raise click.UsageError("--offline-base makes its own base: leave --python-base and --node-base away.")
    return in_loop(_build(offline_base, (python_base, node_base), if_missing, as_json))


@command.command("status")
@as_json
def status(as_json: bool) -> int:
    """Show the images and the environments: which, how big, how old, in use or not."""
    from miracle_tui.cli.opening import in_loop

    return in_loop(_status(as_json))


@command.command("clean")
@click.option("--all", "everything", is_flag=True, help="All environments that nobody uses, whatever their age.")
@as_json
def clean(everything: bool, as_json: bool) -> int:
    """Remove environments that are older or take more than the settings allow; none that is in use."""
    from miracle_tui.cli.opening import in_loop

    return in_loop(_clean(everything, as_json))


async def _build(offline: bool, bases: tuple[str, str], if_missing: bool, as_json: bool) -> int:
    import asyncio

    from miracle_tui.cli.console import say, say_json
    from miracle_tui.cli.opening import configuration
    from sandbox.images.build import Bases, build_image
    from sandbox.images.status import image_statuses

    tags = _tags(configuration())
    before = await asyncio.to_thread(image_statuses, tags)
    wanted = [one.tag for one in before if not (if_missing and one.there)]
    for tag in wanted:
        if not as_json:
            say([f"▸ building {tag}; the first time takes some minutes"])
        await build_image(offline, tag, Bases(*bases))
    for one in await asyncio.to_thread(image_statuses, tags):
        if as_json:
            say_json({**_image_record(one), "built": one.tag in wanted})
        else:
            say([f"{_image_line(one)}{'' if one.tag in wanted else ' (it was there)'}"])
    return SUCCESS


async def _status(as_json: bool) -> int:
    import asyncio

    from miracle_tui.cli.console import say, say_json
    from miracle_tui.cli.opening import configuration
    from sandbox.environments_kept import kept_environments
    from sandbox.errors import ImageFailed
    from sandbox.images.status import image_statuses

    config = configuration()
    kept = await asyncio.to_thread(kept_environments, config.paths.environments)
    images: list[ImageStatus] = []
    trouble = ""
    try:
        images = await asyncio.to_thread(image_statuses, _tags(config))
    except ImageFailed as exc:
        trouble = exc.title
    if as_json:
        for image in images:
            say_json(_image_record(image))
        for one in kept:
            say_json(_environment_record(one))
        return SUCCESS
    say([*map(_image_line, images)] if images else [f"! no images: {trouble}"])
    _say_environments(config, kept)
    return SUCCESS


async def _clean(everything: bool, as_json: bool) -> int:
    import asyncio

    from config.amounts import plural, size
    from miracle_tui.cli.console import say, say_json
    from miracle_tui.cli.opening import configuration
    from sandbox.environments_kept import DAY_S, GIB, collect

    config = configuration()
    settings = config.settings.sandbox
    removed = await asyncio.to_thread(
        collect,
        config.paths.environments,
        max_bytes=settings.environments_max_gb * GIB,
        max_age_s=settings.environments_max_age_days * DAY_S,
        everything=everything,
    )
    copies = await _clean_engine(config)
    if as_json:
        for one in removed:
            say_json({**_environment_record(one), "removed": True})
        return SUCCESS
    freed = sum(one.bytes for one in removed)
    say([f"✓ {plural(len(removed), 'environment')} removed, {size(freed)} freed; those in use stay"])
    if copies:
        say([f"✓ {plural(copies, 'volume')} removed from the Docker engine"])
    return SUCCESS


async def _clean_engine(config: "Config") -> int:
    """Remove copies of what is not here any more from a Docker engine elsewhere, if one answers."""
    from sandbox.docker import Docker
    from sandbox.errors import BackendLost

    settings = config.settings.sandbox
    images = {"python": settings.image_python, "node": settings.image_node}
    docker = Docker(config.paths.environments, config.paths.cache, images)
    try:
        return await docker.collect()
    except BackendLost:
        return 0
    finally:
        await docker.close()


def _tags(config: "Config") -> tuple[str, ...]:
    settings = config.settings.sandbox
    return tuple(dict.fromkeys((settings.image_python, settings.image_node)))


def _image_record(one: "ImageStatus") -> dict[str, Any]:
    created = one.created.isoformat() if one.created else None
    return {"kind": "image", "tag": one.tag, "there": one.there, "digest": one.digest, "bytes": one.bytes,
            "created": created, "user": one.user}  # fmt: skip


def _image_line(one: "ImageStatus") -> str:
    from config.amounts import moment, size
    from miracle_tui.cli.inert import one_line

    if not one.there:
        return f"✗ {one_line(one.tag)} is not there\n→ miracle sandbox build   (or with --offline-base)"
    root = "" if one.unprivileged else "; ! its user is root"
    digest = one.digest.removeprefix("sha256:")[:12]
    return f"✓ {one_line(one.tag)}  {digest}  {size(one.bytes)}  built {moment(one.created)}{root}"


def _environment_record(one: "Kept") -> dict[str, Any]:
    return {"kind": "environment", "name": one.name, "bytes": one.bytes, "used_at": one.used_at, "in_use": one.in_use}


def _say_environments(config: "Config", kept: "list[Kept]") -> None:
    from datetime import UTC, datetime

    from config.amounts import moment, plural, size
    from miracle_tui.cli.console import say, table
    from miracle_tui.cli.inert import one_line

    if not kept:
        say(["There are no environments yet."])
        return
    rows = [
        (
            one_line(one.name),
            size(one.bytes),
            moment(datetime.fromtimestamp(one.used_at, UTC)),
            "in use" if one.in_use else "",
        )
        for one in reversed(kept)
    ]
    say(table(rows, ("ENVIRONMENT", "SIZE", "LAST USED", "")))
    settings = config.settings.sandbox
    total = size(sum(one.bytes for one in kept))
    say([
        f"{plural(len(kept), 'environment')}, {total}; of more than {settings.environments_max_gb:g} GB the oldest go, "
        f"and those that nobody used for {plural(settings.environments_max_age_days, 'day')}"
    ])  # fmt: skip
