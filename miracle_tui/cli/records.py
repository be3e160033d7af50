"""Runs as the `--json` outputs write them."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.state import State
    from engine.summary import RunSummary


def summary_record(run: "RunSummary") -> dict[str, Any]:
    """A run of a list."""
    return {**asdict(run), "started_at": run.started_at.isoformat(), "updated_at": run.updated_at.isoformat()}


def state_record(state: "State") -> dict[str, Any]:
    """Everything that is so of one run."""
    from engine.recollections import shown_memories
    from miracle_tui.cli.memory_lines import shown_record

    dump = _dump
    return {
        "run_id": state.run_id,
        "title": state.title,
        "status": state.status.value,
        "stage": state.stage.value,
        "outcome": state.outcome,
        "reason": state.reason,
        "seq": state.seq,
        "started_at": state.started_at.isoformat() if state.started_at else None,
        "updated_at": state.updated_at.isoformat() if state.updated_at else None,
        "task": dump(state.task),
        "workspace": dump(state.workspace),
        "spec": dump(state.spec),
        "phases": [{"tier": phase.tier, "state": phase.state, **dump(phase.subtask)} for phase in state.phases],
        "memories": [shown_record(shown) for shown in shown_memories(state, 0)],
        "iterations": [
            {
                "number": one.number,
                "phase_id": one.phase_id,
                "hypothesis": one.hypothesis,
                "commit": one.commit,
                "files": [dump(file) for file in one.files],
                "review": dump(one.review),
                "audit": dump(one.audit),
                "scan": [dump(found) for found in (one.scan if one.scan is not None else one.code_scan) or ()],
                "report": dump(one.report),
                "memories": [shown_record(shown) for shown in shown_memories(state, one.number)],
                "reflection": dump(one.reflection),
                "cost_usd": one.cost_usd,
                "tokens": one.tokens,
            }
            for one in state.iterations
        ],
        "approvals": [dump(approval.request) for approval in state.pending_approvals],
        "cost_usd": state.spend.usd,
        "budget_usd": state.budget_usd,
        "tokens": state.spend.tokens,
        "max_iterations": state.max_iterations,
        "paused": dump(state.paused),
        "receipt": dump(state.receipt),
        "promoted": dump(state.promoted),
        "undone": dump(state.undone),
    }


def _dump(value: Any) -> Any:
    return None if value is None else value.model_dump(mode="json")
