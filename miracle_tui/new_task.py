"""Makes a task of a goal and the configuration's defaults."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from config.config import Config
    from engine.task import Task


def task_from(config: "Config", *, goal: str, workspace: Path, **choices: Any) -> "Task":
    """A task with the configured budgets and policies; `choices` are fields of `Task` that a person set otherwise.

    Raises:
        EngineError: the goal is empty or far too long.
    """
    from engine.errors import EngineError
    from engine.task import MAX_GOAL_CHARACTERS, Task

    goal = goal.strip()
    if not goal:
        raise EngineError("The goal is empty", "Say in a sentence or two what should be built or changed.")
    if len(goal) > MAX_GOAL_CHARACTERS:
        raise EngineError(
            f"The goal has {len(goal):,} characters; at most {MAX_GOAL_CHARACTERS:,} are taken",
            "Put the long part into a file of the repository and name that file in the goal.",
        )
    settings = config.settings
    values: dict[str, Any] = {
        "budget_usd": settings.cost_control.max_budget_per_task,
        "max_tokens": settings.cost_control.max_tokens_per_task,
        "warn_percentage": settings.cost_control.warn_at_percentage,
        "max_iterations": settings.orchestrator.max_iterations,
        "warn_iteration": settings.orchestrator.warning_threshold,
        "parallel_phases": settings.orchestrator.max_parallel_phases,
        "max_turns": settings.agents.max_turns,
        "mutants": settings.agents.mutants,
        "min_mutants": settings.agents.min_mutants,
        "questions": settings.agents.questions,
        "review": settings.agents.review,
        "audit": settings.agents.audit,
        "block_severity": settings.agents.block_severity,
        "approve": settings.agents.approve,
        "hooks": settings.hooks.moments,
        "approval_timeout_s": settings.agents.approval_timeout_s,
        **choices,
    }
    return Task(goal=goal, workspace=str(workspace), **values)
