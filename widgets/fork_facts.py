"""What a fork would begin from, and what it would leave behind: for a person to see before it is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from config.amounts import plural

if TYPE_CHECKING:
    from engine.state import State


@dataclass(frozen=True)
class ForkFacts:
    """The beginning of a fork at one moment, in words."""

    begins: str
    """Where it goes on when the hypothesis stays."""
    anew: str
    """Where it goes on with another hypothesis; empty where there is none to change."""
    hypothesis: str
    """What the iteration tries, or what a reflection wants the next one to try."""
    dropped: tuple[str, ...]
    """What is not taken over."""


def fork_facts(state: State, *, later: int) -> ForkFacts:
    """The facts of a fork.

    Args:
        state: what was so at the moment.
        later: moments of the source after it.
    """
    last = state.iteration
    base = state.workspace.base_commit if state.workspace else ""
    if last is None:
        where = f"the base commit {base[:10]}" if base else "an empty worktree"
        step = "with the approved plan" if state.plan_approved else "before the plan is approved"
        return ForkFacts(f"{where[0].upper()}{where[1:]}, {step}.", "", "", _dropped(state, later))
    commit = state.tip_of(last.phase_id) or base
    begins = f"Checkpoint {commit[:10]}, iteration {last.number} of {last.phase_id}."
    if last.reflection is not None:
        anew = f"Checkpoint {commit[:10]}; the next iteration tries the new hypothesis."
        hypothesis = last.reflection.hypothesis
    elif last.returned is not None:
        anew = f"Checkpoint {commit[:10]}; the next iteration is told this instead."
        hypothesis = last.returned.reason
    else:
        anew = (
            f"Commit {(last.base_commit or base)[:10]}: iteration {last.number} begins again with the new hypothesis."
        )
        hypothesis = last.hypothesis
    return ForkFacts(begins, anew, hypothesis, _dropped(state, later))


def _dropped(state: State, later: int) -> tuple[str, ...]:
    parts = [
        f"the {session.role}'s conversation ({plural(session.turns, 'answer')}): it begins anew"
        for session in state.sessions
    ]
    if any(one is not None and one.unsaved for one in (state.iteration_of(phase.id) for phase in state.phases)):
        parts.append("work that no checkpoint has: it is done again")
    if state.pending_approvals:
        parts.append(f"{plural(len(state.pending_approvals), 'open question')}: asked again when it comes to them")
    lasting = sum(a.answer is not None and a.answer.decision == "run" for a in state.approvals)
    if lasting:
        parts.append(f"{plural(lasting, 'permission')} “for this run”: given to the other run")
    if later:
        parts.append(f"{plural(later, 'later moment')}: the other run keeps them")
    return tuple(parts)
