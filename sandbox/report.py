"""What a sandboxed test run and a scan say: the values that cross into the engine's events."""

from functools import cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict

Outcome = Literal["passed", "failed", "error", "skipped", "xfailed", "xpassed"]
Reason = Literal[
    "ok", "failed", "timeout", "oom", "output_limit", "pids", "disk", "backend_lost", "incomplete", "cancelled"
]
Verdict = Literal["blocked", "approval_required", "warning"]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class CaseResult(_Value):
    """One test as it ended; `message` is the failure's report, empty when it passed."""

    id: str
    outcome: Outcome
    duration_s: float = 0.0
    message: str = ""


class FileCoverage(_Value):
    """A changed file: which of its changed lines the tests ran."""

    path: str
    covered: int
    """Changed lines that ran."""
    missing: tuple[int, ...] = ()
    """Changed lines that could have run and did not."""


class Coverage(_Value):
    """The changed lines that the tests ran. It is said by the tested process, so it proves nothing."""

    files: tuple[FileCoverage, ...] = ()

    @property
    def covered(self) -> int:
        return sum(file.covered for file in self.files)

    @property
    def total(self) -> int:
        return sum(file.covered + len(file.missing) for file in self.files)


class TestReport(_Value):
    """A whole test run. It is green only when `reason` is "ok", which the harness sets, never the tests."""

    __test__ = False

    reason: Reason
    exit_code: int | None
    backend: str
    command: tuple[str, ...] = ()
    cases: tuple[CaseResult, ...] = ()
    collected: int = 0
    output: str = ""
    """The log, cut in the middle where it is long."""
    detail: str = ""
    """What went wrong outside any test: a collection error, a limit that was hit."""
    duration_s: float = 0.0
    coverage: Coverage | None = None
    """Of the changed lines; None where it was not measured."""

    @property
    def green(self) -> bool:
        """Whether every collected test ran, none failed, and at least one passed."""
        return self.reason == "ok" and self.passed > 0 and self.failed == 0

    @property
    def first_failing(self) -> CaseResult | None:
        """The first test that failed or could not be run."""
        return next((case for case in self.cases if case.outcome in ("failed", "error")), None)

    @cached_property
    def passed(self) -> int:
        return sum(case.outcome in ("passed", "xfailed") for case in self.cases)

    @cached_property
    def failed(self) -> int:
        return sum(case.outcome in ("failed", "error", "xpassed") for case in self.cases)

    @cached_property
    def skipped(self) -> int:
        return sum(case.outcome == "skipped" for case in self.cases)


class ScanFinding(_Value):
    """A place in the code that a safety rule names."""

    rule: str
    verdict: Verdict
    severity: str
    path: str
    line: int
    message: str
    need: str = ""
    """What the goal needs it for, by its name in the safety rules; empty when it is not known to."""
