"""The first schema."""

from memory.migrations.sql import execute

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table."""
    execute("0001_first.sql")
