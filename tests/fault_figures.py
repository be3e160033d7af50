"""Counts of what was done to runs in tests, and the line that tells them at the end of the session."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass
class Figures:
    """What was done to runs in a test, for the line at the end of the session."""

    kills: int = 0
    lives: int = 0
    repeated_calls: int = 0
    restarts: int = 0
    cuts: int = 0


@pytest.fixture
def figures(record_property: Any) -> Iterator[Figures]:
    """Counts that the session adds up and prints at its end."""
    counted = Figures()
    yield counted
    record_property("faults", vars(counted))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line of figures over all tests that injected faults, whatever process they ran in."""
    total: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "teardown":
                for name, counts in report.user_properties:
                    total.update(counts if name == "faults" else {})
    if total:
        said = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in total.items())
        terminalreporter.write_line(f"faults: {said}")
