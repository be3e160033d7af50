"""The one statement of recall: every list at once, with what came of each memory, in one trip to the server."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from pgvector import HalfVector

from memory.codec import clean_text
from memory.embedders import Vector
from memory.ranking import COUNTED, TrackRecord, weight
from memory.records import Recollection

Via = Literal["fingerprint", "context", "signature"]
CANDIDATES = 40
"""Neighbours looked at for each list before they are cut to the limit."""
FIX_SHOWN = 2_000
"""Characters of a diff that a recollection carries."""
TEXT_SHOWN = 8_000
"""Characters of each of its other texts: what was recalled is stored with the run that asked."""
FEW_ROWS = 20_000
"""So many rows of a language are compared exactly: surer than an index that must skip all others."""


@dataclass(frozen=True)
class RecallFilters:
    """Which failures may be recalled; what is left at its default says nothing."""

    language: str = ""
    kind: str = ""
    """`test`, `error`, `scan`, or the name of a limit."""
    outcome: str = ""
    """`open`, `solved`, `improved` or `unchanged`."""
    since: datetime | None = None
    until: datetime | None = None
    """Only those of before that time."""


ALL = RecallFilters()
_CONTEXT: Via = "context"
_SIGNATURE: Via = "signature"
_HIDDEN = "ALL (coalesce((SELECT ids FROM hidden), '{}'))"
"""What a memory's id must not be in."""


@dataclass(frozen=True)
class Asked:
    """What is looked for."""

    project: str
    fingerprint: bytes
    exclude: tuple[str, ...] = ()
    filters: RecallFilters = ALL


@dataclass(frozen=True)
class Places:
    """Where the vectors of one model lie, and what to look near in them."""

    context_table: str
    signature_table: str
    context: Vector
    signature: Vector
    settings: dict[str, str]
    """What the approximate index is searched with."""


@dataclass
class _Statement:
    """SQL in the making, with its numbered parameters."""

    parameters: list[Any] = field(default_factory=list)

    def bind(self, value: Any) -> str:
        self.parameters.append(value)
        return f"${len(self.parameters)}"


def recall_statement(asked: Asked, space: Places | None) -> tuple[str, list[Any]]:
    """The statement and its parameters; without a space it looks for the same fingerprint only."""
    made = _Statement()
    project = f"{made.bind(clean_text(asked.project))}::text"
    hidden = made.bind([clean_text(one) for one in asked.exclude])
    joined = _conditions(made, asked.filters)
    language = _literal(clean_text(asked.filters.language)) if asked.filters.language else ""
    told = f" AND f.language = {language}" if language else ""
    same = f"""
        SELECT f.failure_id AS id, 'fingerprint' AS via, 1.0::float8 AS similarity FROM failures AS f
        WHERE f.fingerprint = {made.bind(asked.fingerprint)}::bytea AND f.project = {project}
          AND f.failure_id <> {_HIDDEN}{told}{joined}
        ORDER BY f.helped IS TRUE DESC, f.helped IS FALSE, f.at DESC, f.failure_id LIMIT {CANDIDATES}"""
    lists = [("same", same)]
    tuned, few = "SELECT 1 AS done", "SELECT true AS so"
    if space is not None:
        calls = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in space.settings.items())
        tuned = f"SELECT {calls}"
        if language:
            # To skip rows is cheaper than to count them, and both views have the same ones.
            rows = f"SELECT FROM {space.context_table} WHERE language = {language} LIMIT 1 OFFSET {FEW_ROWS}"
            few = f"SELECT NOT EXISTS ({rows}) AS so"
        lists += _near(made, language, joined, space, project)
    parts = ",\n    ".join(f"{name} AS MATERIALIZED ({sql})" for name, sql in lists)
    union = "\n        UNION ALL ".join(f"SELECT * FROM {name}" for name, _ in lists)
    return (
        f"""
    WITH tuned AS MATERIALIZED ({tuned}),
    few AS MATERIALIZED ({few}),
    hidden AS MATERIALIZED (
        SELECT array_agg(memory_id) AS ids FROM (
            SELECT memory_id FROM memory_marks WHERE forgotten UNION ALL SELECT unnest({hidden}::text[])
        ) AS marked
    ),
    {parts},
    found AS MATERIALIZED (
        {union}
    ),
    record AS (
        SELECT memory_id, {COUNTED}
        FROM recalls WHERE memory_id IN (SELECT id FROM found) GROUP BY memory_id
    )
    SELECT found.id, found.via, found.similarity, left(f.error_signature, {TEXT_SHOWN}), left(f.cause, {TEXT_SHOWN}),
           left(f.solution, {TEXT_SHOWN}), left(f.fix, {FIX_SHOWN}),
           f.outcome, f.helped, f.project, f.run_id, f.at, coalesce(m.pinned, false),
           coalesce(r.shown, 0), coalesce(r.used, 0), coalesce(r.helped, 0), coalesce(r.harmed, 0)
    FROM found JOIN failures AS f ON f.failure_id = found.id
    LEFT JOIN memory_marks AS m ON m.memory_id = found.id
    LEFT JOIN record AS r ON r.memory_id = found.id""",
        made.parameters,
    )


def _near(made: _Statement, language: str, joined: str, space: Places, project: str) -> list[tuple[str, str]]:
    """The lists of neighbours: of the project exactly, beyond it by the index, or exactly where few rows can match."""
    context = f"{made.bind(HalfVector(list(space.context)))}::halfvec"
    sign = f"{made.bind(HalfVector(list(space.signature)))}::halfvec"
    told = f" AND e.language = {language}" if language else ""
    join = "JOIN failures AS f ON f.failure_id = e.memory_id" if joined else ""

    def listed(via: Via, table: str, vector: str, where: str, *, exactly: bool) -> str:
        near = f"""
            SELECT e.memory_id AS id, e.v <=> {vector} AS distance FROM {table} AS e {join}
            WHERE {where} AND e.memory_id <> {_HIDDEN}{told}{joined}"""
        # OFFSET 0 keeps the two steps apart: each distance is reckoned once, and no index stands in for the sort.
        ordered = "OFFSET 0" if exactly else f"ORDER BY e.v <=> {vector} LIMIT {CANDIDATES}"
        return f"""
        SELECT id, '{via}' AS via, 1.0 - distance AS similarity FROM ({near} {ordered}) AS near
        ORDER BY distance LIMIT {CANDIDATES}"""

    inside = f"e.project = {project}"
    pinned = f"{inside} AND e.memory_id IN (SELECT memory_id FROM memory_marks WHERE pinned)"
    lists = [
        ("pinned", listed("context", space.context_table, context, pinned, exactly=True)),
        ("inside", listed("context", space.context_table, context, inside, exactly=True)),
    ]
    few = "(SELECT so FROM few)"
    for name, via, table, vector in (
        ("beyond", _CONTEXT, space.context_table, context),
        ("strangers", _SIGNATURE, space.signature_table, sign),
    ):
        # The condition on `tuned` is settled before a scan begins, and with it how the index is searched.
        others = f"e.project <> {project} AND (SELECT count(*) FROM tuned) > 0"
        if not language:
            lists.append((name, listed(via, table, vector, others, exactly=False)))
            continue
        # Of the two only the one that holds is run.
        lists.append((f"few_{name}", listed(via, table, vector, f"{others} AND {few}", exactly=True)))
        lists.append((f"many_{name}", listed(via, table, vector, f"{others} AND NOT {few}", exactly=False)))
    return lists


def _literal(value: str) -> str:
    """The value within the statement: a plan for any value may read all rows where this one has few."""
    return "U&'" + "".join(sign if sign.isalnum() and sign.isascii() else f"\\+{ord(sign):06x}" for sign in value) + "'"


def _conditions(made: _Statement, filters: RecallFilters) -> str:
    """What is asked of a failure's own row."""
    conditions = ""
    for column, wanted in (("kind", filters.kind), ("outcome", filters.outcome)):
        if wanted:
            conditions += f" AND f.{column} = {made.bind(clean_text(wanted))}::text"
    if filters.since is not None:
        conditions += f" AND f.at >= {made.bind(filters.since)}::timestamptz"
    if filters.until is not None:
        conditions += f" AND f.at < {made.bind(filters.until)}::timestamptz"
    return conditions


def found_in(rows: Sequence[tuple[Any, ...]], project: str) -> list[Recollection]:
    """The rows of the statement as candidates of all lists, the best first: the most alike, by what came of them."""
    now = datetime.now(UTC)
    found: list[tuple[float, Recollection]] = []
    for row in rows:
        memory_id, via, similarity, title, cause, solution, fix, outcome, solved, owner, run_id, at, pinned = row[:13]
        record = TrackRecord(*row[13:])
        item = Recollection(
            memory_id=memory_id,
            similarity=similarity,
            via=via,
            title=title,
            cause=cause,
            solution=solution,
            fix=fix,
            outcome=outcome,
            run_id=run_id,
            project=owner,
            own_project=owner == project,
            pinned=pinned and owner == project,
            **vars(record),
        )
        found.append((similarity * weight(record, solved, at, now), item))
    return [item for _, item in sorted(found, key=lambda one: -one[0])]


def chosen(found: Sequence[Recollection], limit: int, threshold: float, foreign_threshold: float) -> list[Recollection]:
    """The recollections of the lists: what a person pinned, the same fingerprint, contexts, signatures of others.

    Signatures keep up to half of the places, as a list of their own: fused into one, each list would spoil the other.
    """
    fit = [
        one
        for one in found
        if one.via == "fingerprint" or one.similarity >= (threshold if one.own_project else foreign_threshold)
    ]
    taken: dict[str, Recollection] = {}
    told: set[str] = set()

    def take(some: Iterable[Recollection], room: int) -> None:
        for one in some:
            # The same solution is shown once.
            if room > 0 and one.memory_id not in taken and one.solution not in told:
                taken[one.memory_id] = one
                told.update([one.solution] if one.solution else ())
                room -= 1

    by_fingerprint = [one for one in fit if one.via == "fingerprint"]
    context = [one for one in fit if one.via == "context"]
    strangers = [one for one in fit if one.via == "signature"]
    take([one for one in (*by_fingerprint, *context) if one.pinned], limit)
    # Of the same failure, one that nothing is known to help against is enough as well.
    cures: dict[str, Recollection] = {}
    for one in by_fingerprint:
        cures.setdefault(one.solution, one)
    twins = {one.memory_id for one in by_fingerprint} - {one.memory_id for one in cures.values()}
    context = [one for one in context if one.memory_id not in twins]
    take(cures.values(), limit - len(taken))
    take(context, limit - len(taken) - min(len(strangers), limit // 2))
    take(strangers, limit - len(taken))
    take(context, limit - len(taken))
    return list(taken.values())
