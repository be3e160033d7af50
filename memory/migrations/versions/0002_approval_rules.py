"""Standing rules that answer approvals in a person's stead."""

from memory.migrations.sql import execute

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table of rules."""
    execute("0002_approval_rules.sql")
