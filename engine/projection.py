"""The third pure function: the rows that an event adds to the tables people search and count in.

`project(state, events)` is given the state before the events. Every row is keyed, so projecting a log again gives the
same rows.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from engine import events as e
from engine.evolve import evolve, fold
from engine.frozen import replace
from engine.lessons import PLANNER, REFLECTOR, failure_rows, growth_rows, judged_rows, pattern_rows, recall_rows
from engine.state import Iteration, Session, State
from memory.records import Row


def project(state: State, events: Sequence[e.Event], at: datetime | None = None) -> list[Row]:
    """The rows of a batch of events.

    Args:
        state: the state before the first of them.
        events: what is about to be appended.
        at: when they happened; now by default.

    Returns:
        Those of the run and its task only where something in them changed.
    """
    moment = at or datetime.now(UTC)
    rows: list[Row] = []
    before = {row.table: row for row in _run_rows(state, moment)}
    for event in events:
        session = state.session_by(getattr(event, "session_id", ""))
        state = evolve(state, e.Recorded(run_id=state.run_id, seq=state.seq + 1, at=moment, event=event))
        rows += _rows_of(state, session, event, moment)
    # `updated_at` alone is no reason to write: most events change nothing that a list shows.
    return [*(row for row in _run_rows(state, moment) if before.get(row.table) != row), *rows]


def project_log(state: State, log: Sequence[e.Recorded]) -> list[Row]:
    """The rows of stored events, as they were made when those were appended: events of one append have one time.

    Args:
        state: the state before the first of them.
        log: the events in their order.
    """
    rows: list[Row] = []
    for at, group in groupby(log, key=lambda one: one.at):
        together = list(group)
        rows += project(replace(state, run_id=together[0].run_id), [one.event for one in together], at)
        state = fold(together, state)
    return rows


def _run_rows(state: State, at: datetime | None = None) -> list[Row]:
    """The rows of the run itself and of its task, as they are now."""
    task = state.task
    if task is None:
        return []
    at = at or state.updated_at or datetime.now(UTC)
    phases_done = sum(phase.state == "green" for phase in state.phases)
    ended = at if state.outcome else None
    run = {
        "task_id": state.task_id,
        "title": state.title,
        "goal": task.goal,
        "workspace": task.workspace,
        "status": state.status.value,
        "stage": state.stage.value,
        "outcome": state.outcome or "",
        "branch": state.workspace.branch if state.workspace else "",
        "model_label": task.model_label,
        "scripted": task.scripted,
        "cost_usd": state.spend.usd,
        "tokens": state.spend.tokens,
        "iterations": len(state.iterations),
        "phases_total": len(state.phases),
        "phases_done": phases_done,
        "started_at": state.started_at,
        "updated_at": at,
        "finished_at": ended,
    }
    spec = state.spec
    work = {
        "goal": task.goal,
        "project_type": spec.project_type if spec else task.project_type,
        "language": spec.language if spec else task.language,
        "workspace": task.workspace,
        "status": state.status.value,
        "iterations": len(state.iterations),
        "created_at": state.started_at,
        "finished_at": ended,
    }
    return [
        Row("tasks", {"task_id": state.task_id}, work),
        Row("runs", {"run_id": state.run_id}, run),
    ]


def _rows_of(state: State, session: Session | None, event: e.Event, at: datetime) -> list[Row]:
    match event:
        case e.ApprovalRequested() | e.ApprovalAnswered():
            return _approval_rows(state, event.approval_id)
        case e.AnswerReceived():
            number = session.iteration if session else 0
            return [*_iteration_rows(state, number), _metric(state, at, "tokens", *_tokens(session, event))]
        case e.TestsFinished():
            passed, total = event.report.passed, len(event.report.cases)
            rate = passed / total if total else 0.0
            iteration = _iteration_rows(state, event.number)
            rated = _metric(state, at, "pass_rate", rate, {"passed": passed, "total": total})
            return [*iteration, rated, *judged_rows(state, event.number)]
        case e.RunFinished():
            success = 1.0 if event.outcome == "success" else 0.0
            learnt = recall_rows(state, 0, PLANNER, state.patterns_shown)
            learnt += pattern_rows(state, at) if event.outcome == "success" else []
            return [_metric(state, at, "success", success, {"iterations": len(state.iterations)}), *learnt]
        case e.PhaseFinished() | e.ProofFinished():
            return [*_iteration_rows(state, event.number), *judged_rows(state, event.number)]
        case e.IterationStarted() | e.Checkpointed() | e.ScanFinished():
            return _iteration_rows(state, event.number)
        case e.ReflectionSubmitted():
            number = session.iteration if session else 0
            return [*_iteration_rows(state, number), *growth_rows(state, number)]
        case e.ReviewSubmitted() | e.AuditSubmitted():
            return _iteration_rows(state, session.iteration if session else 0)
        case e.Recalled():
            born = failure_rows(state, event.number, at)
            shown = recall_rows(state, event.number, REFLECTOR, event.items, at)
            return [*born, *shown, *judged_rows(state, event.number)]
        case e.SessionOpened() if event.shown:
            return recall_rows(state, 0, event.role, event.shown, at)
        case e.PlanSubmitted():
            return recall_rows(state, 0, PLANNER, state.patterns_shown)
        case e.Forked():
            return _fork_rows(state, at)
        case _:
            return []


def _tokens(session: Session | None, event: e.AnswerReceived) -> tuple[float, dict[str, Any]]:
    usage = event.answer.usage
    role = session.role if session else ""
    return float(usage.input_tokens + usage.output_tokens), {
        "role": role,
        "model": event.answer.model,
        "cost_usd": event.answer.cost_usd,
        "duration_s": event.answer.duration_s,
    }


def _metric(state: State, at: datetime, kind: str, value: float, metadata: dict[str, Any]) -> Row:
    key = {"run_id": state.run_id, "metric_type": kind, "at": at}
    return Row("metrics", key, {"value": value, "metadata": metadata})


def _approval_rows(state: State, approval_id: str) -> list[Row]:
    found = next((a for a in state.approvals if a.request.approval_id == approval_id), None)
    if found is None:
        return []
    request, answer = found.request, found.answer
    detail = request.model_dump(mode="json", include={"detail", "questions", "blast_radius", "subject"})
    values = {
        "run_id": state.run_id,
        "topic": request.topic,
        "title": request.title,
        "detail": detail | ({"rule_id": answer.rule_id} if answer and answer.rule_id else {}),
        "decision": answer.decision if answer else "",
        "reason": answer.reason if answer else "",
        "by": answer.by if answer else "",
        "asked_at": found.asked_at,
        "answered_at": state.updated_at if answer else None,
    }
    return [Row("approvals", {"approval_id": approval_id}, values)]


def _iteration_rows(state: State, number: int) -> list[Row]:
    """The row of one iteration; none when the run has no iteration of this number."""
    last = state.iteration_numbered(number)
    if last is None:
        return []
    report = last.report
    values = {
        "phase_id": last.phase_id,
        "hypothesis": last.hypothesis,
        "cause": last.reflection.cause if last.reflection else "",
        "started_at": last.started_at,
        "outcome": _outcome(last),
        "passed": report.passed if report else 0,
        "failed": report.failed if report else 0,
        "error_message": _first_error(last),
        "commit": last.commit,
        "tokens_used": last.tokens,
        "cost_usd": last.cost_usd,
        "duration_seconds": (state.updated_at - last.started_at).total_seconds()
        if state.updated_at and last.started_at
        else 0.0,
    }
    return [Row("iterations", {"run_id": state.run_id, "number": last.number}, values)]


def _outcome(iteration: Iteration) -> str:
    if iteration.returned:
        return "sent back"
    if iteration.report:
        return "green" if iteration.report.green else "red"
    return "sent back" if iteration.sent_back else "open"


def _first_error(iteration: Iteration) -> str:
    report = iteration.report
    if report is None or report.green:
        return ""
    failed = report.first_failing
    return f"{failed.id}: {failed.message}"[:4000] if failed else report.detail[:4000]


def _fork_rows(state: State, at: datetime) -> list[Row]:
    """The iterations that a fork begins with; what those cost was paid by the source.

    Failures of the source stay the source's, but for those that the fork is still to reflect on, or does something else
    about.
    """
    rows: list[Row] = []
    for one in state.iterations:
        free = replace(one, cost_usd=0.0, tokens=0)
        rows += _iteration_rows(replace(state, iterations=(free,), updated_at=one.ended_at or at), one.number)
        rows += failure_rows(state, one.number, at)
        if one.reflection is None and one.recalled:
            rows += recall_rows(state, one.number, REFLECTOR, one.recalled, at)
    return rows
