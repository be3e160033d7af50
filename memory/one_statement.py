"""The append as every step makes it, in one statement: nobody else wrote meanwhile, and nothing is stored already.

The statement is its own transaction. It gives no row, and has then written nothing, when the log does not end where the
caller thinks or when the lease's epoch is over.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import JSONB, dialect

from memory.codec import dump_json
from memory.feed import CHANNEL
from memory.records import NewEvent, Row
from memory.tables import PROJECTIONS
from memory.upsert import fit, table_of

MOST_EVENTS = 8
MOST_ROWS = 16
"""More is rare: a statement of its own shape each time would only fill the server's and our memory of statements."""

Shape = tuple[str, tuple[str, ...], tuple[str, ...]]
"""A row's table, and the names of its key and of its other values."""


def append_statement(
    run_id: str, new: Sequence[NewEvent], rows: Sequence[Row], epoch: int | None, after: int
) -> tuple[str, list[Any]] | None:
    """The statement, with $1 and so on for its parameters; it returns (seq, at) of each event, in any order.

    Args:
        run_id: the run.
        new: the events.
        rows: projection rows to upsert with them; of those with one key the later values hold.
        epoch: the lease's; None for whoever has no lease.
        after: where the log must end.

    Returns:
        None when the append is too large for one statement.

    Raises:
        ValueError: a table, column or key that the schema does not know.
    """
    distinct = merged(rows)
    if not 0 < len(new) <= MOST_EVENTS or len(distinct) > MOST_ROWS:
        return None
    parameters: list[Any] = [run_id, after, epoch, f"{run_id} {after + len(new)}"]
    for event in new:
        parameters += (event.event_id, event.kind, dump_json(event.body), event.at)
    shapes = []
    for table, key, values in distinct:
        shapes.append((table.name, tuple(key), tuple(values)))
        parameters += _parameters(table, key)
        parameters += _parameters(table, values)
    return _statement(len(new), tuple(shapes)), parameters


def merged(rows: Iterable[Row]) -> list[tuple[Table, dict[str, Any], dict[str, Any]]]:
    """The rows made fit, each key once: a statement must not touch a row twice."""
    found: dict[tuple[Any, ...], tuple[Table, dict[str, Any], dict[str, Any]]] = {}
    for row in rows:
        table = table_of(row)
        key = fit(table, row.key)
        place = (row.table, *(key.get(column.name) for column in table.primary_key))
        known = found.setdefault(place, (table, key, {}))
        known[2].update((name, value) for name, value in fit(table, row.values).items() if name not in key)
    return list(found.values())


def _parameters(table: Table, values: dict[str, Any]) -> list[Any]:
    return [
        dump_json(value) if isinstance(table.columns[name].type, JSONB) else value for name, value in values.items()
    ]


@lru_cache(maxsize=256)
def _statement(count: int, shapes: tuple[Shape, ...]) -> str:
    names = (f"${number}" for number in range(5, 10_000))
    events = ", ".join(
        f"({n}, {next(names)}, {next(names)}, {next(names)}::jsonb, {next(names)}::timestamptz)"
        for n in range(1, count + 1)
    )
    upserts = "".join(
        f",\nrow_{n} AS ({_upsert(PROJECTIONS[table], key, values, names)})"
        for n, (table, key, values) in enumerate(shapes)
    )
    return f"""\
WITH grown AS (
    UPDATE streams SET last_seq = last_seq + {count}
    WHERE run_id = $1::text AND last_seq = $2::bigint AND ($3::bigint IS NULL OR epoch = $3::bigint)
    RETURNING run_id
),
added AS (
    INSERT INTO events (run_id, seq, event_id, kind, body, at)
    SELECT grown.run_id, $2::bigint + new.place, new.event_id, new.kind, new.body, coalesce(new.at, now())
    FROM grown, (VALUES {events}) AS new (place, event_id, kind, body, at)
    RETURNING seq, at
){upserts}
SELECT seq, at, pg_notify('{CHANNEL}', $4::text) FROM added"""


def _upsert(table: Table, key: tuple[str, ...], values: tuple[str, ...], names: Iterable[str]) -> str:
    columns = (*key, *values)
    given = ", ".join(f"{name}::{_type(table, column)}" for column, name in zip(columns, names, strict=False))
    change = ", ".join(f'"{column}" = excluded."{column}"' for column in values)
    return (
        f"INSERT INTO {table.name} ({_quoted(columns)}) SELECT {given} FROM grown "
        f"ON CONFLICT ({_quoted(key)}) DO {f'UPDATE SET {change}' if change else 'NOTHING'}"
    )


def _quoted(columns: tuple[str, ...]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


def _type(table: Table, column: str) -> str:
    return str(table.columns[column].type.compile(dialect=dialect()))  # type: ignore[no-untyped-call]
