"""The story of a run as lines of text: one pure function of an event and the state that it leads to.

Everything that a model, a test or a file wrote is made harmless here; the first mark of a line says what it means:
`▸` a stage begins, `✓` good, `✗` bad, `!` a warning, `?` a question to a person, `·` a detail, `→` what to do next.
"""

from collections.abc import Callable
from typing import Any

from config.amounts import dollars, plural, short_count
from engine import events as e
from engine.recollections import shown_memories
from engine.state import ROLE_STAGE, State
from miracle_tui.cli.dependency_lines import DEPENDENCY_LINES
from miracle_tui.cli.finding_lines import MAX_LISTED, finding_lines, scan_lines
from miracle_tui.cli.hook_lines import HOOK_LINES
from miracle_tui.cli.inert import inert, one_line
from miracle_tui.cli.integrity_lines import INTEGRITY_LINES
from miracle_tui.cli.memory_lines import memory_lines, recalled_lines, shown_to_planner
from miracle_tui.cli.report_lines import proof_lines, report_lines

Say = Callable[[Any, State], list[str]]


def lines_for(recorded: e.Recorded, state: State) -> list[str]:
    """The lines that tell of one event.

    Args:
        recorded: the event.
        state: the state after it.
    """
    say = _SAY.get(type(recorded.event))
    return [*(say(recorded.event, state) if say else ()), *memory_lines(recorded.event, state)]


def spent(state: State) -> str:
    """What the run has used so far."""
    if state.task and state.task.scripted:
        return f"{short_count(state.spend.tokens)} tokens of a scripted model, which cost nothing"
    priced = dollars(state.spend.usd)
    if state.spend.unpriced_calls:
        priced += f" ({plural(state.spend.unpriced_calls, 'call')} without a known price)"
    return f"{priced} of {dollars(state.budget_usd)}, {short_count(state.spend.tokens)} tokens"


def _paragraph(label: str, text: str) -> list[str]:
    """A labelled text that may have several lines."""
    first, *rest = [line for line in inert(text).split("\n") if line.strip()] or ["-"]
    return [f"  {label}: {first}", *(f"  {' ' * len(label)}  {line}" for line in rest)]


def _run_started(event: e.RunStarted, state: State) -> list[str]:
    task = event.task
    model = f", {one_line(task.model_label)}" if task.model_label else ""
    limits = f"{dollars(task.budget_usd)}, {plural(task.max_iterations, 'iteration')}"
    lines = [
        f"▸ Run {state.run_id}: {one_line(state.title, 100)}",
        f"  · in {one_line(task.workspace)}, {limits}{model}",
    ]
    if task.unsafe_local:
        lines.append("! UNSAFE: the code of this run is executed on this machine without a sandbox")
    return lines


def _workspace_prepared(event: e.WorkspacePrepared, state: State) -> list[str]:
    lines = [f"  · branch {one_line(event.branch)}, worktree {one_line(event.worktree)}"]
    if event.backend:
        weak = [f"best effort: {', '.join(event.best_effort)}"] if event.best_effort else []
        weak += [f"no limit: {', '.join(event.missing)}"] if event.missing else []
        lines.append(f"  · sandbox: {one_line('; '.join([event.backend, *weak]))}")
    if event.snapshot:
        lines.append("  · your uncommitted work was copied into the run; your own files stay as they are")
    return lines


def _session_opened(event: e.SessionOpened, state: State) -> list[str]:
    stage = ROLE_STAGE.get(event.role)
    place = f" ({one_line(event.phase_id)}, iteration {event.iteration})" if event.phase_id and event.iteration else ""
    return [f"▸ {stage.value if stage else one_line(event.role).upper()}{place}", *shown_to_planner(event, state)]


def _call_started(event: e.CallStarted, state: State) -> list[str]:
    return [f"  · the model is told {plural(event.steers, 'message')} of yours"] if event.steers else []


def _call_failed(event: e.CallFailed, state: State) -> list[str]:
    hint = [f"  → {one_line(event.hint)}"] if event.hint else []
    return [f"! the model {one_line(event.model)} failed: {one_line(event.detail)}", *hint]


def _answer_rejected(event: e.AnswerRejected, state: State) -> list[str]:
    return [f"! the answer could not be used: {one_line(event.reason)}"]


def _tool_finished(event: e.ToolFinished, state: State) -> list[str]:
    line = f"  {'✓' if event.ok else '✗'} {one_line(event.name)} {one_line(event.target)}".rstrip()
    return [line if event.ok else f"{line}: {one_line(event.output)}"]


def _spec_submitted(event: e.SpecSubmitted, state: State) -> list[str]:
    return [
        f"  ✓ spec: {one_line(event.spec.title)}",
        *(f"    · {one_line(item)}" for item in event.spec.requirements),
    ]


def _plan(event: e.PlanSubmitted | e.PlanEdited, state: State) -> list[str]:
    by = " (edited)" if isinstance(event, e.PlanEdited) else ""
    lines = [f"  ✓ plan{by}: {one_line(event.plan.summary) or plural(len(event.plan.subtasks), 'phase')}"]
    for number, tier in enumerate(event.plan.tiers(), 1):
        for subtask in tier:
            after = f" (after {', '.join(subtask.depends_on)})" if subtask.depends_on else ""
            lines.append(f"    {number}. {subtask.id}: {one_line(subtask.title)}{after}")
    return lines


def _iteration_started(event: e.IterationStarted, state: State) -> list[str]:
    phase = next((p.subtask.title for p in state.phases if p.id == event.phase_id), "")
    lines = [
        f"▸ Iteration {event.number} of {state.max_iterations}, phase {one_line(event.phase_id)}: {one_line(phase)}",
    ]
    before = state.iterations[-2].reflection if len(state.iterations) > 1 else None
    if event.hypothesis and (before is None or before.hypothesis != event.hypothesis):
        lines += _paragraph("· hypothesis", event.hypothesis)
    return lines


def _work_submitted(event: e.WorkSubmitted, state: State) -> list[str]:
    return [f"  ✓ work: {one_line(event.summary)}"]


def _tests_submitted(event: e.TestsSubmitted, state: State) -> list[str]:
    return [f"  ✓ tests written: {one_line(', '.join(event.files)) or 'none needed'}"]


def _review(event: e.ReviewSubmitted | e.AuditSubmitted, state: State) -> list[str]:
    who = "review" if isinstance(event, e.ReviewSubmitted) else "audit"
    mark = "✓" if event.verdict == "approve" else "!"
    return [f"  {mark} {who}: {event.verdict}", *finding_lines(event.findings)]


def _reflection(event: e.ReflectionSubmitted, state: State) -> list[str]:
    return [
        *_paragraph("✗ cause" if event.fault == "code" else "✗ cause (in the tests)", event.cause),
        *_paragraph("→ hypothesis", event.hypothesis),
    ]


def _checkpointed(event: e.Checkpointed, state: State) -> list[str]:
    added, removed = sum(f.added for f in event.files), sum(f.removed for f in event.files)
    return [f"  · commit {event.commit[:10]}: {plural(len(event.files), 'file')}, +{added} -{removed}"]


def _scan_finished(event: e.ScanFinished, state: State) -> list[str]:
    return scan_lines(event.findings)


def _tests_finished(event: e.TestsFinished, state: State) -> list[str]:
    return [*report_lines(event.report), f"  · {spent(state)}"]


def _recalled(event: e.Recalled, state: State) -> list[str]:
    return recalled_lines(shown_memories(state, event.number))


def _phase_finished(event: e.PhaseFinished, state: State) -> list[str]:
    tries = len(state.iterations_of(event.phase_id))
    return [f"✓ phase {one_line(event.phase_id)} is green after {plural(tries, 'iteration')}"]


def _phase_opened(event: e.PhaseOpened, state: State) -> list[str]:
    return [f"▸ Phase {one_line(event.phase_id)} works beside the others of its tier, in {one_line(event.worktree)}"]


def _tier_merged(event: e.TierMerged, state: State) -> list[str]:
    merged = one_line(", ".join(event.merged)) or "nothing"
    lines = [f"✓ tier {event.tier} merged: {merged} (commit {event.commit[:10]})"]
    for conflict in event.conflicts:
        paths = one_line(", ".join(conflict.paths), 400)
        lines.append(f"! {one_line(conflict.phase_id)} is done again: another phase changed the same places of {paths}")
    return lines


def _summarised(event: e.IterationsSummarised, state: State) -> list[str]:
    return [f"  · iterations up to {event.through} are summarised; prompts carry the summary"]


def _undone(event: e.Undone, state: State) -> list[str]:
    return [f"✓ taken back by {one_line(event.by)}: {one_line(event.detail, 400)}"]


def _proof_finished(event: e.ProofFinished, state: State) -> list[str]:
    return proof_lines(event)


def _approval_requested(event: e.ApprovalRequested, state: State) -> list[str]:
    lines = [f"? {one_line(event.title)}"]
    if event.detail:
        lines += [f"    {line}" for line in inert(event.detail).split("\n")[:MAX_LISTED]]
    lines += [f"    {number}. {one_line(question, 400)}" for number, question in enumerate(event.questions, 1)]
    radius = event.blast_radius
    if radius.paths:
        lines.append(f"    · touches {one_line(', '.join(radius.paths))}")
    if radius.network:
        lines.append("    ! uses the network")
    if radius.cost_usd is not None:
        lines.append(f"    · may cost {dollars(radius.cost_usd)}")
    if not radius.reversible:
        lines.append("    ! cannot be undone")
    return lines


def _approval_answered(event: e.ApprovalAnswered, state: State) -> list[str]:
    word = _DECIDED[event.decision]
    reason = f": {one_line(event.reason)}" if event.reason else ""
    return [f"  {word} by {one_line(event.by)}{reason}"]


def _run_paused(event: e.RunPaused, state: State) -> list[str]:
    detail = f": {one_line(event.detail, 400)}" if event.detail else ""
    return [f"! paused ({event.reason}){detail}", *([f"  → {one_line(event.hint, 400)}"] if event.hint else [])]


def _run_resumed(event: e.RunResumed, state: State) -> list[str]:
    more = [f"{dollars(event.add_budget_usd)} more"] if event.add_budget_usd else []
    more += [f"{plural(event.add_iterations, 'iteration')} more"] if event.add_iterations else []
    more += [f"{event.add_tokens:,} tokens more"] if event.add_tokens else []
    return [f"▸ resumed by {one_line(event.by)}" + (f" with {' and '.join(more)}" if more else "")]


def _run_finished(event: e.RunFinished, state: State) -> list[str]:
    reason = f": {one_line(event.reason, 400)}" if event.reason else ""
    word = {"success": "✓ GREEN", "failed": "✗ FAILED", "cancelled": "✗ CANCELLED"}[event.outcome]
    return [f"{word}{reason}", f"  · {plural(len(state.iterations), 'iteration')}, {spent(state)}"]


def _escalated(event: e.Escalated, state: State) -> list[str]:
    follows = {
        "replan": "the phase is planned again",
        "model": "the next model takes over",
        "person": "a person is asked",
    }[event.step]
    return [f"! {one_line(event.phase_id)} goes in circles: {one_line(event.reason, 400)}", f"  → {follows}"]


def _phase_replanned(event: e.PhaseReplanned, state: State) -> list[str]:
    subtask = event.subtask
    return [f"▸ Planned again: {one_line(subtask.title)}", *_paragraph("· subtask", subtask.description)]


def _forked(event: e.Forked, state: State) -> list[str]:
    lines = [f"▸ Run {state.run_id}: begins as {one_line(event.source_run_id)} was at event {event.source_seq}"]
    lines += _paragraph("· hypothesis", event.hypothesis) if event.hypothesis else []
    lines += ["  · with another plan"] if event.plan else []
    return lines


_DECIDED: dict[e.Decision, str] = {
    "once": "✓ allowed",
    "run": "✓ allowed for the whole run",
    "always": "✓ allowed for good",
    "deny": "✗ denied",
}
_SAY: dict[type, Say] = {
    **HOOK_LINES,
    **INTEGRITY_LINES,
    **DEPENDENCY_LINES,
    e.Forked: _forked,
    e.RunStarted: _run_started,
    e.WorkspacePrepared: _workspace_prepared,
    e.RunPaused: _run_paused,
    e.RunResumed: _run_resumed,
    e.RunCancelled: lambda event, state: [f"✗ cancelled by {one_line(event.by)}"],
    e.Steered: lambda event, state: [f"▸ message from {one_line(event.by)}: {one_line(event.text)}"],
    e.Warned: lambda event, state: [f"! {one_line(event.text)}"],
    e.SessionOpened: _session_opened,
    e.CallStarted: _call_started,
    e.CallFailed: _call_failed,
    e.AnswerRejected: _answer_rejected,
    e.ToolFinished: _tool_finished,
    e.SpecSubmitted: _spec_submitted,
    e.PlanSubmitted: _plan,
    e.PlanEdited: _plan,
    e.IterationStarted: _iteration_started,
    e.Escalated: _escalated,
    e.PhaseReplanned: _phase_replanned,
    e.WorkSubmitted: _work_submitted,
    e.TestsSubmitted: _tests_submitted,
    e.ReviewSubmitted: _review,
    e.AuditSubmitted: _review,
    e.ReflectionSubmitted: _reflection,
    e.Checkpointed: _checkpointed,
    e.ScanFinished: _scan_finished,
    e.TestsFinished: _tests_finished,
    e.Recalled: _recalled,
    e.PhaseFinished: _phase_finished,
    e.PhaseOpened: _phase_opened,
    e.TierMerged: _tier_merged,
    e.IterationsSummarised: _summarised,
    e.Undone: _undone,
    e.ProofFinished: _proof_finished,
    e.ApprovalRequested: _approval_requested,
    e.ApprovalAnswered: _approval_answered,
    e.RunFinished: _run_finished,
    e.Promoted: lambda event, state: [f"✓ taken ({event.how}): {one_line(event.detail, 400)}"],
}
