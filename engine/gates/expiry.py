"""Default-deny: a question that nobody answers in the task's time is answered with no. Pure, of state and clock.

A plan is never decided by time: it stays until a person reads it. Questions about the goal are skipped, and the agent
chooses by itself.
"""

from datetime import datetime, timedelta

from config.amounts import plural
from engine.events import ApprovalAnswered
from engine.state import Approval, State

BY = "timeout"
SKIPPED = "skipped"
"""The reason of an answer that leaves questions to the agent."""


def expired(state: State, now: datetime) -> ApprovalAnswered | None:
    """The answer to the question that waited longest, if its time is over.

    Args:
        state: the run; one that is paused or over answers nothing.
        now: aware of its time zone.
    """
    found = _first(state)
    if found is None or now < _ends(state, found):
        return None
    waited = f"Nobody answered within {duration(_timeout_s(state))}."
    reason = SKIPPED if found.request.topic == "questions" else waited
    return ApprovalAnswered(approval_id=found.request.approval_id, decision="deny", reason=reason, by=BY)


def next_expiry(state: State) -> datetime | None:
    """When the next question is answered by time; None when none ever is."""
    found = _first(state)
    return None if found is None else _ends(state, found)


def duration(seconds: int) -> str:
    """Seconds as a person says them."""
    for size, word in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            return plural(seconds // size, word)
    return plural(seconds, "second")


def _first(state: State) -> Approval | None:
    if _timeout_s(state) <= 0 or state.outcome or state.paused:
        return None
    waiting = [approval for approval in state.pending_approvals if approval.request.topic != "plan"]
    return min(waiting, key=lambda approval: approval.asked_at, default=None)


def _timeout_s(state: State) -> int:
    return state.task.approval_timeout_s if state.task else 0


def _ends(state: State, approval: Approval) -> datetime:
    return approval.asked_at + timedelta(seconds=_timeout_s(state))
