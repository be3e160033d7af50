"""What is decided when a phase goes in circles: before another iteration begins, something is done about it."""

from engine import commands as c
from engine import events as e
from engine.context.circles import what_was_tried
from engine.gates.blast import of_stuck
from engine.gates.stuck import next_step, stuck
from engine.state import Iteration, Phase, State

NEW_WAY = "The subtask was written anew, because what was tried led nowhere. Follow it, and no earlier hypothesis."
_STEPS = {"replan": "its subtask was written anew", "model": "other models took over", "person": "a person was asked"}


def escalation(state: State, phase: Phase, last: Iteration) -> tuple[c.Command, ...] | None:
    """What comes before the phase's next iteration: nothing at all waits for a person, None lets it begin.

    Args:
        state: the run.
        phase: the phase.
        last: its newest iteration, closed.
    """
    taken = phase.escalations[-1] if phase.escalations else None
    if taken is not None and taken.number == last.number:
        return _carry_through(state, phase, taken)
    found = stuck(state, phase.id)
    if found is None:
        return None
    step = next_step(state, phase.id)
    escalated = e.Escalated(phase_id=phase.id, number=last.number, step=step, reason=found.reason)
    return (c.Record(escalated),)


def begun_anew(phase: Phase, previous: Iteration | None) -> bool:
    """Whether the phase was planned again after this iteration: what was thought of it then no longer leads."""
    return previous is not None and any(
        taken.step == "replan" and taken.number == previous.number for taken in phase.escalations
    )


def _carry_through(state: State, phase: Phase, taken: e.Escalated) -> tuple[c.Command, ...] | None:
    if taken.step == "replan":
        return None if phase.replanned else (c.OpenSession("replanner", phase.id, taken.number),)
    return _ask(state, phase, taken) if taken.step == "person" else None


def _ask(state: State, phase: Phase, taken: e.Escalated) -> tuple[c.Command, ...] | None:
    asked = state.answer_to("stuck", number=taken.number)
    if asked is None:
        return (c.Record(_question(state, phase, taken)),)
    if asked.answer is None:
        return ()
    if asked.answer.decision != "deny":
        return None
    why = f" {asked.answer.reason}" if asked.answer.reason else ""
    reason = f"The run was ended because {phase.id} ({phase.subtask.title}) went in circles.{why}"
    return (c.Record(e.RunFinished(outcome="failed", reason=reason)),)


def _question(state: State, phase: Phase, taken: e.Escalated) -> e.ApprovalRequested:
    done = [f"after iteration {one.number} {_STEPS[one.step]}" for one in phase.escalations[:-1]]
    told = [taken.reason]
    if done:
        told.append(f"What was done about it before: {', '.join(done)}.")
    told.append(f"What was tried:\n{what_was_tried(state, phase.id)}")
    return e.ApprovalRequested(
        approval_id=state.next_approval_id,
        topic="stuck",
        subject=f"{phase.id} after iteration {taken.number}",
        title=f"{phase.id} ({phase.subtask.title}) goes in circles. Go on, perhaps with a hint, or end the run?",
        detail="\n\n".join(told),
        blast_radius=of_stuck(state, phase.id),
        phase_id=phase.id,
        number=taken.number,
    )
