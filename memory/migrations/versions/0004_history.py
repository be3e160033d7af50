"""What the history searches: a row for everything that can be found, kept by triggers, with an index of its letters."""

from memory.migrations.sql import execute_whole

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table, its index and its triggers, and fill it."""
    execute_whole("0004_history.sql")
