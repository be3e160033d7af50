"""What people look up: runs and their logs, questions, what memory holds; and the marks they put on a memory."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING

from config.config import Config
from config.secrets import redact
from engine import events as e
from engine.bus import Bus, Live
from engine.compare import Comparison, compare_runs
from engine.errors import CommandRefused
from engine.evolve import fold
from engine.gates.forecast import Forecast, forecast
from engine.llm.protocol import ModelClient
from engine.naming import person_here
from engine.run_log import recorded
from engine.state import State
from engine.summary import PendingApproval, RunSummary
from engine.task import Task
from engine.watch import watch
from memory.hits import EVERYTHING, Entry, Filters, Hit, Kind
from memory.memory import MemoryService
from memory.metric_figures import MetricFilters, Metrics

if TYPE_CHECKING:
    from memory.marks import Mark


class Browsing:
    """The part of the engine that changes no run."""

    config: Config
    model: ModelClient
    memory: MemoryService
    bus: Bus
    _secrets: tuple[str, ...]

    async def compare(self, run_a: str, run_b: str) -> Comparison:
        """Two runs side by side, as they are now."""
        return await compare_runs(self.memory, self.config.paths, run_a, run_b)

    async def runs(self, limit: int = 50) -> list[RunSummary]:
        """The newest runs."""
        return [RunSummary.from_row(row) for row in await self.memory.projections.runs(limit)]

    async def find_run(self, name: str) -> str:
        """The run that a unique prefix, or `last`, names.

        Raises:
            CommandRefused: none or several.
        """
        if name == "last":
            newest = await self.runs(1)
            found = [run.run_id for run in newest]
        else:
            found = await self.memory.projections.find_runs(name)
            found = [name] if name in found else found
        if len(found) == 1:
            return found[0]
        if found:
            raise CommandRefused(f"{name!r} names several runs: {', '.join(found[:5])}", "Type more of the run's id.")
        raise CommandRefused(f"There is no run {name!r}", "`miracle history` lists the runs.")

    async def state(self, run_id: str, at: int | None = None) -> State:
        """The run's state now, or as it was after event `at`."""
        log = await self.log(run_id)
        return fold(log if at is None else [one for one in log if one.seq <= at])

    async def log(self, run_id: str, after: int = 0) -> list[e.Recorded]:
        """The run's events."""
        return [recorded(stored) for stored in await self.memory.store.read(run_id, after)]

    async def approvals(self) -> list[PendingApproval]:
        """Questions of all runs that wait for a person."""
        return [PendingApproval.from_row(row) for row in await self.memory.projections.pending_approvals()]

    async def search(
        self, query: str, filters: Filters = EVERYTHING, *, limit: int = 50, after: Hit | None = None
    ) -> list[Hit]:
        """What history holds in which every word of the query occurs, the latest first.

        Args:
            query: words, or parts of words; empty for the latest of all.
            filters: what may be found.
            limit: most hits.
            after: the last hit that is known already; what follows it is found.
        """
        return await self.memory.history.search(query, filters, limit, after)

    async def search_alike(self, query: str, filters: Filters = EVERYTHING, *, limit: int = 10) -> list[Hit]:
        """Failures and patterns that read like a query of some words, the nearest first."""
        return await self.memory.history.alike(query, filters, limit)

    async def like(self, hit: Hit, filters: Filters = EVERYTHING, *, limit: int = 20) -> list[Hit]:
        """Failures and patterns like something that was found, the nearest first."""
        return await self.memory.history.like(hit, filters, limit)

    async def entry(self, kind: Kind, id: str) -> Entry:
        """Everything about one thing of the history, without the secrets that this configuration knows.

        Raises:
            CommandRefused: there is no such thing.
        """
        found = await self.memory.history.entry(kind, id)
        if found is None:
            raise CommandRefused(f"There is no {kind} {id!r} any more", "`miracle history` finds what there is.")
        values = {
            name: redact(value, self._secrets) if isinstance(value, str) else value
            for name, value in found.values.items()
        }
        hit = replace(found.hit, title=redact(found.hit.title, self._secrets), snippet="")
        return replace(found, hit=hit, values=values)

    async def find_entry(self, name: str) -> Entry:
        """What an id, or the beginning of one, names.

        Raises:
            CommandRefused: nothing.
        """
        found = await self.memory.history.find(name) if name.strip() else None
        if found is None:
            raise CommandRefused(f"The history has nothing named {name!r}", "`miracle history WORDS` shows ids.")
        return await self.entry(*found)

    async def mark_memory(self, memory_id: str, *, pinned: bool | None = None, forgotten: bool | None = None) -> "Mark":
        """Pin or forget a failure or a pattern, or take that back; what is None stays as it is.

        Returns:
            The memory's marks as they are now.

        Raises:
            CommandRefused: memory has nothing of this name.
        """
        if not await self.memory.failures.exists(memory_id):
            raise CommandRefused(f"Memory has nothing named {memory_id!r}", "`miracle history` finds what it has.")
        return await self.memory.marks.set(memory_id, pinned=pinned, forgotten=forgotten, by=person_here())

    async def find_memory(self, name: str) -> "Entry":
        """The failure or pattern that an id, or a unique beginning of one, names.

        Raises:
            CommandRefused: none or several.
        """
        found = await self.memory.history.memories_named(name) if name.strip() else []
        if len(found) > 1:
            ids = ", ".join(id for _, id in found)
            raise CommandRefused(f"{name!r} names several memories: {ids}", "Type more of the id.")
        if not found:
            raise CommandRefused(f"Memory has nothing named {name!r}", "`miracle memory list` shows ids.")
        return await self.entry(*found[0])

    async def marks(self, memory_ids: tuple[str, ...] | None = None) -> "list[Mark]":
        """What a person pinned or forgot, the newest first; with ids, all that is known of these, in no order."""
        if memory_ids is None:
            return await self.memory.marks.all()
        return list((await self.memory.marks.of(memory_ids)).values())

    async def forecast(self, task: Task, phases: int = 0) -> Forecast | None:
        """What runs like this one took; None where too few of them are known.

        Args:
            task: what is about to be started, or the task of a run.
            phases: of its plan; 0 while there is none.
        """
        from memory.forecasts import past_runs

        past = await past_runs(
            self.memory.database, workspace=task.workspace, language=task.language, scripted=self.model.scripted
        )
        return forecast(past, task.project_type, phases)

    async def metrics(self, filters: MetricFilters | None = None) -> Metrics:
        """The figures of the runs that the filters choose; of all real ones by default."""
        from memory.metrics import read_metrics

        return await read_metrics(self.memory.database, filters or MetricFilters())

    def watch(self, run_id: str, after: int = 0) -> AsyncIterator[e.Recorded | Live]:
        """The run's events in order, then each as it happens, with live items between when this process works on it."""
        return watch(self.memory.store, self.bus, run_id, after)

    def changes(self) -> AsyncIterator[str]:
        """Ids of runs as they change."""
        return self.memory.store.changes()
