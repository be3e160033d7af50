"""A moment or an age as a person says it: a date, or how long ago. The one place that reads either."""

import re
from datetime import UTC, datetime, timedelta

_AGE = re.compile(r"(\d{1,6})\s*([mhdwy])", re.ASCII | re.IGNORECASE)
_UNITS = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "y": timedelta(days=365),
}
LONGEST = timedelta(days=36_500)
FORMS = "a date such as 2026-01-31, or an age such as 90m, 12h, 7d, 2w or 1y"


def age_said(said: str) -> timedelta:
    """The age that is meant.

    Args:
        said: a number of minutes, hours, days, weeks or years, as `90m`, `12h`, `7d`, `2w`, `1y`.

    Raises:
        ValueError: it is none, or longer than a century.
    """
    found = _AGE.fullmatch(said.strip())
    age = int(found[1]) * _UNITS[found[2].lower()] if found else None
    if age is None or age > LONGEST:
        raise ValueError(f"{said[:40]!r} is no age such as 90m, 12h, 7d, 2w or 1y")
    return age


def moment_said(said: str, now: datetime | None = None) -> datetime:
    """The moment that is meant, with a time zone; the person's own where none is said.

    Args:
        said: a date, a date and a time, or an age.
        now: what an age is counted from.

    Raises:
        ValueError: it is neither.
    """
    said = said.strip()
    try:
        if _AGE.fullmatch(said):
            return (now or datetime.now().astimezone()) - age_said(said)
        at = datetime.fromisoformat(said)
        # In the first and the last hours of all time there may be no such moment elsewhere.
        at.astimezone(UTC)
        return at if at.tzinfo else at.astimezone()
    except (ValueError, OverflowError):
        raise ValueError(f"{said[:40]!r} is no moment: write {FORMS}") from None
