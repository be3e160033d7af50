"""The sections that say what was done and how it went: the iteration at work, the one before, and those before it."""

from engine.context.cut import cut_to_tokens
from engine.context.section import Material
from engine.context.summarise import lines_for, result_of
from engine.state import Iteration, State
from sandbox.report import TestReport

MAX_FAILURES_SHOWN = 5
HYPOTHESIS_TOKENS = 4_000
_MESSAGE_TOKENS = 900
_OUTPUT_TOKENS = 1_200


def hypothesis(state: State, material: Material) -> str:
    """What the iteration is to try: a model's words within a budget, a person's whole."""
    last = state.iteration
    if last is None:
        return ""
    by_person = state.forked is not None and last.hypothesis == state.forked.hypothesis
    return last.hypothesis if by_person else cut_to_tokens(last.hypothesis, HYPOTHESIS_TOKENS)


def _before(state: State) -> Iteration | None:
    last = state.iteration
    if last is None:
        return None
    mine = state.iterations_of(last.phase_id)
    return mine[-2] if len(mine) > 1 else None


def failure(state: State, material: Material) -> str:
    """The newest red test run."""
    last = state.iteration
    if last is not None and last.report is not None and not last.report.green:
        return describe_failure(last.report)
    before = _before(state)
    if before is not None and before.report is not None and not before.report.green:
        return describe_failure(before.report)
    return ""


def describe_failure(report: TestReport) -> str:
    """A red report for a prompt: counts, the failing tests with their messages, and the end of the output."""
    counts = f"{report.passed} passed, {report.failed} failed, {report.skipped} skipped"
    told = [f"{counts}; reason: {report.reason}. {report.detail}"]
    failing = [case for case in report.cases if case.outcome in ("failed", "error", "xpassed")]
    shown, others = failing[:MAX_FAILURES_SHOWN], failing[MAX_FAILURES_SHOWN:]
    told += [f"### {case.id} ({case.outcome})\n{cut_to_tokens(case.message, _MESSAGE_TOKENS)}" for case in shown]
    if others:
        told.append(f"and {len(others)} more: " + ", ".join(case.id for case in others[:30]))
    if not failing:
        told.append(cut_to_tokens(report.output, _OUTPUT_TOKENS))
    return "\n".join(told)


def scan(state: State, material: Material) -> str:
    """What the safety scan stopped before the tests could run."""
    last = state.iteration
    findings = [f for f in (last.scan or ()) if f.verdict != "warning"] if last else []
    if not findings or (last and last.report is not None):
        return ""
    told = "\n".join(f"- {f.path}:{f.line} {f.rule} ({f.verdict}): {f.message}" for f in findings)
    return f"The safety scan stopped the code before it ran. Find a way without these:\n{told}"


def findings(state: State, material: Material) -> str:
    """What reviewer and auditor found in the iteration before."""
    before = _before(state)
    found = before.findings if before else ()
    return "\n".join(f"- [{f.severity}] {f.path}:{f.line} {f.title}: {f.detail} {f.evidence} {f.fix}" for f in found)


def work(state: State, material: Material) -> str:
    """What the coder says it did."""
    return (state.iteration.work or "") if state.iteration else ""


def changes(state: State, material: Material) -> str:
    """The files that the iteration changed, and the diff."""
    last = state.iteration
    if last is None:
        return ""
    names = "\n".join(f"- {f.status} {f.path} (+{f.added} -{f.removed})" for f in last.files)
    return f"{names}\n\n{last.diff}" if names else ""


def blame(state: State, material: Material) -> str:
    """The test that the reflector found at fault."""
    before = _before(state)
    if before is None or before.reflection is None or before.reflection.fault != "tests":
        return ""
    return f"The reflector found a test at fault: {before.reflection.cause}\nMend it: {before.reflection.hypothesis}"


def weak_tests(state: State, material: Material) -> str:
    """Why the tests came back to the tester, and the newest faults in the code that no test noticed."""
    before = _before(state)
    told = [before.returned.reason] if before is not None and before.returned is not None else []
    tried = next((one.mutants for one in reversed(state.iterations) if one.mutants is not None), None)
    if tried is not None and tried.survivors:
        survived = "\n".join(f"- {mutant.text}" for mutant in tried.survivors)
        told.append(f"Tests caught {tried.caught} of {tried.tried} small faults. These went unnoticed:\n{survived}")
    return "\n\n".join(told)


def history(state: State, material: Material) -> str:
    """The older iterations as they were summed up, and the newer ones in a line each."""
    through = state.summary.through if state.summary else 0
    summed = lines_for(state, state.summary.text) if state.summary else []
    lines = []
    for iteration in state.iterations:
        if iteration.number <= through or iteration is state.iteration:
            continue
        reflection = iteration.reflection
        hypothesis = reflection.hypothesis if reflection else ""
        lines.append(f"- iteration {iteration.number} ({iteration.phase_id}): {result_of(iteration)}. {hypothesis}")
    return "\n".join([*summed, *lines])
