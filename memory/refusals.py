"""What a server says when it refuses, as a title and what to do; nothing of it repeats a password."""

import re
from dataclasses import dataclass

from memory.errors import DatabaseUnavailable, DatabaseUnsuitable, MemoryStoreError


@dataclass(frozen=True)
class _Refusal:
    said: str
    """A pattern of the server's or libpq's words."""
    title: str
    """With the pattern's groups as {0} and so on."""
    hint: str
    lasting: bool = True
    """Whether it stays so until somebody does something on the server."""


_REFUSALS = (
    _Refusal(
        r'password authentication failed for user "([^"]*)"',
        "The database does not accept the password of {0}",
        "Correct it in DATABASE_URL, where @ is written %40 and / is %2F, or in ~/.pgpass.",
    ),
    _Refusal(
        r"no password supplied",
        "The database wants a password and none is configured",
        "Put it into DATABASE_URL (postgresql://user:password@host/database), DB_PASSWORD or ~/.pgpass.",
    ),
    _Refusal(
        r'role "([^"]*)" does not exist',
        "The database server knows no role {0}",
        "Correct DATABASE_URL, or make it there: CREATE ROLE {0} LOGIN PASSWORD '…';",
    ),
    _Refusal(
        r'database "([^"]*)" does not exist',
        "The server has no database {0}",
        "Correct DATABASE_URL, or make it there: CREATE DATABASE {0};",
    ),
    _Refusal(
        r"no pg_hba\.conf entry for (.*)",
        "The database server lets nobody in from here: no rule for {0}",
        "Add a line for it to pg_hba.conf and reload; if it says 'no encryption', add sslmode=require to DATABASE_URL.",
    ),
    _Refusal(
        r"too many connections for (?:role|database)|too many clients already|remaining connection slots are reserved",
        "The database has no free connection",
        "Close other programs, raise max_connections or the role's CONNECTION LIMIT, or lower postgresql.pool_size and "
        "max_overflow.",
        lasting=False,
    ),
    _Refusal(
        r"the database system is (starting up|shutting down|in recovery mode|not yet accepting connections)",
        "The database server is not ready: it is {0}",
        "Try again in a moment; nothing is lost.",
        lasting=False,
    ),
    _Refusal(
        r'could not translate host name "([^"]*)"|failed to resolve host \'([^\']*)\'',
        "The database's host {0} is not known",
        "Check the host in DATABASE_URL, and the network.",
        lasting=False,
    ),
    _Refusal(
        r'server certificate for "([^"]*)".* does not match host name "([^"]*)"',
        "The database server's certificate is for {0}, not for {1}",
        "Use the name that the certificate has in DATABASE_URL; sslmode=verify-ca checks only who signed it.",
    ),
    _Refusal(
        r"certificate verify failed",
        "The database server's certificate is not trusted: another authority signed it, or it has expired",
        "Name the authority's file in DATABASE_URL (sslrootcert=FILE), or renew the server's certificate.",
    ),
    _Refusal(
        r'root certificate file "([^"]*)" does not exist',
        "The file of trusted authorities is missing: {0}",
        "Name it in DATABASE_URL: sslrootcert=FILE; sslrootcert=system takes those of this machine.",
    ),
    _Refusal(
        r"server does not support SSL",
        "The database server speaks no TLS, and DATABASE_URL asks for it",
        "Turn ssl on at the server, or set sslmode=prefer where the network is trusted.",
    ),
    _Refusal(
        r'permission denied to create extension "vector"',
        "The role may not install pgvector into the database",
        "As a superuser, in this database, once: CREATE EXTENSION vector;",
    ),
    _Refusal(
        r"permission denied for schema (\S+)",
        "The role may not make tables in the schema {0}",
        "As the database's owner: GRANT USAGE, CREATE ON SCHEMA {0} TO the role; to look only, see docs/database.md.",
    ),
    _Refusal(
        r"permission denied for (?:table|view|sequence) (\S+)|must be owner of (.*)",
        "The database's role may not do that: {said}",
        "The role can look (history, show, metrics). To run, it needs to own the tables: see docs/database.md.",
    ),
    _Refusal(
        r"in a read-only transaction|cannot execute .* during recovery|cannot set transaction read-write mode",
        "The database can only be read: {said}",
        "History, show and metrics work. To run, use the primary and a role without default_transaction_read_only.",
    ),
    _Refusal(
        r"canceling statement due to (statement timeout|lock timeout|conflict with recovery)",
        "The database ended a statement: {0}",
        "Give the role more time: ALTER ROLE … SET statement_timeout = '5min'; nothing of the statement was kept.",
        lasting=False,
    ),
)


def refusal(text: str) -> MemoryStoreError | None:
    """The error that a person understands; None for words that are not known.

    Args:
        text: all that the driver says.
    """
    for one in _REFUSALS:
        if found := re.search(one.said, text):
            names = [group for group in found.groups() if group]
            said = found.string[found.start() :].splitlines()[0]
            kind = DatabaseUnsuitable if one.lasting else DatabaseUnavailable
            return kind(one.title.format(*names, said=said), one.hint.format(*names))
    return None
