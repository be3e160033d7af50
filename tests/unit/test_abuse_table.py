"""The table in SECURITY.md lists the cases of the abuse suite, all of them and no others."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from tests.abuse.cases import ELSEWHERE

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("abuse_table", ROOT / "scripts" / "abuse_table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_lists_every_case(script: ModuleType) -> None:
    page = (ROOT / "SECURITY.md").read_text("utf-8")
    assert script.cases_in(page) == script.declared_cases(), "run pytest tests/abuse and scripts/abuse_table.py"
    assert "FAILED" not in page


def test_every_case_of_the_measure_is_there_and_more_than_ten_of_our_own(script: ModuleType) -> None:
    numbers = {number for number, _, _ in script.declared_cases()}
    assert {str(number) for number in range(1, 25)} <= numbers
    assert len({number for number in numbers if number.startswith("A")}) > 10
    assert all((ROOT / case.file).is_file() for case in ELSEWHERE)


def test_a_row_tells_what_each_backend_saw(script: ModuleType) -> None:
    attack = "Filling /tmp and /dev/shm"
    rows = [
        {"attack": attack, "backend": "bubblewrap", "outcome": "passed", "seen": ["ENOSPC"]},
        {"attack": attack, "backend": "docker", "outcome": "failed", "seen": []},
    ]
    (line,) = (line for line in script.table(rows).splitlines() if attack in line)
    assert line.endswith("| ENOSPC | **FAILED** |")
    assert script.cases_in(f"{script.BEGIN}\n{script.table(rows)}{script.END}") == script.declared_cases()
