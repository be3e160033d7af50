"""Migrations are SQL in files beside their revisions."""

from pathlib import Path

from alembic import op

VERSIONS = Path(__file__).parent / "versions"


def execute(name: str) -> None:
    """Run the statements of a file; each ends with a semicolon at the end of a line."""
    lines = (VERSIONS / name).read_text(encoding="utf-8").splitlines(keepends=True)
    text = "".join(line for line in lines if not line.startswith("--"))
    for statement in text.split(";\n"):
        if statement.strip():
            op.get_bind().exec_driver_sql(statement)


def execute_whole(name: str) -> None:
    """Run a file in one piece, for one with functions, in which statements are nested."""
    op.get_bind().exec_driver_sql((VERSIONS / name).read_text(encoding="utf-8"))
