"""How much a memory weighs within its list: likeness by confirmed help, a little less with age."""

import math
from dataclasses import dataclass
from datetime import datetime

HELP = 0.25
"""How far help lifts a likeness, and failed advice lowers it, at most."""
AGE = 0.1
"""How far age lowers it at most."""
HALF_LIFE_DAYS = 180.0
COUNTED = (
    "count(*) AS shown, count(*) FILTER (WHERE used) AS used, count(*) FILTER (WHERE helped) AS helped, "
    "count(*) FILTER (WHERE NOT helped) AS harmed"
)
"""A track record as SQL over rows of `recalls`."""


@dataclass(frozen=True)
class TrackRecord:
    """What came of a memory so far."""

    shown: int = 0
    used: int = 0
    helped: int = 0
    harmed: int = 0


def weight(record: TrackRecord, solved: bool | None, at: datetime, now: datetime) -> float:
    """What a likeness is multiplied with, between 0.675 and 1.25.

    Args:
        record: of the times it was recalled.
        solved: whether its own solution helped where it came from; None where that is not known.
        at: when it was learnt.
        now: the time of the recall.
    """
    helped = record.helped + (solved is True)
    harmed = record.harmed + (solved is False)
    # The mean of a Beta(1, 1) prior with what was seen: one success says less than ten.
    likely = (helped + 1) / (helped + harmed + 2)
    days = max((now - at).total_seconds(), 0.0) / 86_400
    return (1 + HELP * (2 * likely - 1)) * (1 - AGE * (1 - math.pow(0.5, days / HALF_LIFE_DAYS)))
