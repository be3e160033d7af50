"""Imports point one way, and starting up imports nothing heavy."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEADLESS = ("engine", "memory", "sandbox", "config")
DRAWING = ("textual", "rich")
HEAVY = (
    "openai",
    "sqlalchemy",
    "psycopg",
    "docker",
    "bandit",
    "pgvector",
    "numpy",
    "tree_sitter",
    "alembic",
    "tiktoken",
)

IMPORT_EVERYTHING = """
import importlib, json, pkgutil, sys
for package in sys.argv[1:]:
    for found in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
        if not found.name.endswith((".__main__", ".env")) and ".versions." not in found.name:
            importlib.import_module(found.name)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""

IMPORT_ENTRY = """
import json, sys
import miracle_tui.__main__
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def loaded_by(code: str, *arguments: str) -> set[str]:
    """The top-level packages that a fresh interpreter holds after running some code."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_imports_point_one_way() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_below_the_widgets_draws() -> None:
    loaded = loaded_by(IMPORT_EVERYTHING, *HEADLESS)
    assert {"pydantic", *HEADLESS} <= loaded
    assert not loaded & set(DRAWING)


def test_the_entry_imports_nothing_heavy() -> None:
    loaded = loaded_by(IMPORT_ENTRY)
    assert "miracle_tui" in loaded
    assert not loaded & set(HEAVY)
