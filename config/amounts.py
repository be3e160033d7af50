"""Amounts as a person reads them: money, counts, bytes, times."""

from datetime import datetime


def dollars(usd: float) -> str:
    """US dollars to the cent; sums below a cent to four digits."""
    return f"${usd:.4f}" if 0 < usd < 0.01 else f"${usd:.2f}"


def short_count(number: int) -> str:
    """41000 as 41k, 1200000 as 1.2M."""
    if number < 1000:
        return str(number)
    if number < 1_000_000:
        return f"{number / 1000:.0f}k" if number >= 10_000 else f"{number / 1000:.1f}k"
    return f"{number / 1_000_000:.1f}M"


def plural(number: int, word: str) -> str:
    """`1 test`, `2 tests`, `2 branches`."""
    return f"{number:,} {word}" + ("" if number == 1 else "es" if word.endswith(("s", "ch")) else "s")


def times(count: int) -> str:
    """`once`, `twice`, `3 times`."""
    return {1: "once", 2: "twice"}.get(count, f"{count:,} times")


def size(count: int) -> str:
    """Bytes as KB, MB or GB."""
    amount, unit = float(count), "bytes"
    for unit in ("bytes", "KB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"


def moment(at: datetime | None) -> str:
    """A local date and time to the minute."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M") if at else "-"


def duration(seconds: float) -> str:
    """A time that something took: 0.02s, 1.5s, 12s, 02:31, 1:02:31."""
    if seconds < 10:
        return f"{seconds:.2f}s" if seconds < 1 else f"{seconds:.1f}s"
    if seconds < 60:
        return f"{seconds:.0f}s"
    return clock(seconds)


def clock(seconds: float) -> str:
    """A running time: 02:31 or 1:02:31."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"
