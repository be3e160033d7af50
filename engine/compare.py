"""Two runs side by side: what they wrote, which tests are green in which, what they took."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from engine import events as e
from engine.evolve import fold
from engine.run_log import recorded
from engine.state import State, Status
from engine.task import FileChange
from engine.workspace.difference import difference
from engine.workspace.git import GitError
from engine.workspace.prepared import Prepared, find_prepared
from sandbox.report import CaseResult, TestReport

if TYPE_CHECKING:
    from config.paths import Paths
    from memory.memory import MemoryService

Where = Literal["both", "only a", "only b", "neither"]
_GREEN = ("passed", "xfailed")


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One run in figures.

    Attributes:
        commit: the newest checkpoint, or what the run began with; empty before there was a worktree.
        iterations: all, those before a fork included.
        cost_usd: what this run itself spent; a fork counts from the fork.
        tokens: the same of tokens.
        elapsed_s: seconds from its beginning, or from the fork, to its last event.
        report: the newest test run.
        hypothesis: of the newest iteration.
        forked_from: the run it was forked from; empty when it is no fork.
        forked_at: the event of that run.
    """

    run_id: str
    title: str
    status: Status
    commit: str
    iterations: int
    phases_green: int
    phases_total: int
    cost_usd: float
    tokens: int
    calls: int
    elapsed_s: float
    report: TestReport | None
    hypothesis: str
    forked_from: str = ""
    forked_at: int = 0
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TestDifference:
    """One test in two runs; an outcome is empty where the run does not have the test."""

    __test__ = False

    id: str
    a: str
    b: str

    @property
    def where(self) -> Where:
        """Where it is green."""
        a, b = self.a in _GREEN, self.b in _GREEN
        if a and b:
            return "both"
        return "only a" if a else "only b" if b else "neither"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs side by side.

    Attributes:
        diff: unified, from the newest checkpoint of `a` to that of `b`.
        files: the changed files of that diff.
        tests: every test of either, those that differ first.
        note: why there is no diff, where there is none.
    """

    a: RunFacts
    b: RunFacts
    diff: str
    files: tuple[FileChange, ...]
    tests: tuple[TestDifference, ...]
    note: str = ""


async def compare_runs(memory: "MemoryService", paths: "Paths", run_a: str, run_b: str) -> Comparison:
    """Compare two runs as they are now.

    Args:
        memory: holds their logs.
        paths: where their worktrees are.
        run_a: the first run, such as the source of a fork.
        run_b: the second.

    Raises:
        RunUnknown: there is no such run.
    """
    (a, state_a), (b, state_b) = await _facts(memory, run_a), await _facts(memory, run_b)
    files, diff, note = await _difference(state_a, state_b, a.commit, b.commit, paths)
    return Comparison(a=a, b=b, diff=diff, files=files, tests=compare_tests(a.report, b.report), note=note)


async def _facts(memory: "MemoryService", run_id: str) -> tuple[RunFacts, State]:
    await memory.store.last_seq(run_id)  # refuses a run that is not there
    log = [recorded(one) for one in await memory.store.read(run_id)]
    state = fold(log)
    return facts(log, state), state


def facts(log: Sequence[e.Recorded], state: State) -> RunFacts:
    """The figures of a run.

    Args:
        log: all of it.
        state: its fold.
    """
    fork = next((one for one in reversed(log) if isinstance(one.event, e.Forked)), None)
    began = fork.at if fork else state.started_at
    last = state.iteration
    return RunFacts(
        run_id=state.run_id,
        title=state.title,
        status=state.status,
        commit=newest_commit(state),
        iterations=len(state.iterations),
        phases_green=sum(phase.state == "green" for phase in state.phases),
        phases_total=len(state.phases),
        cost_usd=state.spend.usd,
        tokens=state.spend.tokens,
        calls=state.spend.calls,
        elapsed_s=(state.updated_at - began).total_seconds() if state.updated_at and began else 0.0,
        report=next((one.report for one in reversed(state.iterations) if one.report), None),
        hypothesis=last.hypothesis if last else "",
        forked_from=fork.event.source_run_id if fork and isinstance(fork.event, e.Forked) else "",
        forked_at=fork.event.source_seq if fork and isinstance(fork.event, e.Forked) else 0,
        started_at=began,
    )


def newest_commit(state: State) -> str:
    """The commit that holds a run's work as it is, merged phases and all; before the first, what it began with."""
    if state.receipt:
        return state.receipt.commit
    return state.tip or (state.workspace.base_commit if state.workspace else "")


def compare_tests(a: TestReport | None, b: TestReport | None) -> tuple[TestDifference, ...]:
    """Every test of two reports, those that are green in only one of them first."""
    in_a, in_b = _outcomes(a), _outcomes(b)
    tests = [TestDifference(one, in_a.get(one, ""), in_b.get(one, "")) for one in dict.fromkeys((*in_a, *in_b))]
    order = ("only a", "only b", "neither", "both")
    return tuple(sorted(tests, key=lambda test: order.index(test.where)))


def _outcomes(report: TestReport | None) -> dict[str, str]:
    cases: tuple[CaseResult, ...] = report.cases if report else ()
    return {case.id: case.outcome for case in cases}


async def _difference(
    a: State, b: State, commit_a: str, commit_b: str, paths: "Paths"
) -> tuple[tuple[FileChange, ...], str, str]:
    """The changed files, the diff, and why there is none."""
    if not commit_a or not commit_b:
        without = a.run_id if not commit_a else b.run_id
        return (), "", f"{without} has no worktree yet."
    homes = [find_prepared(state.run_id, paths, None) for state in (a, b)]
    there: list[Prepared] = [home for home in homes if home is not None]
    if not there:
        return (), "", "The worktrees of both runs are gone."
    repositories = {state.workspace.repository for state in (a, b) if state.workspace}
    if len(repositories) > 1:
        return (), "", "The two runs work in different repositories."
    try:
        return *await difference(there[0].store, commit_a, commit_b), ""
    except GitError as error:
        return (), "", f"The checkpoints cannot be compared. {error.hint}"
