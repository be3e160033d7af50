"""Moments and ages as values of options."""

from datetime import UTC, datetime, timedelta

import click

METAVAR = "WHEN"


def moment_of(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    """The moment that an option's value names: `7d` ago, `2026-01-31`, `2026-01-31T18:00`, in local time."""
    from config.ages import moment_said

    if value is None:
        return None
    try:
        return moment_said(value).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise click.BadParameter(f"{exc}.", ctx, param) from exc


def age_of(ctx: click.Context, param: click.Parameter, value: str) -> timedelta:
    """The age that an option's value names, in hours or longer: `m` might be taken for months."""
    from config.ages import age_said

    try:
        age = age_said(value)
    except ValueError:
        age = None
    if age is None or value.strip().lower().endswith("m"):
        raise click.BadParameter(f"{value[:40]!r} is no age such as 12h, 90d, 8w or 1y.", ctx, param)
    return age
