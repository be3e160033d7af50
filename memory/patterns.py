"""Solutions that worked, as rows; their vectors are kept by `FailureMemory`."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from memory.records import Recollection, Row
from memory.tables import patterns
from memory.upsert import upsert


@dataclass(frozen=True)
class PatternRecord:
    """A solution of a kind of problem."""

    pattern_id: str
    problem_type: str
    description: str = ""
    """The problem in words: what it is found by."""
    project: str = ""
    language: str = ""
    plan: str = ""
    """What it was broken into."""
    code_template: str = ""
    test_template: str = ""


def pattern_text(problem_type: str, description: str) -> str:
    """What a pattern is embedded as."""
    return f"{problem_type}\n{description}".strip()


async def write_pattern(connection: AsyncConnection, pattern: PatternRecord) -> None:
    """Insert the pattern, or replace the one with its id."""
    values = {name: value for name, value in vars(pattern).items() if name != "pattern_id"}
    await upsert(connection, [Row("patterns", {"pattern_id": pattern.pattern_id}, values)])


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
            title=": ".join(part for part in (row.problem_type, row.description.strip().split("\n")[0][:200]) if part),
            cause=row.description,
            solution=row.code_template,
            project=row.project,
            own_project=row.project == project,
        )
        for row in found
    ]
    return sorted(recalled, key=lambda one: -one.similarity)
