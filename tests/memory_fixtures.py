"""Memories that no log tells of: rows as a projection writes them, with their vectors."""

from dataclasses import dataclass

from memory.failures import FailureMemory
from memory.records import Row, Table
from memory.upsert import upsert
from memory.views import FailureQuery, views_of


@dataclass(frozen=True)
class FailureRecord:
    """A failure as its row has it."""

    failure_id: str
    query: FailureQuery
    run_id: str = ""
    iteration: int = 0
    kind: str = "test"
    cause: str = ""
    solution: str = ""
    helped: bool | None = None
    outcome: str = "open"


@dataclass(frozen=True)
class PatternRecord:
    """A solution as its row has it."""

    pattern_id: str
    problem_type: str
    description: str = ""
    project: str = ""
    plan: str = ""


class WritableMemory(FailureMemory):
    """A memory that is told things directly."""

    async def remember(self, failure: FailureRecord) -> None:
        """Store a failure and its vectors, or replace the one with its id."""
        values = {name: value for name, value in vars(failure).items() if name not in ("failure_id", "query")}
        seen = {
            "project": failure.query.project,
            "language": failure.query.language,
            **views_of(failure.query).columns(),
        }
        await self._write("failures", {"failure_id": failure.failure_id}, values | seen)

    async def remember_pattern(self, pattern: PatternRecord) -> None:
        """The same for a solution."""
        values = {name: value for name, value in vars(pattern).items() if name != "pattern_id"}
        await self._write("patterns", {"pattern_id": pattern.pattern_id}, values)

    async def _write(self, table: Table, key: dict[str, str], values: dict[str, object]) -> None:
        row = Row(table, dict(key), values)
        await self._database.run(lambda connection: upsert(connection, [row]))
        (memory_id,) = key.values()
        await self.embed(memory_id)
