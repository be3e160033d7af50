"""What a tool environment must be before anyone may use it."""

import compileall
from pathlib import Path

import pytest

from sandbox.environments import check_compiled


def test_a_module_that_a_full_disk_cut_short_is_found(tmp_path: Path) -> None:
    (tmp_path / "whole.py").write_text("ANSWER = 42\n\n\ndef answer() -> int:\n    return ANSWER\n")
    compileall.compile_dir(tmp_path, quiet=2)
    check_compiled(tmp_path)
    compiled = next(tmp_path.rglob("*.pyc"))
    whole = compiled.read_bytes()
    for length in (0, 8, 16, 17, len(whole) // 2, len(whole) - 1):
        compiled.write_bytes(whole[:length])
        with pytest.raises(OSError, match="No space left"):
            check_compiled(tmp_path)
