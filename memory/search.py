"""Search as you type over tasks, runs, iterations, failures and patterns."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from memory.codec import clean_text

Kind = Literal["task", "run", "iteration", "failure", "pattern"]
WORDS = 8
"""Words of a query that count."""


def _first_line(column: str) -> str:
    """SQL for the first line with something on it; null where there is none."""
    return f"nullif(split_part(ltrim({column}, E' \\n\\r\\t'), chr(10), 1), '')"


_PARTS: dict[Kind, str] = {
    "task": """
        SELECT 'task', task_id, '', left(goal, 200), created_at,
               concat_ws(' ', goal, project_type, language, workspace, status, task_id)
        FROM tasks""",
    "run": """
        SELECT 'run', run_id, run_id, CASE WHEN title = '' THEN left(goal, 200) ELSE title END, updated_at,
               concat_ws(' ', title, goal, branch, status, outcome, model_label, run_id)
        FROM runs""",
    "iteration": f"""
        SELECT 'iteration', i.run_id || '#' || i.number, i.run_id,
               left(concat('iteration ', i.number, ' of ',
                           coalesce(nullif(r.title, ''), {_first_line("r.goal")}, i.run_id), ': ',
                           coalesce(nullif(i.cause, ''), {_first_line("i.error_message")},
                                    nullif(i.outcome, ''), 'at work')), 200),
               i.started_at,
               concat_ws(' ', i.hypothesis, i.cause, i.reflection, i.error_message, i.outcome, i.phase_id)
        FROM iterations AS i LEFT JOIN runs AS r USING (run_id)""",
    "failure": """
        SELECT 'failure', failure_id, run_id, left(error_signature, 200), at,
               concat_ws(' ', error_signature, message, cause, hypothesis, solution, project, code_context)
        FROM failures""",
    "pattern": f"""
        SELECT 'pattern', pattern_id, '',
               left(concat_ws(': ', nullif(problem_type, ''), {_first_line("description")}), 200), updated_at,
               concat_ws(' ', problem_type, description, project, language, code_template, test_template)
        FROM patterns""",
}
_SEARCH = """
    SELECT kind, id, run_id, title, at,
           substr(body, greatest(1, position(lower(:first) IN lower(body)) - 60), 240) AS snippet
    FROM ({parts}) AS found
    WHERE body ILIKE ALL (CAST(:patterns AS text[]))
    ORDER BY at DESC, kind, id
    LIMIT :limit"""


@dataclass(frozen=True)
class Hit:
    """Something that a search found."""

    kind: Kind
    id: str
    """Of an iteration: run#number."""
    run_id: str
    """Empty for what belongs to no run."""
    title: str
    snippet: str
    """The text around the first word of the query, or its beginning."""
    at: datetime


async def search(connection: AsyncConnection, query: str, kinds: tuple[Kind, ...], limit: int) -> list[Hit]:
    """Rows in which every word of the query occurs, in any case, the latest first."""
    words = clean_text(query).split()[:WORDS]
    parts = "\n        UNION ALL".join(part for kind, part in _PARTS.items() if not kinds or kind in kinds)
    found = await connection.execute(
        text(_SEARCH.format(parts=_with_names(parts))),
        {"first": words[0] if words else "", "patterns": [_pattern(word) for word in words], "limit": limit},
    )
    return [Hit(row.kind, row.id, row.run_id, row.title, row.snippet, row.at) for row in found]


async def failures_by_id(connection: AsyncConnection, ids: list[str]) -> list[Hit]:
    """These failures as hits, in this order."""
    found = await connection.execute(
        text(
            "SELECT failure_id AS id, run_id, left(error_signature, 200) AS title, at, left(message, 240) AS snippet "
            "FROM failures WHERE failure_id = ANY (CAST(:ids AS text[]))"
        ),
        {"ids": ids},
    )
    known = {row.id: Hit("failure", row.id, row.run_id, row.title, row.snippet, row.at) for row in found}
    return [known[one] for one in ids if one in known]


def _with_names(parts: str) -> str:
    # The first part of a union names its columns, whichever kind that is.
    return f"""
        SELECT NULL AS kind, NULL AS id, NULL AS run_id, NULL AS title, CAST(NULL AS timestamptz) AS at, NULL AS body
        WHERE false
        UNION ALL{parts}"""


def _pattern(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
