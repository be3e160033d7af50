"""What the app imports before its first paint stays light."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["memory.memory", "memory.database", "memory.embedded", "memory.errors"])
def test_the_door_to_memory_imports_nothing_heavy(module: str) -> None:
    code = (
        f"import sys, {module}; print({{'sqlalchemy', 'psycopg', 'numpy', 'alembic', 'pgvector'}} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


def test_the_keeper_needs_the_standard_library_only() -> None:
    code = "import sys; sys.path.insert(0, '.'); import memory.keeper; print(memory.keeper.__name__)"
    run = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "memory.keeper\n"
