"""The steps between a red test run and its reflection: store the failure, recall similar ones, note what helped."""

import hashlib

from engine import commands as c
from engine import events as e
from engine.context.sections import describe_failure
from engine.run_context import RunContext
from engine.state import Iteration, State
from memory.failures import FailureQuery, FailureRecord
from sandbox.report import CaseResult, TestReport

CODE_CONTEXT_CHARACTERS = 8000


async def recall(run: RunContext, command: c.Recall) -> None:
    """Ask memory for failures like this one, then store it."""
    state = run.state
    last = state.iteration
    if last is None:
        return
    query = query_of(state, last)
    settings = run.config.settings.memory
    items = await run.memory.failures.recall(query, settings.max_similar_failures, settings.similarity_threshold)
    await run.memory.failures.remember(_record(state, last, query))
    await run.log.append(e.Recalled(phase_id=command.phase_id, number=command.number, items=tuple(items)))


def failure_id(run_id: str, number: int) -> str:
    """The memory's id of the failure of one iteration."""
    return f"{run_id}.{number}"


def query_of(state: State, last: Iteration) -> FailureQuery:
    """What is known of an iteration's failure, in the words that memory searches by."""
    report = last.report or _scan_report(last)
    first = next((case for case in report.cases if case.outcome in ("failed", "error")), None)
    error_type, message = _signature(first, report)
    return FailureQuery(
        project=project_of(state),
        language=state.spec.language if state.spec else "python",
        error_type=error_type,
        message=message,
        report=describe_failure(report),
        frames=_frames(first),
    )


def project_of(state: State) -> str:
    """A stable name of the person's folder that does not tell where it lies."""
    folder = state.task.workspace if state.task else ""
    return hashlib.sha256(folder.encode()).hexdigest()[:16]


def _scan_report(last: Iteration) -> TestReport:
    stopped = [f for f in last.scan or () if f.verdict != "warning"]
    cases = tuple(CaseResult(id=f"scan: {f.path}:{f.line}", outcome="failed", message=f"{f.rule}: {f.message}") for f in stopped)
    return TestReport(reason="failed", exit_code=None, backend="scan", cases=cases)


def _signature(first: CaseResult | None, report: TestReport) -> tuple[str, str]:
    lines = [line.strip() for line in (first.message if first else report.detail).splitlines() if line.strip()]
    errors = [line.removeprefix("E").strip() for line in lines if line.startswith("E ")] or lines[-1:]
    told = errors[0] if errors else report.reason
    error_type, _, message = told.partition(":")
    if not error_type.strip().replace(".", "").isidentifier():
        return ("AssertionError" if "assert" in told else report.reason), told[:500]
    return error_type.strip(), message.strip()[:500]


def _frames(first: CaseResult | None) -> tuple[str, ...]:
    if first is None:
        return ()
    places = (line.strip() for line in first.message.splitlines())
    return tuple(place.split(":")[0] for place in places if ".py:" in place or ".js:" in place or ".mjs:" in place)[:8]


def _record(state: State, last: Iteration, query: FailureQuery) -> FailureRecord:
    return FailureRecord(
        failure_id=failure_id(state.run_id, last.number),
        run_id=state.run_id,
        iteration=last.number,
        query=query,
        hypothesis=last.hypothesis,
        code_context=last.diff[:CODE_CONTEXT_CHARACTERS],
    )


async def keep_lessons(run: RunContext, before: State) -> None:
    """Tell memory what a finished iteration taught: the cause that was found, and whether the fix helped.

    Args:
        run: the run after its newest event.
        before: the state before it.
    """
    state = run.state
    last = state.iteration
    if last is None:
        return
    earlier = before.iteration
    if last.reflection is not None and (earlier is None or earlier.reflection is None):
        await run.memory.failures.resolve(
            failure_id(state.run_id, last.number), cause=last.reflection.cause, solution="", helped=None
        )
    mine = state.iterations_of(last.phase_id)
    tested = last.report is not None and (earlier is None or earlier.report is None)
    if tested and len(mine) > 1 and mine[-2].reflection is not None and mine[-2].report is not None:
        improved = last.report is not None and last.report.failed < mine[-2].report.failed
        await run.memory.failures.resolve(
            failure_id(state.run_id, mine[-2].number),
            cause=mine[-2].reflection.cause,
            solution=mine[-2].reflection.hypothesis,
            helped=improved,
        )
