"""How far an approval reaches: what a person allows when they say yes. Pure, and never less than the truth."""

from collections.abc import Sequence

from engine.gates.arguments import FIXED, split_arguments
from engine.state import State
from engine.task import BlastRadius, Plan
from sandbox.plain_commands import NotPlain, plain_programs
from sandbox.report import ScanFinding

WORKTREE = "the run's worktree"


def of_command(command: str) -> BlastRadius:
    """A command in the sandbox, which has no network: the files it names, or the worktree where that is not certain."""
    return BlastRadius(paths=_touched(command), network=False, reversible=True)


def of_plan(plan: Plan, state: State) -> BlastRadius:
    """A plan: the files it names, and what is left to spend on it."""
    paths = tuple(dict.fromkeys(path for subtask in plan.subtasks for path in subtask.files))
    return BlastRadius(paths=paths or (WORKTREE,), cost_usd=_left_usd(state), reversible=True)


def of_scan(findings: Sequence[ScanFinding]) -> BlastRadius:
    """Running scanned code: the files that were found fault with; it can do in the worktree what any test can."""
    asked = (finding.path for finding in findings if finding.verdict == "approval_required")
    return BlastRadius(paths=(*dict.fromkeys(asked), WORKTREE), network=False, reversible=True)


def of_stuck(state: State, phase_id: str) -> BlastRadius:
    """Going on with a phase that goes in circles: its files, and what is left to spend."""
    phase = next((phase for phase in state.phases if phase.id == phase_id), None)
    paths = phase.subtask.files if phase else ()
    return BlastRadius(paths=paths or (WORKTREE,), cost_usd=_left_usd(state), reversible=True)


def of_tests(paths: tuple[str, ...]) -> BlastRadius:
    """Letting a phase end with the tests as they are: the files that hold to less, or prove nothing."""
    return BlastRadius(paths=paths, network=False, reversible=True)


def _left_usd(state: State) -> float:
    return round(max(0.0, state.budget_usd - state.spend.usd), 2)


def _touched(command: str) -> tuple[str, ...]:
    """The paths of a line that only moves, removes or changes files; any other program may do what it likes."""
    try:
        programs = plain_programs(command)
    except NotPlain:
        return (WORKTREE,)
    found: list[str] = []
    for program, *words in programs:
        if program not in FIXED:
            return (WORKTREE,)
        _, others = split_arguments(words)
        found += others[FIXED[program] :]
    return tuple(dict.fromkeys(found)) or (WORKTREE,)
