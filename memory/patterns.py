"""Solutions that worked, as rows; their vectors are kept by `FailureMemory`."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from memory.records import Recollection
from memory.tables import patterns
from memory.upsert import fit


@dataclass(frozen=True)
class PatternRecord:
    """A solution of a kind of problem."""

    pattern_id: str
    problem_type: str
    description: str = ""
    """The problem in words: what it is found by."""
    project: str = ""
    language: str = ""
    code_template: str = ""
    test_template: str = ""
    succeeded: bool = True
    """Whether this use of it worked."""


def pattern_text(pattern: PatternRecord) -> str:
    """What a pattern is embedded as."""
    return f"{pattern.problem_type}\n{pattern.description}".strip()


async def write_pattern(connection: AsyncConnection, pattern: PatternRecord) -> None:
    """Insert the pattern, or count a use of the one with its id into its success rate."""
    values = fit(
        patterns,
        {
            "problem_type": pattern.problem_type,
            "description": pattern.description,
            "project": pattern.project,
            "language": pattern.language,
            "code_template": pattern.code_template,
            "test_template": pattern.test_template,
        },
    )
    outcome = 1.0 if pattern.succeeded else 0.0
    known, used = patterns.c.success_rate, patterns.c.usage_count
    await connection.execute(
        insert(patterns)
        .values(pattern_id=pattern.pattern_id, usage_count=1, success_rate=outcome, **values)
        .on_conflict_do_update(
            index_elements=["pattern_id"],
            set_={
                **values,
                "usage_count": used + 1,
                "success_rate": (known * used + outcome) / (used + 1),
                "updated_at": func.now(),
            },
        )
    )


async def read_patterns(
    connection: AsyncConnection, similarities: dict[str, float], project: str
) -> list[Recollection]:
    """The patterns with these ids and similarities, the nearest first."""
    found = await connection.execute(select(patterns).where(patterns.c.pattern_id.in_(similarities)))
    recalled = [
        Recollection(
            memory_id=row.pattern_id,
            kind="pattern",
            similarity=similarities[row.pattern_id],
            via="text",
            title=row.problem_type,
            cause=row.description,
            solution=row.code_template,
            project=row.project,
            own_project=row.project == project,
        )
        for row in found
    ]
    return sorted(recalled, key=lambda one: -one.similarity)
