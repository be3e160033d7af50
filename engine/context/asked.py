"""The sections that say what is asked for: the person's words, the spec and the plan. None of them is ever cut."""

from engine.context.section import Material
from engine.state import Phase, State


def goal(state: State, material: Material) -> str:
    """The goal as the person wrote it."""
    return state.task.goal if state.task else ""


def choices(state: State, material: Material) -> str:
    """What the person chose besides the goal."""
    task = state.task
    if task is None:
        return ""
    lines = [f"Project type: {task.project_type}", f"Language: {task.language}"]
    if task.verify:
        lines.append(f"Acceptance command, which nobody may edit: {task.verify}")
    if not task.questions:
        lines.append("Nobody is there to answer questions: choose sensible defaults.")
    return "\n".join(lines)


def spec(state: State, material: Material) -> str:
    """The structured spec with the goal it was made from; the goal alone while there is no spec."""
    spec = state.spec
    if spec is None:
        return goal(state, material)
    lists = {"Requirements": spec.requirements, "Acceptance": spec.acceptance, "Assumptions": spec.assumptions}
    lists["Out of scope"] = spec.out_of_scope
    told = [f"{spec.title}\n{spec.summary}", f"Project type: {spec.project_type}. Language: {spec.language}."]
    told += [f"{name}:\n" + "\n".join(f"- {item}" for item in items) for name, items in lists.items() if items]
    told.append(f"The person's own words:\n{goal(state, material)}")
    if state.task and state.task.verify:
        told.append(f"Acceptance command, which nobody may edit: {state.task.verify}")
    return "\n\n".join(told)


def plan(state: State, material: Material) -> str:
    """The plan in a line a phase."""
    marks = {"green": "done", "active": "now", "pending": "later"}
    lines = [f"- {p.id} ({marks[p.state]}): {p.subtask.title}" for p in state.phases]
    return "\n".join([state.plan.summary if state.plan else "", *lines])


def _phase(state: State) -> Phase | None:
    last = state.iteration
    return next((p for p in state.phases if last and p.id == last.phase_id), state.phase)


def subtask(state: State, material: Material) -> str:
    """The subtask at work."""
    phase = _phase(state)
    if phase is None:
        return ""
    subtask = phase.subtask
    told = [f"{subtask.id}: {subtask.title}", subtask.description]
    if subtask.challenges:
        told.append("Challenges:\n" + "\n".join(f"- {item}" for item in subtask.challenges))
    if subtask.test_strategy:
        told.append(f"Test strategy: {subtask.test_strategy}")
    if subtask.files:
        told.append(f"Files: {', '.join(subtask.files)}")
    return "\n".join(told)


def rejected_plan(state: State, material: Material) -> str:
    """The plan that the person sent back, and why."""
    if not state.plan_feedback or state.plan is None:
        return ""
    return f"The person sent this plan back: {state.plan_feedback}\n{state.plan.model_dump_json(indent=1)}"


def steers(state: State, material: Material) -> str:
    """The person's messages to the agents."""
    return "\n".join(f"- {text}" for text in state.said)
