"""The circuit breaker: a run that went round too often ends, and says how it can be gone on with."""

from config.amounts import plural
from engine.state import State


def breaker_reason(state: State) -> str:
    """Why the run ends, with the command that goes on from its last iteration."""
    done = len(state.iterations)
    return (
        f"The circuit breaker stopped the run after {plural(done, 'iteration')}. "
        f"Go on from any of them: miracle fork {state.run_id} --at iteration:{done}"
    )
