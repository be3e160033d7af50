"""A moment as a person names it: a date, a date with a time, or how long ago."""

import re
from datetime import UTC, datetime, timedelta

import click

METAVAR = "WHEN"
UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGO = re.compile(r"(\d{1,6})([mhdw])")


def moment_of(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    """The moment that an option's value names: `7d` ago, `2026-01-31`, `2026-01-31T18:00`, in local time."""
    if value is None:
        return None
    text = value.strip()
    try:
        if ago := _AGO.fullmatch(text.lower()):
            return datetime.now(UTC) - timedelta(**{UNITS[ago[2]]: int(ago[1])})
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise click.BadParameter(
            f"{value!r} is neither like 7d, 24h or 2w nor a date like 2026-01-31.", ctx, param
        ) from exc
