"""A row of the history costs less to write, and those of one language or project less to find."""

from memory.migrations.sql import execute

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Let the index of letters gather what is new; index languages and projects."""
    execute("0005_history_letters.sql")
