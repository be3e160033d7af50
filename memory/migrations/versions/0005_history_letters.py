"""Rows of the history are sorted into the index of letters many at once, so that writing one costs less."""

from memory.migrations.sql import execute

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Let the index gather what is new."""
    execute("0005_history_letters.sql")
