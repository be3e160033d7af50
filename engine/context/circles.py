"""The section about a phase that goes in circles: what shows it, and what was tried."""

from engine.context.section import Material
from engine.gates.stuck import failing_of
from engine.state import Iteration, State

TRIED = 8
"""Iterations that are told of; those before them failed in other ways."""
_TESTS = 10


def circles(state: State, material: Material) -> str:
    """Why the newest phase at work counts as stuck, and its newest iterations."""
    last = state.iteration
    phase = next((p for p in state.phases if last is not None and p.id == last.phase_id), None)
    if phase is None or not phase.escalations:
        return ""
    return f"{phase.escalations[-1].reason}\n{what_was_tried(state, phase.id)}"


def what_was_tried(state: State, phase_id: str) -> str:
    """A phase's newest iterations: what each tried, how it failed, what was then thought of it."""
    return "\n".join(_told(iteration) for iteration in state.iterations_of(phase_id)[-TRIED:])


def _told(iteration: Iteration) -> str:
    lines = [f"- iteration {iteration.number}: {iteration.hypothesis or 'the first attempt'}"]
    failing = failing_of(iteration)
    if failing is not None:
        tests = sorted(failing.tests)
        more = f" and {len(tests) - _TESTS} more" if len(tests) > _TESTS else ""
        failed = ", ".join(tests[:_TESTS]) + more or "the test run"
        lines.append(f"  failed: {failed}" + (f"; {failing.error}" if failing.error else ""))
    if iteration.reflection is not None:
        lines.append(f"  cause, as it was seen then: {iteration.reflection.cause}")
    return "\n".join(lines)
