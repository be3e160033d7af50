"""The budget gate: a call's worst case must fit before it is made.

What is left is the cap less what was spent, what the calls under way may cost, and what calls may have cost whose
answer never arrived. So no order of calls, side by side or one after the other, crosses the cap.
"""

from collections.abc import Collection
from dataclasses import replace

from config.amounts import dollars
from engine.events import RunPaused
from engine.state import State


def short_of(state: State, reserved_usd: float | None, reserved_tokens: int = 0) -> RunPaused | None:
    """The pause that a call asks for which could cost more than is left; None when it fits.

    Args:
        state: what the run has spent so far, and which calls are under way.
        reserved_usd: the call's worst case in USD; None when the price is unknown, which always fits.
        reserved_tokens: the call's worst case in tokens, input and output together.
    """
    if (missing := (reserved_usd or 0.0) - left_usd(state)) > 0 and reserved_usd is not None:
        return RunPaused(
            reason="budget",
            detail=f"The next call could cost {dollars(reserved_usd)}; {_remaining(state)}.",
            hint=f"Go on with more: miracle resume {state.run_id} --budget-usd +{_rounded_up(missing):.2f}",
            needs_usd=_rounded_up(missing),
        )
    left = state.max_tokens - state.spend.tokens - sum(s.reserved_tokens for s in state.sessions if s.calling)
    if state.max_tokens and reserved_tokens > left:
        return RunPaused(
            reason="budget",
            detail=f"The next call could take {reserved_tokens:,} tokens; "
            f"{max(left, 0):,} of {state.max_tokens:,} remain.",
            hint=f"Go on with more: miracle resume {state.run_id} --tokens +{reserved_tokens - left}",
            needs_tokens=reserved_tokens - left,
        )
    return None


def unpriced(state: State, model: str) -> RunPaused | None:
    """The pause before the first call whose price is unknown, where a person wants to be asked; None once they resumed.

    Args:
        state: the run.
        model: whose price is unknown.
    """
    if state.price_waived:
        return None
    return RunPaused(
        reason="price",
        detail=f"The price of {model} is unknown, so its calls cannot be counted against {dollars(state.budget_usd)}.",
        hint=f"State it under prices in openai.yaml; or go on without counting: miracle resume {state.run_id}",
    )


def may_fit_later(
    state: State, under_way: Collection[str], reserved_usd: float | None, reserved_tokens: int = 0
) -> bool:
    """Whether a call that does not fit now could, once those under way have taken less than was reserved for them.

    Args:
        state: the run.
        under_way: ids of the calls that an answer is still expected of; those of a dead executor keep what they took.
        reserved_usd: the call's worst case in USD.
        reserved_tokens: the same in tokens.
    """
    expected = tuple(session for session in state.sessions if session.calling and session.calling in under_way)
    at_rest = replace(state, sessions=tuple(s for s in state.sessions if s not in expected))
    return bool(expected) and short_of(at_rest, reserved_usd, reserved_tokens) is None


def lacks_tokens(state: State) -> bool:
    """Whether a run that is short of something is short of tokens, not of money."""
    paused = state.paused
    return paused is not None and (paused.needs_tokens > 0 or state.spend.tokens >= state.max_tokens > 0)


def left_usd(state: State) -> float:
    """What a new call may cost at most."""
    return state.budget_usd - state.spend.usd - state.spend.uncertain_usd - state.reserved_usd


def _remaining(state: State) -> str:
    told = f"{dollars(max(left_usd(state), 0))} of {dollars(state.budget_usd)} remain"
    if state.reserved_usd > 0:
        told += f", {dollars(state.reserved_usd)} are kept for calls under way"
    if state.spend.uncertain_usd > 0:
        told += f", {dollars(state.spend.uncertain_usd)} for calls whose answer never arrived"
    return told


def _rounded_up(missing: float) -> float:
    """The least whole cents that cover it."""
    return max(1, -int(-missing * 100 // 1)) / 100
