"""The fold of a fork: what a run that begins with another's prefix keeps of it, and what it does again."""

from collections.abc import Mapping
from datetime import datetime

from engine import events as e
from engine.fold_phase import change_iteration, change_phase, phases_of
from engine.frozen import replace
from engine.state import Approval, Iteration, Phase, Spend, State
from engine.task import Plan, Task


def forked(state: State, event: e.Forked, at: datetime) -> State:
    """The state of a new run after the prefix of another.

    Its files begin at the last checkpoint, so what was not committed by then is done again: a conversation that was
    under way is not gone on with, and submitted work without a checkpoint counts as not submitted. Permission for "this
    run" was given to the other run. Money and iterations are counted anew.
    """
    state = _without_open_work(state)
    state = replace(state, iterations=tuple(_inherited(one) for one in state.iterations))
    if event.hypothesis:
        state = _with_hypothesis(state, event.hypothesis)
    if event.plan is not None:
        state = _with_plan(state, event.plan)
    allowed = event.max_iterations or (state.task.max_iterations if state.task else 0)
    return replace(
        state,
        forked=event,
        task_id=event.task_id,
        task=_task(state.task, event.models) if state.task else None,
        started_at=at,
        workspace=None,
        phases=tuple(replace(phase, worktree="", branch="") for phase in state.phases),
        approvals=tuple(_narrowed(approval) for approval in state.approvals if approval.answer is not None),
        spend=Spend(),
        budget_usd=event.budget_usd or (state.task.budget_usd if state.task else 0.0),
        max_tokens=state.task.max_tokens if state.task else 0,
        max_iterations=len(state.iterations) + allowed,
        warned=frozenset(),
        warnings=(),
        patterns_shown=(),
        patterns_used=(),
        paused=None,
        outcome=None,
        reason="",
        receipt=None,
        promoted=None,
        undone=None,
    )


def _inherited(iteration: Iteration) -> Iteration:
    known = iteration.recalled is not None and iteration.reflection is not None
    return replace(iteration, inherited=True) if known else iteration


def _task(task: Task, models: Mapping[str, tuple[str, ...]] | None) -> Task:
    return task if models is None else task.model_copy(update={"models": {**task.models, **models}})


def _narrowed(approval: Approval) -> Approval:
    answer = approval.answer
    if answer is None or answer.decision not in ("run", "always"):
        return approval
    return replace(approval, answer=answer.model_copy(update={"decision": "once"}))


def _without_open_work(state: State) -> State:
    """Without conversations, and without work that no checkpoint has; the sessions dropped count as not opened."""
    for session in state.sessions:
        state = _visited_less(state, session.role, session.phase_id)
    state = replace(state, sessions=())
    for phase in state.phases:
        last = state.iteration_of(phase.id)
        if last is None or not last.unsaved:
            continue
        if last.tests is not None and not last.tests_commit:
            kept = _tests_without(state, phase, last)
            state = change_phase(change_iteration(state, last.number, tests=None), phase.id, test_files=kept)
            state = _visited_less(state, "tester", phase.id)
        if last.work is not None and not last.code_commit:
            state = _visited_less(change_iteration(state, last.number, work=None), "coder", phase.id)
    return state


def _tests_without(state: State, phase: Phase, last: Iteration) -> tuple[str, ...]:
    """The phase's test files, but for those that only its newest iteration submitted."""
    lost = set(last.tests or ()) - {path for one in state.iterations_of(phase.id)[:-1] for path in one.tests or ()}
    return tuple(path for path in phase.test_files if path not in lost)


def _visited_less(state: State, role: str, phase_id: str) -> State:
    return replace(
        state,
        visits=tuple((r, p, count - ((r, p) == (role, phase_id))) for r, p, count in state.visits),
    )


def _with_hypothesis(state: State, hypothesis: str) -> State:
    """Begin the newest iteration again, from where it began; one that was reflected on leads the next one elsewhere."""
    last = state.iteration
    if last is None:
        return state
    if last.reflection is not None:
        # What follows is the person's idea and no memory's, and a failure of its own.
        better = last.reflection.model_copy(update={"hypothesis": hypothesis, "used_memories": ()})
        return change_iteration(state, last.number, reflection=better, inherited=False)
    if last.returned is not None:
        asked = last.returned.model_copy(update={"reason": hypothesis})
        return change_iteration(state, last.number, returned=asked)
    fresh = replace(
        last,
        hypothesis=hypothesis,
        ended_at=None,
        work=None,
        code_commit="",
        tests_commit="",
        files=(),
        diff="",
        review=None,
        audit=None,
        tests=None,
        code_scan=None,
        scan=None,
        report=None,
        ledger=None,
        red_first=None,
        mutants=None,
        returned=None,
        recalled=None,
        conflict=(),
        proved=False,
    )
    phase = state.phase_by(last.phase_id)
    if phase is None:
        return state
    kept = _tests_without(state, phase, last)
    state = replace(state, iterations=tuple(fresh if one is last else one for one in state.iterations))
    if phase.apart:
        return change_phase(state, phase.id, state="active", test_files=kept, commit=last.base_commit)
    return replace(change_phase(state, phase.id, state="active", test_files=kept), tip=last.base_commit)


def _with_plan(state: State, plan: Plan) -> State:
    """Put another plan in place: phases that are done and unchanged stay done, the others begin."""
    before = {phase.id: phase for phase in state.phases}

    def carried(phase: Phase) -> Phase:
        old = before.get(phase.id)
        unchanged = old is not None and old.done and old.subtask == phase.subtask
        return replace(old, tier=phase.tier) if old is not None and unchanged else phase

    phases = tuple(carried(phase) for phase in phases_of(plan))
    done = {phase.id for phase in phases if phase.done}
    # What was done for phases that are no more is in the files; their iterations would be taken for the new ones'.
    iterations = tuple(one for one in state.iterations if one.phase_id in done)
    visits = tuple(visit for visit in state.visits if not visit[1] or visit[1] in done)
    return replace(
        state, plan=plan, plan_approved=True, plan_feedback="", phases=phases, iterations=iterations, visits=visits
    )
