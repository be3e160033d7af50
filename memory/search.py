"""Search as you type over tasks, runs, iterations, failures and patterns.

Two looks, each quick where the other is not. What many rows mention is found among the newest rows; what few mention is
found by the index of letters. A word of any length is found anywhere within another, and no extension is needed.
"""

from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from memory.hits import MEMORIES, Filters, Hit, Kind, words_of

NEWEST = 1000
"""Rows in which a query is looked for before the index is asked."""
LEAD = 40
"""Characters before the first word of a query that are told with it."""


_MATCHES = "lower(h.body) LIKE ALL (ARRAY(SELECT lower(p) FROM unnest(CAST(:patterns AS text[])) AS p))"
_ORDER = "ORDER BY {0}.at DESC, {0}.kind DESC, {0}.id DESC"
_AMONG_THE_NEWEST = f"""
    SELECT h.kind, h.id FROM (
        SELECT h.kind, h.id, h.at, h.body FROM history AS h WHERE {{where}} {_ORDER.format("h")} LIMIT :newest
    ) AS h
    WHERE {_MATCHES} {_ORDER.format("h")} LIMIT :limit"""
_BY_LETTERS = f"""
    SELECT h.kind, h.id FROM (
        SELECT h.kind, h.id, h.at FROM history AS h
        WHERE history_grams(h.body) @> ARRAY(
            SELECT substr(w, place, 3)
            FROM (SELECT lower(w) AS w FROM unnest(CAST(:words AS text[])) AS w) AS words,
                 generate_series(1, greatest(1, length(w) - 2)) AS place
        ) AND {{where}} AND {_MATCHES} OFFSET 0
    ) AS h {_ORDER.format("h")} LIMIT :limit"""
_ROWS = rf"""
    WITH found AS MATERIALIZED ({{found}})
    SELECT h.kind, h.id, coalesce(r.run_id, h.run_id) AS run_id, h.at, h.language, h.project, h.outcome,
           CASE WHEN h.kind = 'iteration' AND h.title IN ('', h.outcome)
                THEN coalesce(nullif(history_line(i.hypothesis), ''), 'phase ' || nullif(i.phase_id, ''), 'at work')
                ELSE h.title END AS title,
           CASE WHEN h.kind IN ('iteration', 'failure')
                THEN left(coalesce(nullif(r.title, ''), history_line(r.goal), ''), 200) ELSE '' END AS context,
           CASE WHEN s.place > {LEAD}
                THEN regexp_replace(substr(h.body, s.place - {LEAD}, 240), '^\S{{{{0,{LEAD - 1}}}}}\s', '…')
                ELSE left(h.body, 240) END AS snippet,
           coalesce(m.pinned, false) AS pinned, coalesce(m.forgotten, false) AS forgotten
    FROM found JOIN history AS h USING (kind, id)
    CROSS JOIN LATERAL (SELECT position(lower(:first) IN lower(h.body)) AS place) AS s
    LEFT JOIN runs AS r ON r.run_id = CASE h.kind
        WHEN 'task' THEN (SELECT t.run_id FROM runs AS t WHERE t.task_id = h.id ORDER BY t.started_at DESC LIMIT 1)
        WHEN 'pattern' THEN h.id ELSE h.run_id END
    LEFT JOIN iterations AS i ON i.run_id = h.run_id
        AND i.number = CASE h.kind
            WHEN 'iteration' THEN CAST(substring(h.id FROM '#([0-9]{{{{1,9}}}})$') AS integer) END
    LEFT JOIN memory_marks AS m ON m.memory_id = h.id AND h.kind IN {MEMORIES}
    {_ORDER.format("h")}"""
_THESE = "SELECT h.kind, h.id FROM history AS h WHERE h.kind = ANY (:these) AND h.id = ANY (:ids) AND {where}"


async def search(
    connection: AsyncConnection, query: str, filters: Filters, limit: int, after: Hit | None = None
) -> list[Hit]:
    """Rows in which every word of the query occurs, in any case, the latest first.

    Args:
        connection: within a transaction.
        query: words, or parts of words; empty for the latest rows.
        filters: what may be found.
        limit: most hits.
        after: the last hit that is known already; what follows it is found.
    """
    words = words_of(query)
    conditions, values = filters.conditions()
    if after is not None:
        conditions.append("(h.at, h.kind, h.id) < (:after_at, :after_kind, :after_id)")
        values |= {"after_at": after.at, "after_kind": after.kind, "after_id": after.id}
    where = " AND ".join(conditions) or "true"
    values |= {"words": words, "patterns": [_pattern(word) for word in words], "limit": limit}
    values |= {"first": words[0] if words else "", "newest": NEWEST if words else limit}
    hits = await _hits(connection, _AMONG_THE_NEWEST.format(where=where), values)
    if words and len(hits) < limit:
        hits = await _hits(connection, _BY_LETTERS.format(where=where), values)
    return hits


async def hits_of(connection: AsyncConnection, near: dict[tuple[Kind, str], float], filters: Filters) -> list[Hit]:
    """What lies near something, as hits, the nearest first; what the filters refuse is left out.

    Args:
        connection: within a transaction.
        near: similarity in [-1, 1] by kind and id.
        filters: what may be found.
    """
    conditions, values = filters.conditions()
    values |= {"these": list({kind for kind, _ in near}), "ids": [one for _, one in near], "first": ""}
    found = await _hits(connection, _THESE.format(where=" AND ".join(conditions) or "true"), values, near)
    return sorted(found, key=lambda hit: (-(hit.similarity or 0.0), hit.id))


async def _hits(
    connection: AsyncConnection, found: str, values: dict[str, Any], near: dict[tuple[Kind, str], float] | None = None
) -> list[Hit]:
    statement = text(_ROWS.format(found=found))
    rows = await connection.execute(statement, values)
    return [_hit(row, near) for row in rows if near is None or (row.kind, row.id) in near]


def _hit(row: Row[Any], near: dict[tuple[Kind, str], float] | None) -> Hit:
    return Hit(**row._mapping, similarity=near[row.kind, row.id] if near else None)


def _pattern(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
