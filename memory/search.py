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

_PARTS: dict[Kind, str] = {
    "task": """
        SELECT 'task', task_id, '', left(goal, 200), created_at,
               concat_ws(' ', goal, project_type, language, workspace, status, task_id)
        FROM tasks""",
    "run": """
        SELECT 'run', run_id, run_id, CASE WHEN title = '' THEN left(goal, 200) ELSE title END, updated_at,
               concat_ws(' ', title, goal, branch, status, outcome, model_label, run_id)
        FROM runs""",
    "iteration": """
        SELECT 'iteration', run_id || '#' || number, run_id,
               left(CASE WHEN hypothesis = '' THEN outcome ELSE hypothesis END, 200), started_at,
               concat_ws(' ', hypothesis, cause, reflection, error_message, outcome, phase_id)
        FROM iterations""",
    "failure": """
        SELECT 'failure', failure_id, run_id, left(error_signature, 200), at,
               concat_ws(' ', error_signature, message, cause, hypothesis, solution, project, code_context)
        FROM failures""",
    "pattern": """
        SELECT 'pattern', pattern_id, '', left(problem_type, 200), updated_at,
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
