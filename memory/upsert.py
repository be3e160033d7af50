"""Writing projection rows: the table and columns are checked, the values made fit for PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, Table, Text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from memory.codec import clean_text
from memory.records import Row
from memory.tables import PROJECTIONS


async def upsert(connection: AsyncConnection, rows: Sequence[Row]) -> None:
    """Insert the rows, or set the given values of those that exist; other columns keep what they have.

    Raises:
        ValueError: a table, column or key that the schema does not know.
    """
    for row in rows:
        table = table_of(row)
        key, values = fit(table, row.key), fit(table, row.values)
        statement = insert(table).values({**values, **key})
        if values:
            statement = statement.on_conflict_do_update(index_elements=list(key), set_=values)
        else:
            statement = statement.on_conflict_do_nothing()
        await connection.execute(statement)


def table_of(row: Row) -> Table:
    """The table that the row names.

    Raises:
        ValueError: there is no such table, or the row's key is not the table's.
    """
    table = PROJECTIONS.get(row.table)
    if table is None:
        raise ValueError(f"there is no projection named {row.table!r}")
    needed = {column.name for column in table.primary_key}
    if set(row.key) != needed:
        raise ValueError(f"the key of {row.table} is {sorted(needed)}, not {sorted(row.key)}")
    return table


def fit(table: Table, values: dict[str, Any]) -> dict[str, Any]:
    """The values as the table takes them; None is left out where the column cannot hold it.

    Raises:
        ValueError: a column that the table does not have.
    """
    fitted: dict[str, Any] = {}
    for name, value in values.items():
        if name not in table.columns:
            raise ValueError(f"the table {table.name} has no column {name!r}")
        kind = table.columns[name].type
        if isinstance(kind, Text) and value is not None:
            value = clean_text(str(value))
        elif isinstance(kind, DateTime) and isinstance(value, str):
            value = datetime.fromisoformat(value)
        if value is not None or table.columns[name].nullable:
            fitted[name] = value
    return fitted
