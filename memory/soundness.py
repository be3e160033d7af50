"""Whether what a backup brought is what Miracle writes: every reader of these tables trusts that it is.

A file with a good checksum may still come from anybody, and its rows become names of folders, branches and memories.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

NAME = "^[A-Za-z0-9]([A-Za-z0-9_-]|[.][A-Za-z0-9])*$"
"""What a run is called, as PostgreSQL's regular expressions say it; no longer than `LONGEST_NAME`."""
LONGEST_NAME = 100
LONGEST_KEY = 500
"""Characters of all names of a lesson together: an index takes no row of more than 2,700 bytes."""
_MOMENTS = "NOT BETWEEN '1900-01-01' AND '9000-01-01'"
"""Python has no moments beyond the year 9999, none without an end, and needs room to turn them into local ones."""
_LESSONS = "FROM pruned_runs AS p, jsonb_array_elements(p.lessons) AS l"
_NO_NAME = f"{{0}} !~ '{NAME}' OR length({{0}}) > {LONGEST_NAME}"
_UNSOUND = {
    "a run has a name that no run can have": f"""
        SELECT FROM streams WHERE {_NO_NAME.format("run_id")}
        UNION ALL SELECT FROM pruned_runs WHERE {_NO_NAME.format("run_id")}""",
    "an event is no object": "SELECT FROM events WHERE jsonb_typeof(body) <> 'object'",
    "an approval rule is no object": "SELECT FROM approval_rules WHERE jsonb_typeof(body) <> 'object'",
    "a log has gaps, or no run": """
        SELECT FROM streams FULL JOIN (
            SELECT run_id, count(*) AS n, min(seq) AS first, max(seq) AS last FROM events GROUP BY run_id
        ) AS log USING (run_id)
        WHERE (coalesce(n, 0), coalesce(first, 1), coalesce(last, 0)) IS DISTINCT FROM (last_seq, 1, last_seq)""",
    "a lesson of a pruned run is none": f"""
        SELECT {_LESSONS} WHERE NOT coalesce(CASE l ->> 'table'
            WHEN 'failures' THEN l #>> '{{row,run_id}}' = p.run_id AND l #>> '{{row,failure_id}}' ~ '{NAME}'
            WHEN 'patterns' THEN l #>> '{{row,pattern_id}}' = p.run_id
            WHEN 'recalls' THEN l #>> '{{row,run_id}}' = p.run_id AND l #>> '{{row,memory_id}}' ~ '{NAME}'
                AND l #>> '{{row,iteration}}' <> '' END, false)
            OR length(concat(l #>> '{{row,failure_id}}', l #>> '{{row,memory_id}}', l #>> '{{row,project}}',
                             l #>> '{{row,language}}', l #>> '{{row,role}}')) > {LONGEST_KEY}""",
}


async def check_rows(connection: "psycopg.AsyncConnection[Any]") -> None:
    """Look at every row that a restore wrote, within its transaction.

    Raises:
        psycopg.DataError: one is not what Miracle writes.
    """
    from psycopg import DataError

    for why, unsound in (_UNSOUND | _far_moments()).items():
        found = await connection.execute(f"SELECT EXISTS ({unsound})".encode())
        if (row := await found.fetchone()) is not None and row[0]:
            raise DataError(why)


def _far_moments() -> dict[str, str]:
    """Queries for moments that cannot be read; those of lessons also see that every value fits its column."""
    from memory.backup import PAID, TRUTH
    from memory.prune import LESSONS
    from memory.tables import metadata

    far = {}
    for table in (*TRUTH, *PAID, *LESSONS):
        moments = [
            column.name for column in metadata.tables[table].columns if column.type.python_type.__name__ == "datetime"
        ]
        beyond = " OR ".join(f't."{name}" {_MOMENTS}' for name in moments)
        rows, mine = table, ""
        if table in LESSONS:
            record = f"jsonb_populate_record(NULL::{table}, l -> 'row')"
            rows, mine = f"pruned_runs, jsonb_array_elements(lessons) AS l, {record}", f" AND l ->> 'table' = '{table}'"
        if moments:
            far[f"a moment of {table} is too far away"] = f"SELECT FROM {rows} AS t WHERE ({beyond}){mine}"
    return far
