"""A new run that begins as another one was at some moment, and goes its own way from there."""

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from pydantic import ValidationError

from engine import events as e
from engine.agents.registry import agents
from engine.errors import CommandRefused
from engine.evolve import fold
from engine.frozen import replace
from engine.gates.secrets import without_secrets
from engine.naming import new_run_id
from engine.projection import project
from engine.run_log import recorded
from engine.state import State
from engine.task import Plan
from engine.workspace.inspect import check_workspace
from memory.records import NewEvent

if TYPE_CHECKING:
    from memory.memory import MemoryService

MAX_HYPOTHESIS_CHARACTERS = 20_000


async def fork_run(
    memory: "MemoryService",
    run_id: str,
    at: int | None = None,
    *,
    hypothesis: str = "",
    plan: Plan | None = None,
    models: dict[str, tuple[str, ...]] | None = None,
    budget_usd: float | None = None,
    max_iterations: int | None = None,
    secrets: tuple[str, ...] = (),
) -> str:
    """Make the fork of a run; nobody works on it yet, and nothing of the source changes.

    Args:
        memory: holds the logs.
        run_id: the source: running, paused or over.
        at: the event after which the fork begins; the newest by default.
        hypothesis: what the iteration that is gone on with tries; empty keeps what it tried.
        plan: goes in the place of the plan; phases that are green and the same in it stay green.
        models: agent to the models tried in turn; agents that are not named keep theirs.
        budget_usd: what the fork may spend, counted from zero; as much as the task gave the source by default.
        max_iterations: iterations that the fork may begin; as many as the task gave the source by default.
        secrets: what must not reach the log.

    Returns:
        The id of the new run.

    Raises:
        CommandRefused: the source has no such moment, or what is asked for does not fit to it.
        WorkspaceError: the person's folder cannot be worked on any more.
        RunUnknown: there is no such run.
    """
    end = await memory.store.last_seq(run_id)
    at = end if at is None else at
    if not 1 <= at <= end:
        raise CommandRefused(
            f"{run_id} has no event {at}", f"Choose one from 1 to {end}: miracle show {run_id} --moments"
        )
    source = fold(recorded(one) for one in await memory.store.read(run_id, 0, at))
    if source.task is None:
        raise CommandRefused(f"{run_id} has no goal yet at event {at}", "Fork from a later event.")
    event = e.Forked(
        source_run_id=run_id,
        source_seq=at,
        task_id=uuid4().hex,
        hypothesis=hypothesis.strip(),
        plan=_valid_plan(plan),
        models=_all_models(source, models),
        budget_usd=budget_usd,
        max_iterations=max_iterations,
    )
    _check(source, event)
    await check_workspace(Path(source.task.workspace))
    return await _make(memory, source, event, secrets)


def _valid_plan(plan: Plan | None) -> Plan | None:
    """The plan, checked again: a copy that was changed in part was never checked as a whole."""
    if plan is None:
        return None
    try:
        return Plan.model_validate(plan.model_dump())
    except ValidationError as error:
        said = "; ".join(problem["msg"].removeprefix("Value error, ") for problem in error.errors())
        raise CommandRefused(f"The plan does not hold: {said}", "Correct the plan and fork again.") from error


def _all_models(source: State, models: dict[str, tuple[str, ...]] | None) -> dict[str, tuple[str, ...]] | None:
    """The model sequences of every agent, the named ones changed; None when none is named."""
    if not models:
        return None
    known = agents()
    for role, sequence in models.items():
        if role not in known:
            raise CommandRefused(f"There is no agent {role!r}", f"The agents are {', '.join(known)}.")
        if not sequence or not all(name.strip() for name in sequence):
            raise CommandRefused(f"No model is named for the {role}", "Name one, or leave the agent out.")
    return {**(source.task.models if source.task else {}), **models}


def _check(source: State, event: e.Forked) -> None:
    """Refuse what does not fit to the moment.

    Raises:
        CommandRefused: says what, and what to do instead.
    """
    if event.hypothesis and not source.iterations:
        raise CommandRefused(
            f"{source.run_id} has no iteration yet at event {event.source_seq}, so there is nothing to try otherwise",
            f"Fork from a later moment: miracle show {source.run_id} --moments",
        )
    if len(event.hypothesis) > MAX_HYPOTHESIS_CHARACTERS:
        raise CommandRefused(
            f"The hypothesis has {len(event.hypothesis):,} characters; {MAX_HYPOTHESIS_CHARACTERS:,} are the most",
            "Say in a few sentences what to try.",
        )
    if event.budget_usd is not None and not (math.isfinite(event.budget_usd) and event.budget_usd > 0):
        raise CommandRefused(f"{event.budget_usd} is no budget", "Give an amount above 0 US dollars.")
    if event.max_iterations is not None and event.max_iterations < 1:
        raise CommandRefused(f"{event.max_iterations} iterations are too few", "Give at least 1.")


async def _make(memory: "MemoryService", source: State, forked: e.Forked, secrets: tuple[str, ...]) -> str:
    """Copy the prefix and append the event that ends it, in one transaction."""
    from memory.forked_log import copy_log

    event = without_secrets(forked, secrets)
    target = new_run_id(source.task.goal if source.task else "")
    at = datetime.now(UTC)
    new = NewEvent(event_id=str(uuid4()), kind=event.kind, body=e.to_body(event), at=at)
    rows = project(replace(source, run_id=target), [event], at)
    await copy_log(memory.database, source.run_id, target, source.seq, [new], rows)
    return target
