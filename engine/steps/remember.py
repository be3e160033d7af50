"""The steps between a red test run and its reflection: store the failure, recall similar ones, note what helped."""

import hashlib

from engine import commands as c
from engine import events as e
from engine.context.cut import cut_middle
from engine.context.progress import describe_failure
from engine.run_context import RunContext
from engine.state import Iteration, State
from memory.failures import FailureQuery, FailureRecord
from memory.patterns import PatternRecord
from sandbox.report import CaseResult, TestReport

CODE_CONTEXT_CHARACTERS = 8000
TEMPLATE_CHARACTERS = 20_000


async def recall(run: RunContext, command: c.Recall) -> None:
    """Ask memory for failures like this one, then store it."""
    state = run.state.focused(command.phase_id)
    last = state.iteration_of(command.phase_id)
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
    return FailureQuery(
        project=project_of(state),
        language=state.spec.language if state.spec else "python",
        report=first.message if first and first.message else describe_failure(report),
        exclude=(failure_id(state.run_id, last.number),),
    )


def project_of(state: State) -> str:
    """A stable name of the person's folder that does not tell where it lies."""
    folder = state.task.workspace if state.task else ""
    return hashlib.sha256(folder.encode()).hexdigest()[:16]


def _scan_report(last: Iteration) -> TestReport:
    stopped = [f for f in last.scan or () if f.verdict != "warning"]
    cases = tuple(
        CaseResult(id=f"scan: {f.path}:{f.line}", outcome="failed", message=f"{f.rule}: {f.message}") for f in stopped
    )
    return TestReport(reason="failed", exit_code=None, backend="scan", cases=cases)


def _record(state: State, last: Iteration, query: FailureQuery) -> FailureRecord:
    return FailureRecord(
        failure_id=failure_id(state.run_id, last.number),
        run_id=state.run_id,
        iteration=last.number,
        query=query,
        hypothesis=last.hypothesis,
        code_context=last.diff[:CODE_CONTEXT_CHARACTERS],
    )


def _pattern(state: State) -> PatternRecord:
    spec = state.spec
    tests = {path for phase in state.phases for path in phase.test_files}
    added = "\n".join(i.diff for i in state.iterations if i.diff)
    return PatternRecord(
        pattern_id=state.run_id,
        problem_type=spec.project_type if spec else "existing",
        description=f"{spec.title}\n{spec.summary}" if spec else state.title,
        project=project_of(state),
        language=spec.language if spec else "python",
        code_template=cut_middle(added, TEMPLATE_CHARACTERS),
        test_template=", ".join(sorted(tests)),
    )


async def keep_lessons(run: RunContext, command: c.Command, state: State) -> None:
    """Tell memory what the iteration taught before the run goes on from it, so that a kill in between repeats it.

    Args:
        run: the run.
        command: what is about to be done; it tells what was just learned.
        state: what the command was decided on.
    """
    following = command.event if isinstance(command, c.Record) else None
    match command, following:
        case (c.Recall(phase_id=phase_id), _) | (_, e.IterationStarted(phase_id=phase_id)):
            last = state.iteration_of(phase_id)
        case _, e.PhaseFinished(phase_id=phase_id):
            last = state.iteration_of(phase_id)
        case _:
            last = state.iteration
    if last is None:
        return
    if isinstance(following, e.RunFinished) and following.outcome == "success":
        await run.memory.failures.remember_pattern(_pattern(state))
    if isinstance(following, e.IterationStarted | e.RunFinished) and last.reflection is not None:
        await run.memory.failures.resolve(failure_id(state.run_id, last.number), "", None, cause=last.reflection.cause)
    if isinstance(command, c.Recall) or isinstance(following, e.PhaseFinished):
        await _judge_fix(run, state, last)


async def _judge_fix(run: RunContext, state: State, last: Iteration) -> None:
    """Whether the hypothesis of the iteration before was right, by the tests of this one."""
    mine = state.iterations_of(last.phase_id)
    before = mine[-2] if len(mine) > 1 else None
    if before is None or before.report is None or before.reflection is None or last.report is None:
        return
    improved = last.report.green or last.report.failed < before.report.failed
    await run.memory.failures.resolve(failure_id(run.run_id, before.number), before.reflection.hypothesis, improved)
