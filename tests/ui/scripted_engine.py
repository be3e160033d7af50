"""An engine in memory that replays recorded events: the app's other half in its tests, with no database behind it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from config.config import Config
from config.paths import find_paths
from config.rules import CommandRules
from engine import events as e
from engine.bus import Bus, Live
from engine.compare import Comparison, compare_tests, facts
from engine.errors import CommandRefused
from engine.evolve import fold
from engine.gates.forecast import Forecast
from engine.gates.rehearsal import PastAction, Rehearsal, judge, rehearse
from engine.gates.rules import Rule
from engine.llm.errors import ModelError
from engine.llm.protocol import Answer, ModelRequest, OnDelta, OnRetry
from engine.standing_rules import propose_rules
from engine.state import State
from engine.summary import PendingApproval, RunSummary
from engine.task import Plan, Task
from engine.workspace.preview import Preview, Selection
from engine.workspace.undo import UndoPreview
from memory.hits import EVERYTHING, Entry, Filters, Hit, Kind
from memory.marks import Mark
from memory.metric_figures import MetricFilters, Metrics
from tests.ui.recorded_preview import recorded_preview, recorded_undoing
from tests.ui.recorded_run import SECOND, START, TASK

SAFETY = CommandRules(approval=("rm -r", "pip install"))


class NoModel:
    """Stands where a model would; these tests replay what one said."""

    label = "scripted: roman-numerals"
    scripted = True

    async def complete(
        self, request: ModelRequest, on_delta: OnDelta | None = None, on_retry: OnRetry | None = None
    ) -> Answer:
        raise ModelError("This engine only replays", "")

    def worst_case_usd(self, request: ModelRequest) -> float | None:
        return None

    def window_tokens(self, model: str) -> int:
        return 128_000

    async def close(self) -> None:
        return None


@dataclass
class _Run:
    log: list[e.Recorded] = field(default_factory=list)


class ScriptedEngine:
    """Runs whose logs the test writes."""

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or Config(paths=find_paths({"MIRACLE_HOME": "/nonexistent/miracle"}))
        self.model = NoModel()
        self.bus = Bus()
        self.calls: list[tuple[Any, ...]] = []
        """Everything that was asked of it, in order."""
        self.refuse = ""
        """A title to refuse the next command with."""
        self.preview = recorded_preview()
        self.unseen = ""
        """A title to refuse a look at a result with."""
        self.undoing = recorded_undoing()
        self.hits: list[Hit] = []
        self.alike: list[Hit] = []
        """What reads like anything."""
        self.entries: dict[str, Entry] = {}
        self.marked: dict[str, Mark] = {}
        self.foretold: Forecast | None = None
        self.figures = Metrics(MetricFilters())
        """What `metrics` answers, with the filters it was asked with."""
        self.search_delays: dict[str, float] = {}
        self.code_diff = self.code_note = ""
        """What a comparison of two runs' code says."""
        self.made_rules: list[Rule] = []
        self.past: list[PastAction] = []
        """What a rule is rehearsed against."""
        self.closed = False
        self.driven: set[str] = set()
        """Runs that somebody works on, here or elsewhere."""
        self._runs: dict[str, _Run] = {}
        self._changes: list[asyncio.Queue[str]] = []

    def tell(self, run_id: str, *events: e.Event, at: datetime | None = None) -> None:
        """Append events to a run's log, making the run if there is none."""
        run = self._runs.setdefault(run_id, _Run())
        for event in events:
            seq = len(run.log) + 1
            run.log.append(e.Recorded(run_id=run_id, seq=seq, at=at or START + seq * SECOND, event=event))
        for queue in self._changes:
            queue.put_nowait(run_id)

    async def close(self) -> None:
        self.closed = True

    async def start(self, task: Task) -> str:
        self._command("start", task)
        run_id = f"run{len(self._runs) + 1}"
        self.tell(run_id, e.RunStarted(task_id=run_id, task=task))
        self.driven.add(run_id)
        return run_id

    def drive(self, run_id: str) -> None:
        self._command("drive", run_id)
        self.driven.add(run_id)

    async def is_driven(self, run_id: str) -> bool:
        return run_id in self.driven

    async def pause(self, run_id: str, by: str = "person") -> None:
        self._command("pause", run_id)
        self.tell(run_id, e.RunPaused(reason="person", by=by))

    async def resume(
        self, run_id: str, *, add_budget_usd: float = 0.0, add_iterations: int = 0, add_tokens: int = 0
    ) -> None:
        self._command("resume", run_id, add_budget_usd, add_iterations, *([add_tokens] if add_tokens else []))
        more = e.RunResumed(add_budget_usd=add_budget_usd, add_iterations=add_iterations, add_tokens=add_tokens)
        self.tell(run_id, more)

    async def forecast(self, task: Task, phases: int = 0) -> Forecast | None:
        return self.foretold

    async def cancel(self, run_id: str) -> None:
        self._command("cancel", run_id)
        self.tell(run_id, e.RunCancelled())

    async def steer(self, run_id: str, text: str) -> None:
        self._command("steer", run_id, text)
        self.tell(run_id, e.Steered(text=text))

    async def answer(
        self,
        run_id: str,
        approval_id: str,
        decision: Literal["once", "run", "always", "deny"],
        *,
        reason: str = "",
        answers: tuple[str, ...] = (),
        rule: Rule | None = None,
    ) -> None:
        self._command("answer", run_id, approval_id, decision, reason, answers)
        self.tell(
            run_id, e.ApprovalAnswered(approval_id=approval_id, decision=decision, reason=reason, answers=answers)
        )
        if rule is not None:
            self.made_rules.append(rule.model_copy(update={"created_at": START, "created_by": "ada@laptop"}))

    async def rules(self) -> list[Rule]:
        return list(self.made_rules)

    async def remove_rule(self, rule_id: str) -> None:
        self._command("remove_rule", rule_id)
        self.made_rules = [rule for rule in self.made_rules if rule.rule_id != rule_id]

    async def propose_rules(self, run_id: str, approval_id: str) -> tuple[Rule, ...]:
        return propose_rules(await self.state(run_id), approval_id)

    async def rehearse(self, *rules: Rule) -> tuple[Rehearsal, ...]:
        return tuple(rehearse(rule, self.past, judge(self.past, SAFETY), self.made_rules) for rule in rules)

    async def edit_plan(self, run_id: str, plan: Plan) -> None:
        self._command("edit_plan", run_id, plan)
        self.tell(run_id, e.PlanEdited(plan=plan))

    async def promotion_preview(self, run_id: str) -> Preview:
        if self.unseen:
            raise CommandRefused(self.unseen, "Look there.")
        return self.preview

    async def promote(
        self, run_id: str, how: Literal["merge", "patch", "branch"], *, take: Selection | None = None
    ) -> e.Promoted:
        self._command("promote", run_id, how, *([take] if take else []))
        done = e.Promoted(how=how, detail="3 files", undo="refs/miracle/r/before-promotion")
        self.tell(run_id, done)
        return done

    async def undo_preview(self, run_id: str) -> UndoPreview:
        return self.undoing

    async def undo(self, run_id: str) -> e.Undone:
        self._command("undo", run_id)
        undone = e.Undone(detail="3 files are as before the promotion.")
        self.tell(run_id, undone)
        return undone

    async def fork(self, run_id: str, at: int | None = None, *, drive: bool = True, **changes: Any) -> str:
        self._command("fork", run_id, at, changes)
        forked = f"fork{len(self._runs)}"
        for recorded in self._runs[run_id].log[:at]:
            self.tell(forked, recorded.event, at=recorded.at)
        seq = len(self._runs[forked].log)
        self.tell(forked, e.Forked(source_run_id=run_id, source_seq=seq, task_id=forked, **changes))
        return forked

    async def compare(self, run_a: str, run_b: str) -> Comparison:
        self._command("compare", run_a, run_b)
        (a, state_a), (b, state_b) = ((self._runs[run].log, fold(self._runs[run].log)) for run in (run_a, run_b))
        facts_a, facts_b = facts(a, state_a), facts(b, state_b)
        tests = compare_tests(facts_a.report, facts_b.report)
        return Comparison(facts_a, facts_b, self.code_diff, (), tests, self.code_note)

    async def state(self, run_id: str, at: int | None = None) -> State:
        return fold(self._runs[run_id].log[:at])

    async def runs(self, limit: int = 50) -> list[RunSummary]:
        return [self._summary(run_id) for run_id in reversed(self._runs)][:limit]

    async def approvals(self) -> list[PendingApproval]:
        return [
            PendingApproval(
                run_id,
                approval.request.approval_id,
                approval.request.topic,
                approval.request.title,
                approval.asked_at,
                approval.request.blast_radius,
            )
            for run_id, run in self._runs.items()
            for approval in fold(run.log).pending_approvals
        ]

    async def search(
        self, query: str, filters: Filters = EVERYTHING, *, limit: int = 50, after: Hit | None = None
    ) -> list[Hit]:
        await asyncio.sleep(self.search_delays.get(query, 0))
        self._command("search", query, filters)
        return self._found(query, filters, after)[:limit]

    def _found(self, query: str, filters: Filters, after: Hit | None = None) -> list[Hit]:
        found = [
            hit
            for hit in self.hits
            if query.lower() in hit.title.lower()
            and (not filters.kinds or hit.kind in filters.kinds)
            and (not filters.outcome or hit.outcome == filters.outcome)
            and (filters.forgotten or not hit.forgotten)
        ]
        return found[found.index(after) + 1 :] if after in found else found

    async def search_alike(self, query: str, filters: Filters = EVERYTHING, *, limit: int = 10) -> list[Hit]:
        return self.alike[:limit] if len(query.split()) > 2 else []

    async def like(self, hit: Hit, filters: Filters = EVERYTHING, *, limit: int = 20) -> list[Hit]:
        self._command("like", hit.id)
        return self.alike[:limit]

    async def entry(self, kind: Kind, id: str) -> Entry:
        found = self.entries.get(id)
        if found is None:
            raise CommandRefused(f"There is no {kind} {id!r} any more", "Look for another.")
        return found

    async def mark_memory(self, memory_id: str, *, pinned: bool | None = None, forgotten: bool | None = None) -> Mark:
        self._command("mark_memory", memory_id, pinned, forgotten)
        marked = Mark(memory_id, bool(pinned), bool(forgotten))
        self.marked[memory_id] = marked
        self.hits = [
            replace(hit, pinned=marked.pinned, forgotten=marked.forgotten) if hit.id == memory_id else hit
            for hit in self.hits
        ]
        return marked

    async def marks(self, memory_ids: tuple[str, ...] | None = None) -> list[Mark]:
        return [mark for mark in self.marked.values() if memory_ids is None or mark.memory_id in memory_ids]

    async def metrics(self, filters: MetricFilters | None = None) -> Metrics:
        self._command("metrics", filters)
        return replace(self.figures, filters=filters or MetricFilters())

    async def watch(self, run_id: str, after: int = 0) -> AsyncIterator[e.Recorded | Live]:
        run = self._runs[run_id]
        with self.bus.subscribe(run_id) as live:
            while True:
                while after < len(run.log):
                    after += 1
                    yield run.log[after - 1]
                try:
                    yield live.get_nowait()
                except asyncio.QueueEmpty:
                    await asyncio.sleep(0.005)

    async def changes(self) -> AsyncIterator[str]:
        queue: asyncio.Queue[str] = asyncio.Queue()
        self._changes.append(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._changes.remove(queue)

    def log_of(self, run_id: str) -> list[e.Recorded]:
        """A run's log."""
        return self._runs[run_id].log

    def called(self, name: str) -> list[tuple[Any, ...]]:
        """The calls of one name, without it."""
        return [call[1:] for call in self.calls if call[0] == name]

    def _command(self, *call: Any) -> None:
        if self.refuse:
            title, self.refuse = self.refuse, ""
            raise CommandRefused(title, "Try something else.")
        self.calls.append(call)

    def _summary(self, run_id: str) -> RunSummary:
        state = fold(self._runs[run_id].log)
        task = state.task or TASK
        return RunSummary(
            run_id=run_id,
            title=state.title,
            status=state.status,
            stage=state.stage,
            outcome=state.outcome or "",
            cost_usd=state.spend.usd,
            tokens=state.spend.tokens,
            iterations=len(state.iterations),
            phases_done=sum(phase.state == "green" for phase in state.phases),
            phases_total=len(state.phases),
            started_at=state.started_at or START,
            updated_at=state.updated_at or START,
            scripted=task.scripted,
            workspace=str(Path(task.workspace)),
        )
