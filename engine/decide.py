"""What may be done next: `decide(state) -> commands`, pure; empty when the run waits or is over.

The questions are asked in the order of the loop: is it over or paused, is an agent in the middle of its conversation,
is there a spec, a plan, an approval; then the phases of the tier at work, each step by step, to the merge and the
proof. There is at most one command for a phase, so commands of different phases may be carried out side by side.
"""

from config.amounts import dollars
from engine import commands as c
from engine import events as e
from engine.context.summarise import due_summary
from engine.decide_dependencies import dependencies
from engine.decide_hooks import hooks_due
from engine.decide_integrity import asks_to_weaken, held_by_tests
from engine.decide_scan import scan_approval, stopped
from engine.decide_session import next_in_session
from engine.decide_stuck import NEW_WAY, begun_anew, escalation
from engine.gates.blast import of_plan
from engine.gates.breaker import breaker_reason
from engine.gates.dependencies import asks_for_source, is_safe
from engine.state import Approval, Iteration, Phase, State
from engine.task import BlastRadius

Commands = tuple[c.Command, ...]
MORE_TOKENS = 500_000
"""Tokens that a person is offered when a run has used up its own."""
_PAID = (c.OpenSession, c.CallModel)
"""What leads to a paid call; tests, checkpoints and the proof cost nothing and are never kept by a budget."""


def decide(state: State) -> Commands:
    """The commands that the state asks for and has no answer to."""
    if state.task is None or state.outcome or state.paused:
        return ()
    if settled := _settled_by_policy(state):
        return (settled,)
    if warning := _warning(state):
        return (c.Record(warning),)
    if summary := due_summary(state):
        return (c.Record(summary),)
    if state.workspace is None:
        return (c.PrepareWorkspace(),)
    wanted = _wanted(state)
    if any(isinstance(command, _PAID) for command in wanted) and (over := _over_limits(state)):
        return (c.Record(over),)
    return wanted


def _wanted(state: State) -> Commands:
    """What the loop asks for, whatever it costs."""
    if (session := state.session_in("")) is not None:
        return next_in_session(state, session)
    if state.spec is None:
        return (c.OpenSession("reprompter"),)
    if not state.plan_approved:
        return _plan(state)
    return _tier(state) if state.tier_at_work else _finish(state)


def _tier(state: State) -> Commands:
    """The next commands of the phases of a tier.

    A phase that is alone, or that has begun in the run's own worktree, works there; phases that are several work apart,
    as many at a time as the task says. One that waits for a person takes no place.
    """
    phases = state.tier_at_work
    begun = [p for p in phases if not p.done and not p.apart and state.iterations_of(p.id)]
    if begun:
        return _next_of(state, begun[0])
    apart = [p for p in phases if p.apart]
    if all(phase.state == "green" for phase in phases):
        return (c.MergeTier(phases[0].tier),)
    waiting = [p for p in phases if p.state != "green" and not p.worktree]
    if not apart and len(waiting) == 1:
        return _next_of(state, waiting[0])
    commands = [command for p in apart if p.worktree and p.state != "green" for command in _next_of(state, p)]
    places = state.task.parallel_phases if state.task else 1
    commands += [c.OpenPhase(phase.id) for phase in waiting[: max(places - len(commands), 0)]]
    return tuple(commands)


def _next_of(state: State, phase: Phase) -> Commands:
    session = state.session_in(phase.id)
    return next_in_session(state, session) if session is not None else _loop(state, phase)


def _settled_by_policy(state: State) -> c.Record | None:
    """Answers that the task's policy gives in a person's stead."""
    task = state.task
    if task is None or task.approve == "ask":
        return None
    for approval in state.pending_approvals:
        request = approval.request
        if request.topic == "questions" and task.approve != "all":
            continue
        if request.topic == "plan" or task.approve == "all" or is_safe(request):
            nobody = request.topic == "questions" or asks_for_source(request) or asks_to_weaken(state, request)
            decision: e.Decision = "deny" if nobody else "once"
            reason = "Nobody is there to answer." if nobody else ""
            answer = e.ApprovalAnswered(approval_id=request.approval_id, decision=decision, reason=reason, by="policy")
            return c.Record(answer)
    return None


def _warning(state: State) -> e.Warned | None:
    """A warning that is due and was not given."""
    task = state.task
    if task is None:
        return None
    done = len(state.iterations)
    if "iterations" not in state.warned and task.warn_iteration <= done < state.max_iterations:
        text = f"Iteration {done} of {state.max_iterations}: the run stops at {state.max_iterations}."
        return e.Warned(topic="iterations", text=text)
    if "budget" not in state.warned and state.spend.usd * 100 >= state.budget_usd * task.warn_percentage:
        return e.Warned(topic="budget", text=f"{dollars(state.spend.usd)} of {dollars(state.budget_usd)} are spent.")
    if "tokens" not in state.warned and state.spend.tokens * 100 >= state.max_tokens * task.warn_percentage:
        return e.Warned(topic="tokens", text=f"{state.spend.tokens:,} of {state.max_tokens:,} tokens are used.")
    return None


def _over_limits(state: State) -> e.RunPaused | None:
    """A budget that is used up pauses the run before the next paid call."""
    if state.spend.usd + state.spend.uncertain_usd >= state.budget_usd:
        return e.RunPaused(
            reason="budget",
            detail=f"The budget is spent: {dollars(state.spend.usd)} of {dollars(state.budget_usd)}.",
            hint=f"Go on with more: miracle resume {state.run_id} --budget-usd +1",
        )
    if state.spend.tokens >= state.max_tokens:
        return e.RunPaused(
            reason="budget",
            detail=f"The run used {state.spend.tokens:,} of {state.max_tokens:,} tokens.",
            hint=f"Go on with more: miracle resume {state.run_id} --tokens +{MORE_TOKENS}",
        )
    return None


def _plan(state: State) -> Commands:
    if state.plan is None:
        return (c.OpenSession("planner"),)
    asked = _plan_request(state)
    if asked is None or (asked.answer and asked.request.subject != _plan_subject(state)):
        radius, subject = of_plan(state.plan, state), _plan_subject(state)
        title = "Approve the plan?"
        return (c.Record(request_approval(state, topic="plan", subject=subject, title=title, blast_radius=radius)),)
    if asked.answer is None:
        return ()
    return (c.OpenSession("planner"),)


def _plan_subject(state: State) -> str:
    return f"plan {state.visit('planner', '')}"


def _plan_request(state: State) -> Approval | None:
    return next((a for a in reversed(state.approvals) if a.request.topic == "plan"), None)


def request_approval(
    state: State,
    *,
    topic: e.Topic,
    subject: str,
    title: str,
    blast_radius: BlastRadius,
    detail: str = "",
    phase_id: str = "",
    number: int = 0,
) -> e.ApprovalRequested:
    """The next question to a person; its id counts the run's questions."""
    return e.ApprovalRequested(
        approval_id=state.next_approval_id,
        topic=topic,
        subject=subject,
        title=title,
        detail=detail,
        blast_radius=blast_radius,
        phase_id=phase_id,
        number=number,
    )


def _loop(state: State, phase: Phase) -> Commands:
    mine = state.iterations_of(phase.id)
    last = mine[-1] if mine else None
    if last is None or last.closed:
        return _begin_iteration(state, phase, last)
    previous = mine[-2] if len(mine) > 1 else None
    return _code(state, phase, last, previous) or _check(state, phase, last) or _test(state, phase, last, previous)


def _begin_iteration(state: State, phase: Phase, last: Iteration | None) -> Commands:
    if len(state.iterations) >= state.max_iterations:
        ended = hooks_due(state, phase, "after_phase", last.number, "failed") if last is not None else ()
        return ended or (c.Record(e.RunFinished(outcome="failed", reason=breaker_reason(state))),)
    if last is None and (due := hooks_due(state, phase, "before_phase", 0)):
        return due
    if last is not None and (escalated := escalation(state, phase, last)) is not None:
        return escalated
    hypothesis = NEW_WAY if begun_anew(phase, last) else _hypothesis(last)
    begun = e.IterationStarted(phase_id=phase.id, number=len(state.iterations) + 1, hypothesis=hypothesis)
    return (c.Record(begun),)


def _hypothesis(last: Iteration | None) -> str:
    if last is None:
        return ""
    if last.conflict:
        return (
            f"Another phase changed the same places of {', '.join(last.conflict)}, so the work of iteration "
            f"{last.number} was not merged. Do it again on top of what is there now."
        )
    if last.returned:
        return last.returned.reason
    if last.reflection:
        return last.reflection.hypothesis
    return "Resolve: " + "; ".join(f"{f.title} ({f.path}:{f.line}): {f.fix or f.detail}" for f in last.blocking)


def _blames_tests(previous: Iteration | None) -> bool:
    if previous is not None and previous.returned is not None:
        return previous.returned.to == "tester"
    return previous is not None and previous.reflection is not None and previous.reflection.fault == "tests"


def _code(state: State, phase: Phase, last: Iteration, previous: Iteration | None) -> Commands:
    if _blames_tests(previous) and phase.test_files and not begun_anew(phase, previous):
        return ()
    if last.work is None:
        return (c.OpenSession("coder", phase.id, last.number),)
    if not last.code_commit:
        return (c.TakeCheckpoint(phase.id, last.number, "code"),)
    return ()


def _check(state: State, phase: Phase, last: Iteration) -> Commands:
    if state.task is None or last.work is None:
        return ()
    pending = (state.task.review and last.review is None) or (state.task.audit and last.audit is None)
    if pending and last.code_scan is None:
        return (c.Scan(phase.id, last.number, "code"),)
    if pending and stopped(last.code_scan):
        # Nobody is paid to read code that cannot run.
        return _reflect(phase, last)
    if state.task.review and last.review is None:
        return (c.OpenSession("reviewer", phase.id, last.number),)
    if state.task.audit and last.audit is None:
        return (c.OpenSession("auditor", phase.id, last.number),)
    return ()


def _test(state: State, phase: Phase, last: Iteration, previous: Iteration | None) -> Commands:
    wants_tests = not phase.test_files or _blames_tests(previous) or begun_anew(phase, previous)
    if wants_tests and last.tests is None:
        return (c.OpenSession("tester", phase.id, last.number),)
    if last.tests is not None and not last.tests_commit:
        return (c.TakeCheckpoint(phase.id, last.number, "tests"),)
    if last.scan is None:
        return (c.Scan(phase.id, last.number),)
    red = stopped(last.scan)
    if not red and last.report is None:
        asked = scan_approval(state, last)
        if asked is None:
            needed = dependencies(state, phase, last)
            return (c.RunTests(phase.id, last.number),) if needed is None else needed
        if isinstance(asked, c.Record):
            return (asked,)
        if asked.answer is None:
            return ()
        red = True
    if last.report is not None:
        if last.report.reason in ("backend_lost", "cancelled"):
            lost = e.RunPaused(
                reason="sandbox",
                detail=f"The sandbox ({last.report.backend}) was lost while the tests ran: {last.report.detail}",
                hint="Run `miracle doctor`, then resume the run: the tests are run again.",
            )
            return (c.Record(lost),)
        if last.report.green:
            if (held := held_by_tests(state, phase, last)) is not None:
                return held
            ended = hooks_due(state, phase, "after_phase", last.number, "green")
            return ended or (c.Record(e.PhaseFinished(phase_id=phase.id, number=last.number)),)
        if (needed := dependencies(state, phase, last)) is not None:
            return needed
        red = True
    return _reflect(phase, last)


def _reflect(phase: Phase, last: Iteration) -> Commands:
    if last.recalled is None:
        return (c.Recall(phase.id, last.number),)
    return (c.OpenSession("reflector", phase.id, last.number),)


def _finish(state: State) -> Commands:
    last = state.iteration
    if last is None:
        return ()
    if state.receipt is None:
        return (c.Prove(last.phase_id, last.number),)
    return (c.Record(e.RunFinished(outcome="success", reason="The tests prove it.", receipt=state.receipt)),)
