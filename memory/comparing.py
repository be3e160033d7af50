"""Whether two servers hold the same: every table's rows by a checksum, sequences, and what belongs to the schema."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

_OURS = """
    n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = {oid} AND d.deptype = 'e')"""
_TABLES = f"""
    SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND {_OURS.format(oid="c.oid")} ORDER BY 1"""
_ROWS = """
    SELECT count(*), coalesce(sum(('x' || left(md5(whole_row_::text), 15))::bit(60)::bigint), 0)::text
    FROM ONLY {} AS whole_row_"""
_SCHEMA = f"""
    SELECT 'sequence ' || schemaname || '.' || sequencename, coalesce(last_value, -1) FROM pg_sequences
    UNION ALL
    SELECT 'relations of kind ' || c.relkind::text, count(*) FROM pg_class c JOIN pg_namespace n
    ON n.oid = c.relnamespace WHERE {_OURS.format(oid="c.oid")} GROUP BY c.relkind
    UNION ALL
    SELECT 'valid indexes', count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n
    ON n.oid = c.relnamespace WHERE i.indisvalid AND {_OURS.format(oid="c.oid")}
    UNION ALL
    SELECT 'constraints of kind ' || o.contype::text, count(*) FROM pg_constraint o JOIN pg_namespace n
    ON n.oid = o.connamespace WHERE o.contype <> 'n' AND {_OURS.format(oid="o.oid")} GROUP BY o.contype
    UNION ALL
    SELECT 'triggers', count(*) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT 'functions', count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE {_OURS.format(oid="p.oid")}"""
"""Not-null constraints (kind n) are rows of their own only since PostgreSQL 18."""


def differences(one: str, other: str, tell: Callable[[str], None]) -> list[str]:
    """What two databases do not hold alike, in words; empty when they are the same.

    Args:
        one: a connection string.
        other: another; both are read at once.
        tell: told the table that is being compared; what it raises ends the comparison.
    """
    import psycopg

    with (
        psycopg.connect(one, autocommit=True) as first,
        psycopg.connect(other, autocommit=True) as second,
        ThreadPoolExecutor(2) as pool,
    ):

        def both(query: str) -> list[list[tuple[Any, ...]]]:
            return list(pool.map(_ask, (first, second), (query, query)))

        left, right = (dict(rows) for rows in both(_SCHEMA))
        found = [
            f"{name}: {left.get(name, 0)} and {right.get(name, 0)}"
            for name in sorted(left.keys() | right.keys())
            if left.get(name, 0) != right.get(name, 0)
        ]
        tables, _ = both(_TABLES)
        for (table,) in tables if not found else []:
            tell(table.removeprefix("public."))
            mine, theirs = both(_ROWS.format(table))
            if mine != theirs:
                found.append(f"{table}: {mine[0][0]} and {theirs[0][0]} rows, or other rows")
        return found


def _ask(connection: "psycopg.Connection[tuple[Any, ...]]", query: str) -> list[tuple[Any, ...]]:
    return connection.execute(query.encode()).fetchall()
