"""One run on a screenful: what `miracle show` prints."""

from config.amounts import moment, plural
from engine.recollections import shown_memories
from engine.state import Iteration, State, Status
from miracle_tui.cli.finding_lines import finding_lines, scan_lines
from miracle_tui.cli.inert import inert, one_line
from miracle_tui.cli.memory_lines import worth_lines
from miracle_tui.cli.outcomes import next_steps
from miracle_tui.cli.printer import spent
from miracle_tui.cli.report_lines import report_lines

GOAL_LINES = 12
PHASE_MARKS = {"green": "✓", "active": "▸", "pending": "·"}


def story_lines(state: State, *, past: bool = False) -> list[str]:
    """Goal, plan, iterations, result and what can be done next.

    Args:
        state: the run, as it is or as it was.
        past: whether events came after it, so that all one can do with it is to fork from it.
    """
    fork = [f"→ go another way from here:  miracle fork {state.run_id} --at {state.seq}"]
    return [*_head(state), *_plan(state), *_iterations(state), *_end(state), *(fork if past else next_steps(state))]


def _head(state: State) -> list[str]:
    task = state.task
    lines = [f"▸ {state.run_id}: {one_line(state.title, 100)}", f"  {state.status.value}, {state.stage.value}"]
    if task:
        goal = [line for line in inert(task.goal).split("\n") if line.strip()]
        lines += [f"  goal: {goal[0]}", *(f"        {line}" for line in goal[1:GOAL_LINES])]
        if len(goal) > GOAL_LINES:
            lines.append(f"        · and {plural(len(goal) - GOAL_LINES, 'line')} more")
        lines.append(f"  in {one_line(task.workspace)}")
        if task.verify:
            lines.append(f"  acceptance check: {one_line(task.verify)}")
    if state.workspace:
        lines.append(f"  branch {one_line(state.workspace.branch)}, sandbox {one_line(state.workspace.backend) or '-'}")
    lines.append(f"  began {moment(state.started_at)}, last active {moment(state.updated_at)}, {spent(state)}")
    return lines


def _plan(state: State) -> list[str]:
    if state.phases:
        return [
            "▸ Plan",
            *worth_lines(shown_memories(state, 0)),
            *(f"  {PHASE_MARKS[p.state]} {p.tier}. {p.id}: {one_line(p.subtask.title)}" for p in state.phases),
        ]
    if state.plan:
        return ["▸ Plan (not approved)", *(f"  · {s.id}: {one_line(s.title)}" for s in state.plan.subtasks)]
    return []


def _iterations(state: State) -> list[str]:
    return [line for iteration in state.iterations for line in _iteration(state, iteration)]


def _iteration(state: State, one: Iteration) -> list[str]:
    lines = [f"▸ Iteration {one.number} ({one_line(one.phase_id)})"]
    if one.hypothesis:
        lines.append(f"  → hypothesis: {one_line(one.hypothesis, 400)}")
    if one.commit:
        lines.append(
            f"  · commit {one.commit[:10]}: {one_line(', '.join(file.path for file in one.files)) or 'no changes'}"
        )
    lines += finding_lines(one.findings)
    lines += scan_lines((one.scan if one.scan is not None else one.code_scan) or ())
    if one.report:
        lines += report_lines(one.report)
    lines += worth_lines(shown_memories(state, one.number))
    if one.reflection:
        lines.append(f"  ✗ cause: {one_line(one.reflection.cause, 400)}")
    return lines


def _end(state: State) -> list[str]:
    if state.receipt:
        receipt = state.receipt
        tests = f"{plural(len(receipt.tests), 'test')} in {one_line(receipt.backend)}"
        signed = f", signed by key {receipt.key[:16]}" if receipt.key else ", not signed"
        lines = ["✓ GREEN", f"  ✓ receipt: commit {receipt.commit[:10]}, {tests}{one_line(signed)}"]
    elif state.outcome:
        lines = [f"✗ {state.stage.value}: {one_line(state.reason, 400)}"]
    elif state.paused:
        lines = [f"! paused ({state.paused.reason}): {one_line(state.paused.detail, 400)}"]
        lines += [f"  → {one_line(state.paused.hint, 400)}"] if state.paused.hint else []
    else:
        lines = ["! waits for a person"] if state.status is Status.WAITING else []
    if state.promoted:
        lines.append(f"  ✓ taken ({state.promoted.how}): {one_line(state.promoted.detail, 400)}")
    if state.undone:
        lines.append(f"  ✓ taken back: {one_line(state.undone.detail, 400)}")
    return lines
