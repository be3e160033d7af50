"""One thing that was looked at on this machine, and what came of it."""

from dataclasses import dataclass, field
from typing import Literal

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    status: Status
    """`ok`; `warn`: Miracle works, but something is not as it could be; `fail`: it cannot do its job."""
    detail: str
    remedy: str = ""
    """What to do, when it is not ok."""
    limits: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """A sandbox's limits: `enforced` by the kernel, `best_effort`, `missing`; empty for other checks."""
