"""What is paid to an embeddings endpoint on somebody's behalf, however deep below the asking it happens."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class Bill:
    """An amount that grows."""

    usd: float = 0.0
    """In US dollars, as far as prices are known; what a cache gave is free."""


_open: ContextVar[Bill | None] = ContextVar("bill", default=None)


@contextmanager
def billed() -> Iterator[Bill]:
    """Add up what is paid for embeddings until the end, by this task and those that it starts."""
    bill = Bill()
    token = _open.set(bill)
    try:
        yield bill
    finally:
        _open.reset(token)


def charge(usd: float | None) -> None:
    """Note what was paid; nothing where nobody adds it up."""
    bill = _open.get()
    if bill is not None:
        bill.usd += usd or 0.0
