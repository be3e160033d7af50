"""The circuit breaker: a run that went round too often ends, and says how it can be gone on with."""

from engine.state import State


def breaker_reason(state: State) -> str:
    """Why the run ends, with the command that goes on from its last iteration."""
    done = len(state.iterations)
    trips = f"{done} iteration{'s' if done != 1 else ''}"
    return (
        f"The circuit breaker stopped the run after {trips}. "
        f"Go on from any of them: miracle fork {state.run_id} --at iteration:{done}"
    )
