"""docs/reference.md says what the command line and the app do."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_commands_and_keys_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/reference.py", "--check"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
