"""Figures over many runs, counted by PostgreSQL in the projections."""

from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import DateTime, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import TextClause

from memory.database import Database
from memory.metric_figures import (
    DayOutcome,
    IterationStep,
    MemoryFigures,
    MetricFilters,
    Metrics,
    Share,
    Spread,
    Topic,
    Usage,
)

MOST_PLACES = 40
"""Iterations of a run that are told apart."""
MOST_TYPES = 12
"""Types of errors that are named; the rest is `other`."""


async def read_metrics(database: Database, filters: MetricFilters) -> Metrics:
    """Count everything about the runs that the filters choose, at one moment.

    Raises:
        DatabaseUnavailable: the database does not answer.
    """
    given = {
        "scripted": filters.scripted,
        "since": filters.since,
        "until": filters.until,
        "project": filters.project,
        "language": filters.language,
        "places": MOST_PLACES,
        "types": MOST_TYPES,
    }

    async def work(connection: AsyncConnection) -> dict[str, Any]:
        found: dict[str, Any] = (await connection.execute(_statement(), given)).scalar_one()
        return found

    return _metrics(filters, await database.run(work))


@cache
def _statement() -> TextClause:
    moments = [bindparam(name, type_=DateTime(timezone=True)) for name in ("since", "until")]
    return text(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")).bindparams(*moments)


def _metrics(filters: MetricFilters, found: dict[str, Any]) -> Metrics:
    recalled, failed, used, better, judged, better_alone, judged_alone = found["memory"]
    return Metrics(
        filters=filters,
        outcomes=found["outcomes"] or {},
        others=found["others"],
        iterations_to_success=Spread(**found["iterations_to_success"]),
        time_to_green_s=Spread(**found["time_to_green_s"]),
        days=tuple(DayOutcome(date.fromisoformat(day), Share(hits, n)) for day, hits, n in found["days"] or ()),
        steps=tuple(IterationStep(*step) for step in found["steps"] or ()),
        usage=tuple(Usage(agent, model, None, *_spent(spent)) for agent, model, *spent in found["usage"] or ()),
        usage_days=tuple(
            Usage("", "", date.fromisoformat(day), *_spent(spent)) for day, *spent in found["usage_days"] or ()
        ),
        errors=tuple((name, n) for name, n in found["errors"] or ()),
        memory=MemoryFigures(
            recalled=Share(recalled, failed),
            used=Share(used, recalled),
            improved_with=Share(better, judged),
            improved_without=Share(better_alone, judged_alone),
        ),
        topics=tuple(Topic(*topic) for topic in found["topics"] or ()),
        approval_wait_s=Spread(**found["approval_wait_s"]),
    )


def _spent(counted: list[Any]) -> tuple[int, int, float, int]:
    calls, tokens, cost_usd, unpriced = counted
    return int(calls), int(tokens), float(cost_usd), int(unpriced)
