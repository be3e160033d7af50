"""The settings of `database.yaml`: the embedded PostgreSQL, or any other."""

from pydantic import Field, SecretStr

from config.settings import Section


class PostgreSQL(Section):
    """Where the database is."""

    url: SecretStr | None = None
    """A PostgreSQL URL (`${DATABASE_URL}` by default); empty means the server at `host`, else the embedded one."""
    host: str = ""
    """Host of a PostgreSQL server; only read where `url` is empty, as are the four keys below."""
    port: int = Field(default=5432, ge=1, le=65535)
    """Port of that server."""
    database: str = "miracle"
    """Database on that server."""
    user: str = "postgres"
    """User on that server."""
    password: SecretStr | None = None
    """That user's password (`${DB_PASSWORD}` by default)."""
    pool_size: int = Field(default=4, ge=1)
    """Connections kept open."""
    max_overflow: int = Field(default=8, ge=0)
    """Connections opened beyond those under load."""
    pool_timeout: float = Field(default=30, gt=0)
    """Seconds to wait for a connection."""
    prepared_statements: bool = True
    """Whether the server prepares statements that come often; false behind a pool of transactions such as pgbouncer."""
    session_url: SecretStr | None = None
    """A URL past such a pool, for locks, notices, migrations and backups, which need a session of their own."""
    echo: bool = False
    """Whether every SQL statement is logged."""


class PgVector(Section):
    """How vectors are indexed."""

    dimensions: int = Field(default=1536, ge=8, le=4000)
    """Length of the endpoint's vectors."""
    index_type: str = Field(default="hnsw", pattern="^(hnsw|ivfflat)$")
    """Kind of index: `hnsw` or `ivfflat`."""
    lists: int = Field(default=100, ge=1)
    """IVFFlat lists."""
    probes: int = Field(default=10, ge=1)
    """IVFFlat probes."""


class Database(Section):
    """All of `database.yaml`."""

    postgresql: PostgreSQL = PostgreSQL()
    pgvector: PgVector = PgVector()
