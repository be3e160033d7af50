"""The methods that need a database: recall as it is shipped, and PostgreSQL's own full text search."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from memory.database import Database
from memory.embedded import EmbeddedServer
from memory.failures import FailureMemory
from memory.offline import OfflineEmbedder
from memory.views import FailureQuery
from tests.bench.retrieval.corpus import Failure
from tests.bench.retrieval.scoring import TOP, Question, Scores
from tests.memory_fixtures import FailureRecord, WritableMemory


async def by_recall(folder: Path, questions: Sequence[Question]) -> list[Scores]:
    """What `FailureMemory.recall` answers, each program being a project; all questions are about the same memory."""
    async with EmbeddedServer(folder / "home", durable=False) as server:
        database = await Database.open_url(await server.start())
        try:
            memory = WritableMemory(database, OfflineEmbedder())
            for number, one in enumerate(questions[0].stored):
                # A solution of its own each, for recall shows one solution once.
                await memory.remember(FailureRecord(str(number), _query(one), solution=str(number)))
            return [await _recalled(memory, question) for question in questions]
        finally:
            await database.close()


async def _recalled(memory: FailureMemory, question: Question) -> Scores:
    scores = np.full((len(question.queries), len(question.stored)), -np.inf)
    for row, one in enumerate(question.queries):
        for place, found in enumerate(await memory.recall(_query(one), TOP)):
            scores[row, int(found.memory_id)] = 1.0 / (1 + place)
    return scores


def _query(failure: Failure) -> FailureQuery:
    return FailureQuery(failure.program, failure.language, report=failure.report)


async def by_postgres(folder: Path, questions: Sequence[Question]) -> list[Scores]:
    """ts_rank over the raw reports: any word of the query counts."""
    async with EmbeddedServer(folder / "home", durable=False) as server:
        database = await Database.open_url(await server.start())

        async def work(connection: AsyncConnection) -> list[Scores]:
            await connection.execute(text("CREATE TEMPORARY TABLE reports (number int, words tsvector)"))
            await connection.execute(
                text("INSERT INTO reports VALUES (:number, to_tsvector('simple', :report))"),
                [{"number": at, "report": _plain(one)} for at, one in enumerate(questions[0].stored)],
            )
            return [await _ranked(connection, question) for question in questions]

        try:
            return await database.run(work)
        finally:
            await database.close()


async def _ranked(connection: AsyncConnection, question: Question) -> Scores:
    scores = np.full((len(question.queries), len(question.stored)), -np.inf)
    for row, one in enumerate(question.queries):
        words = sorted(set(re.findall(r"[a-z]\w+|\d+", _plain(one).lower())))
        found = await connection.execute(
            text(
                "SELECT number, ts_rank(words, q) AS rank FROM reports, to_tsquery('simple', :q) AS q WHERE words @@ q"
            ),
            {"q": " | ".join(words)},
        )
        for match in found:
            scores[row, match.number] = match.rank
    return scores


def _plain(failure: Failure) -> str:
    return failure.report.replace("\0", "").encode("utf-8", "replace").decode()
