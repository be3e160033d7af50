"""A moment as a person says it: a date, or how long ago."""

import re
from datetime import datetime, timedelta

_AGO = re.compile(r"(\d{1,5})\s*([mhdwy])", re.ASCII | re.IGNORECASE)
_UNITS = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "y": timedelta(days=365),
}
FORMS = "a date such as 2026-01-31, or an age such as 90m, 12h, 7d, 2w or 1y"


def moment_said(said: str, now: datetime | None = None) -> datetime:
    """The moment that is meant, with a time zone; the person's own where none is said.

    Args:
        said: a date, a date and a time, or an age.
        now: what an age is counted from.

    Raises:
        ValueError: it is neither.
    """
    said = said.strip()
    now = now or datetime.now().astimezone()
    try:
        if ago := _AGO.fullmatch(said):
            return now - int(ago[1]) * _UNITS[ago[2].lower()]
        at = datetime.fromisoformat(said)
        return at if at.tzinfo else at.astimezone()
    except (ValueError, OverflowError):
        raise ValueError(f"{said[:40]!r} is no moment: write {FORMS}") from None
