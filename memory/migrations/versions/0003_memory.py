"""Memory with evidence: who was shown what, what followed, and what a person thinks of it."""

from memory.migrations.sql import execute

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table of marks; give failures, patterns and recalls their columns."""
    execute("0003_memory.sql")
