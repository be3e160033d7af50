"""How a run stands when a command leaves it: the exit status, and what a person can do next."""

import math

from engine.decide import MORE_TOKENS
from engine.gates.budget import lacks_tokens
from engine.state import State, Status
from miracle_tui.cli.inert import one_line
from miracle_tui.cli.problems import BUDGET, FAILED, SUCCESS, WAITING


def exit_status(state: State) -> int:
    """0 green; 1 failed or cancelled; 3 waiting for a person, whatever it paused for; 4 a budget is used up."""
    if state.status is Status.SUCCESS:
        return SUCCESS
    if state.paused is not None:
        return BUDGET if state.paused.reason in ("budget", "iterations") else WAITING
    return WAITING if state.status is Status.WAITING else FAILED


def next_steps(state: State) -> list[str]:
    """Lines that say exactly what to type."""
    run = state.run_id
    if state.status is Status.SUCCESS:
        if state.promoted and not state.undone:
            return [f"→ take it back:  miracle undo {run}"] if state.promoted.undo else []
        return [
            f"→ look at it:  miracle show {run} --diff",
            f"→ take it:     miracle promote {run} --merge   (or --patch, or --branch)",
        ]
    if state.status is Status.WAITING:
        return [*_answers(state), f"→ then go on:  miracle resume {run}"]
    if state.paused is not None:
        return [f"→ go on:  miracle resume {run}{_more(state)}"]
    if state.status is Status.FAILED:
        return [f"→ what happened:  miracle show {run}"]
    return []


def _more(state: State) -> str:
    """What a run that is short of something needs, in round numbers."""
    paused = state.paused
    if paused is None or paused.reason != "budget":
        return ""
    if lacks_tokens(state):
        return f" --tokens +{max(MORE_TOKENS, paused.needs_tokens)}"
    return f" --budget-usd +{max(1, math.ceil(paused.needs_usd))}"


def _answers(state: State) -> list[str]:
    lines = []
    for approval in state.pending_approvals:
        request = approval.request
        lines.append(f"? waits for you: {one_line(request.title)}")
        if request.questions:
            replies = ' --answer "…"' * len(request.questions)
            lines.append(f"→ reply:  miracle approve {request.approval_id}{replies}")
        else:
            lines.append(f"→ allow:  miracle approve {request.approval_id}   (or: --deny --reason TEXT)")
    return lines
