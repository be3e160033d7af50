"""The budget gate: a call's worst case must fit before it is made."""

from engine.events import RunPaused
from engine.state import State


def short_of(state: State, reserved_usd: float | None) -> RunPaused | None:
    """The pause that a call asks for which could cost more than is left; None when it fits.

    Args:
        state: what the run has spent so far.
        reserved_usd: the call's worst case in USD; None when the price is unknown, which always fits.
    """
    if reserved_usd is None:
        return None
    left = state.budget_usd - state.spend.usd
    if reserved_usd <= left:
        return None
    missing = max(0.01, reserved_usd - left)
    return RunPaused(
        reason="budget",
        detail=f"The next call could cost {usd(reserved_usd)}; {usd(max(left, 0))} of {usd(state.budget_usd)} remain.",
        hint=f"Go on with more: miracle resume {state.run_id} --budget-usd +{missing:.2f}",
    )


def usd(amount: float) -> str:
    """An amount of money, to the cent; below a cent to four digits."""
    return f"${amount:.2f}" if amount >= 0.01 or amount == 0 else f"${amount:.4f}"
