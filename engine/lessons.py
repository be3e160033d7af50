"""What a run teaches, as rows: failures with what was done about them, patterns, and who was shown what.

A failure's row is born when memory was asked about it, and grows with its reflection and with what came of that. All of
it follows from the state, so a log that is projected again gives the same rows.
"""

from collections.abc import Iterable
from datetime import datetime

from engine.context.cut import cut_middle
from engine.evidence import Evidence, evidence_of, is_better, mended_by, outcome_of, remedy_of
from engine.state import Iteration, State
from memory.embedders import shorten
from memory.hits import project_named
from memory.records import Recollection, Row
from memory.views import FailureQuery, views_of
from sandbox.report import CaseResult, TestReport

CODE_CONTEXT_CHARACTERS = 8_000
FIX_CHARACTERS = 8_000
TEMPLATE_CHARACTERS = 20_000
OUTPUT_CHARACTERS = 6_000
"""Of the output of tests of which none says why it failed."""
PLANNER = "planner"
REFLECTOR = "reflector"


def failure_id(run_id: str, number: int) -> str:
    """The memory's id of the failure of one iteration."""
    return f"{run_id}.{number}"


def project_of(state: State) -> str:
    """A stable name of the person's folder that does not tell where it lies."""
    folder = state.task.workspace if state.task else ""
    return project_named(folder)


def language_of(state: State) -> str:
    """The language of the run's code."""
    return state.spec.language if state.spec else "python"


def query_of(state: State, last: Iteration) -> FailureQuery:
    """What is known of an iteration's failure, in the words that memory searches by."""
    report = last.report or _scan_report(last)
    first = report.first_failing
    told = first.message if first and first.message else ""
    if not told:
        told = "\n".join(part for part in (report.detail, shorten(report.output, OUTPUT_CHARACTERS)) if part.strip())
    return FailureQuery(
        project=project_of(state),
        language=language_of(state),
        report=told or f"The tests ended: {report.reason}",
        exclude=(failure_id(state.run_id, last.number),),
    )


def failure_rows(state: State, number: int, at: datetime) -> list[Row]:
    """The whole row of an iteration's failure; none where the iteration is of the run that this one is a fork of."""
    last = state.iteration_numbered(number)
    if last is None or last.recalled is None or last.inherited:
        return []
    query = query_of(state, last)
    born = {
        "run_id": state.run_id,
        "iteration": number,
        "project": query.project,
        "language": query.language,
        "kind": _kind(last),
        **views_of(query).columns(),
        "hypothesis": last.hypothesis,
        "code_context": last.diff[:CODE_CONTEXT_CHARACTERS],
        "at": at,
    }
    key = {"failure_id": failure_id(state.run_id, number)}
    return [Row("failures", key, born | _growth(state, last))]


def growth_rows(state: State, number: int) -> list[Row]:
    """What became of an iteration's failure, and of what memory was asked for it."""
    last = state.iteration_numbered(number)
    if last is None or last.recalled is None or last.inherited:
        return []
    row = Row("failures", {"failure_id": failure_id(state.run_id, number)}, _growth(state, last))
    return [row, *recall_rows(state, number, REFLECTOR, last.recalled)]


def judged_rows(state: State, number: int) -> list[Row]:
    """The same of the failures before, that an iteration was to mend."""
    return [row for one in mended_by(state, number) for row in growth_rows(state, one.number)]


def recall_rows(
    state: State, number: int, role: str, items: Iterable[Recollection], at: datetime | None = None
) -> list[Row]:
    """Which memory was shown to whom, and what came of it.

    Args:
        state: the run.
        number: the iteration; 0 for the run's own agents.
        role: who was shown it.
        items: what was shown.
        at: when; None where the rows are there already.
    """
    evidence = evidence_of(state, number)
    rows = []
    for item in items:
        key = {"run_id": state.run_id, "iteration": number, "role": role, "memory_id": item.memory_id}
        found = evidence.get(item.memory_id, Evidence())
        values: dict[str, object] = {"used": found.used, "helped": found.helped}
        if at is not None:
            values |= {"similarity": item.similarity, "via": item.via, "kind": item.kind, "at": at}
        rows.append(Row("recalls", key, values))
    return rows


def pattern_rows(state: State, at: datetime) -> list[Row]:
    """What a run that succeeded leaves as a solution."""
    spec, plan = state.spec, state.plan
    tests = {path for phase in state.phases for path in phase.test_files}
    code, tested = _split("\n".join(one.diff for one in state.iterations if one.diff), tests)
    values = {
        "problem_type": spec.project_type if spec else "existing",
        "project": project_of(state),
        "language": language_of(state),
        "description": f"{spec.title}\n{spec.summary}" if spec else state.title,
        "plan": "\n".join(f"- {one.title}: {one.description}" for one in plan.subtasks) if plan else "",
        "code_template": cut_middle(code, TEMPLATE_CHARACTERS),
        "test_template": cut_middle(tested, TEMPLATE_CHARACTERS),
        "created_at": at,
        "updated_at": at,
    }
    return [Row("patterns", {"pattern_id": state.run_id}, values)]


def _growth(state: State, last: Iteration) -> dict[str, object]:
    reflection = last.reflection
    outcome = outcome_of(state, last)
    fix = "\n".join(one.diff for one in remedy_of(state, last) if one.diff)
    return {
        "cause": reflection.cause if reflection else "",
        "solution": reflection.hypothesis if reflection else "",
        "fix": cut_middle(fix, FIX_CHARACTERS),
        "helped": is_better(outcome),
        "outcome": outcome,
    }


def _kind(last: Iteration) -> str:
    if last.report is None:
        return "scan"
    if last.report.reason not in ("ok", "failed"):
        return last.report.reason
    first = last.report.first_failing
    return "test" if first is not None and first.outcome != "error" else "error"


def _scan_report(last: Iteration) -> TestReport:
    stopped = [f for f in last.scan or () if f.verdict != "warning"]
    cases = tuple(
        CaseResult(id=f"scan: {f.path}:{f.line}", outcome="failed", message=f"{f.rule}: {f.message}") for f in stopped
    )
    return TestReport(reason="failed", exit_code=None, backend="scan", cases=cases)


def _split(diff: str, tests: set[str]) -> tuple[str, str]:
    """(code, tests) of a unified diff."""
    parts: tuple[list[str], list[str]] = ([], [])
    for part in ("\n" + diff).split("\ndiff --git ")[1:]:
        path = part.split("\n", 1)[0].rpartition(" b/")[2]
        parts[path in tests].append(f"diff --git {part}")
    return "\n".join(parts[0]), "\n".join(parts[1])
