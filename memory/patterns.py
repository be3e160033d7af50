"""Solutions that worked, as rows; their vectors are kept by `FailureMemory`."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from memory.ranking import COUNTED, TrackRecord, weight
from memory.records import Recollection
from memory.tables import patterns

TEXT_SHOWN = 8_000
CODE_SHOWN = 20_000
"""Characters that a recollection carries: it is stored with the run that asked."""
_STANDING = f"""
    SELECT p.pattern_id, p.project, p.updated_at AS at, coalesce(m.pinned, false) AS pinned,
           coalesce(m.forgotten, false) AS forgotten, md5(concat(p.description, p.plan)) AS told, r.*
    FROM patterns AS p LEFT JOIN memory_marks AS m ON m.memory_id = p.pattern_id
    CROSS JOIN LATERAL (SELECT {COUNTED} FROM recalls WHERE memory_id = p.pattern_id) AS r
    WHERE p.pattern_id = ANY (:ids)"""


def pattern_text(problem_type: str, description: str) -> str:
    """What a pattern is embedded as."""
    return f"{problem_type}\n{description}".strip()


async def best_patterns(
    connection: AsyncConnection, near: Mapping[str, float], project: str, limit: int
) -> dict[str, float]:
    """Those of some patterns to show, the best first: what a person pinned, then by likeness and what came of them.

    Args:
        connection: within a transaction.
        near: similarity by id.
        project: whose pins count.
        limit: most patterns; forgotten ones are left out.
    """
    now = datetime.now(UTC)
    found = await connection.execute(text(_STANDING), {"ids": list(near)})
    ranked = [
        (
            row.pinned and row.project == project,
            near[row.pattern_id] * weight(TrackRecord(row.shown, row.used, row.helped, row.harmed), None, row.at, now),
            row.pattern_id,
            row.told,
        )
        for row in found
        if not row.forgotten
    ]
    best: dict[str, str] = {}
    for _, _, pattern_id, told in sorted(ranked, key=lambda one: (not one[0], -one[1], one[2])):
        # Who solved the same in the same way again is no second solution.
        best.setdefault(told, pattern_id)
    return {pattern_id: near[pattern_id] for pattern_id in list(best.values())[:limit]}


async def read_patterns(
    connection: AsyncConnection, similarities: Mapping[str, float], project: str
) -> list[Recollection]:
    """The patterns with these ids and similarities, in their order; unknown ones are left out."""
    rows = await connection.execute(select(patterns).where(patterns.c.pattern_id.in_(similarities)))
    standing = {row.pattern_id: row for row in await connection.execute(text(_STANDING), {"ids": list(similarities)})}
    recalled = {row.pattern_id: _recollection(row, standing[row.pattern_id], project) for row in rows}
    return [
        recalled[one].model_copy(update={"similarity": similarity})
        for one, similarity in similarities.items()
        if one in recalled
    ]


def _recollection(row: Row[Any], standing: Row[Any], project: str) -> Recollection:
    own = row.project == project
    return Recollection(
        memory_id=row.pattern_id,
        kind="pattern",
        similarity=0.0,
        via="text",
        title=": ".join(part for part in (row.problem_type, row.description.strip().split("\n")[0][:200]) if part),
        cause=row.description[:TEXT_SHOWN],
        solution=row.code_template[:CODE_SHOWN],
        plan=row.plan[:TEXT_SHOWN],
        project=row.project,
        own_project=own,
        pinned=standing.pinned and own,
        shown=standing.shown,
        used=standing.used,
        helped=standing.helped,
        harmed=standing.harmed,
    )
