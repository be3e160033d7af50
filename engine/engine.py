"""The one facade: everything that the app, the command line and later the API do goes through `Engine`."""

import os
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self
from uuid import uuid4

from config.config import Config
from config.secrets import every_secret, redact
from engine import events as e
from engine.agents.registry import agents
from engine.browsing import Browsing
from engine.bus import Bus
from engine.control import Control
from engine.embedding_worker import EmbeddingWorker
from engine.errors import CommandRefused
from engine.fleet import Fleet
from engine.fork import fork_run
from engine.gates.rehearsal import Rehearsal
from engine.gates.rules import Rule
from engine.known import known_to
from engine.llm.choose import make_embeddings, make_model, wants_embeddings
from engine.llm.embeddings import OpenAIEmbeddings
from engine.llm.protocol import ModelClient
from engine.naming import new_run_id, person_here
from engine.promotion import preview_promotion, preview_undoing, promote_run, undo_promotion
from engine.run_context import RunContext
from engine.run_log import RunLog
from engine.sandbox_service import SandboxService
from engine.settling import wait_settled
from engine.standing_rules import StandingRules, propose_rules
from engine.state import State
from engine.task import MAX_GOAL_CHARACTERS, Plan, Task
from engine.workers.dispatch import dispatch_of
from engine.workers.surroundings import Surroundings
from engine.workspace.inspect import check_workspace
from engine.workspace.preview import Preview, Selection
from engine.workspace.promote import How
from engine.workspace.undo import UndoPreview
from memory.memory import MemoryService

OnProgress = Callable[[str, str], None]


class Engine(Browsing):
    """Starts, steers and watches runs; made by `open`, which connects the database."""

    def __init__(
        self,
        config: Config,
        model: ModelClient,
        memory: MemoryService,
        sandbox: SandboxService,
        embeddings: OpenAIEmbeddings | None = None,
    ) -> None:
        self.config = config
        self.model = model
        self.memory = memory
        self.sandbox = sandbox
        self.bus = Bus()
        self._open = AsyncExitStack()
        self.fleet = Fleet(self.bus, config.settings.orchestrator.max_concurrent_tasks)
        self.embedding = EmbeddingWorker(memory.backlog, self.bus)
        """Gives what memory holds its vectors, once something is worked on here."""
        self.surroundings: Surroundings | None = None
        """Of a worker, which takes the runs of many projects; else this engine's own serve every run."""
        self._dispatch = dispatch_of(config, model, memory, self.bus)
        queue = (self._dispatch,) if self._dispatch else ()
        first = (embeddings,) if embeddings else ()
        for opened in (*first, memory, model, sandbox, self.embedding, self.fleet, *queue):
            # Closed the other way round: the runs first, what they use after them.
            self._open.push_async_callback(opened.close)
        self._secrets = every_secret(config)
        self._control = Control(memory.store, self._secrets, self._dispatch.send if self._dispatch else None)
        self.standing = StandingRules(memory.rules, config.rules.commands)

    @classmethod
    async def open(
        cls,
        config: Config,
        *,
        model: ModelClient | None = None,
        unsafe_local: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Self:
        """Connect the database and make ready; the sandbox is probed and the model asked when they are first needed.

        Args:
            config: the whole configuration.
            model: the model client; made from the configuration by default.
            unsafe_local: run generated code without a sandbox, because a person said so.
            on_progress: told (part, text) about the parts "database", "sandbox" and "model".

        Raises:
            MemoryStoreError: the database cannot be used.
        """
        tell = on_progress or (lambda part, text: None)
        tell("database", "starting")
        client = model or make_model(config)
        embeddings = None
        if wants_embeddings(config) and not client.scripted:
            embeddings = make_embeddings(config)
        memory = await MemoryService.open(config, embeddings, lambda said: tell("database", f"starting: {said}"))
        tell("database", "ok")
        tell("model", client.label)
        return cls(config, client, memory, SandboxService(config, unsafe_local=unsafe_local, tell=tell), embeddings)

    async def close(self) -> None:
        """Stop working; every run stays resumable."""
        await self._open.aclose()

    async def start(self, task: Task) -> str:
        """Begin a run of the task and work on it in this process, or hand it to the workers.

        Returns:
            The run's id.

        Raises:
            WorkspaceError: the person's folder cannot be worked on.
            CommandRefused: the goal is empty or too long.
        """
        goal = task.goal.strip()
        if not goal:
            raise CommandRefused("The goal is empty", "Say what should be built or changed.")
        if len(goal) > MAX_GOAL_CHARACTERS:
            raise CommandRefused(
                f"The goal has {len(goal):,} characters; {MAX_GOAL_CHARACTERS:,} are the most",
                "Put the long part into a file of the workspace and name the file in the goal.",
            )
        await check_workspace(Path(task.workspace))
        run_id = new_run_id(goal)
        await self.memory.store.create_run(run_id)
        await self._append(run_id, e.RunStarted(task_id=uuid4().hex, task=self._completed(task)))
        self.drive(run_id)
        return run_id

    def _completed(self, task: Task) -> Task:
        models = task.models or {role: self.config.openai.sequence(role) for role in agents()}
        return task.model_copy(
            update={
                "models": models,
                "model_label": self.model.label,
                "scripted": self.model.scripted,
                "unsafe_local": self.sandbox.unsafe_local,
            }
        )

    def drive(self, run_id: str) -> None:
        """Work on a run in this process, or hand it to the workers; harmless when it already is worked on."""
        (self._dispatch or self.fleet).drive(run_id, self._context)
        self.embedding.start()

    async def is_driven(self, run_id: str) -> bool:
        """Whether some process, this one or another, works on the run right now."""
        task = self.fleet.task(run_id)
        return (task is not None and not task.done()) or await self.memory.store.is_leased(run_id)

    async def _context(self, run_id: str) -> RunContext:
        config, model = self.config, self.model
        if self.surroundings and (task := (await self.state(run_id)).task):
            config, model = await self.surroundings.of(task)
        secrets = await known_to(self.memory.store, run_id, config)
        lease = await self.memory.store.lease(run_id, f"{socket.gethostname()}:{os.getpid()}")
        return RunContext(
            log=RunLog(self.memory.store, run_id, lease, secrets=self._secrets),
            config=config,
            model=model,
            memory=self.memory,
            bus=self.bus,
            backend=self.sandbox.backend,
            redact=lambda text: redact(text, secrets),
            release=lease.release,
            secrets=secrets,
        )

    async def settled(self, run_id: str) -> State:
        """The state once the run is over, paused, or waits for a person, or once this process stopped working on it.

        Raises:
            MemoryStoreError, EngineError: what ended the work.
        """
        return await wait_settled(self.memory.store, run_id, self.fleet) or await self.state(run_id)

    async def pause(self, run_id: str, by: str = "person") -> None:
        """Stop the run where it is; a paid answer in flight still arrives and is kept."""
        await self._control.pause(run_id, by)

    async def resume(
        self, run_id: str, *, add_budget_usd: float = 0.0, add_iterations: int = 0, add_tokens: int = 0
    ) -> None:
        """Let a paused run go on; `drive` works on it."""
        await self._control.resume(run_id, add_budget_usd, add_iterations, add_tokens)

    async def cancel(self, run_id: str) -> None:
        """End the run; its branch stays."""
        await self._control.cancel(run_id)

    async def steer(self, run_id: str, text: str) -> None:
        """Say something to the running agent: the next prompt carries it."""
        await self._control.steer(run_id, text)

    async def answer(
        self,
        run_id: str,
        approval_id: str,
        decision: e.Decision,
        *,
        reason: str = "",
        answers: tuple[str, ...] = (),
        by: str = "",
        rule: Rule | None = None,
    ) -> None:
        """Answer a question of the run; the first answer wins.

        Args:
            run_id: the run.
            approval_id: the question.
            decision: `always` also makes the rule.
            reason: why not, for the agent.
            answers: to the questions about the goal.
            by: who answers; the person at this machine by default.
            rule: of `always`: what is allowed from now on, as `propose_rules` gave it.

        Raises:
            CommandRefused: it is answered already, by whom the title says; no rule is made then.
        """
        named = rule.named() if rule and decision == "always" else None
        answered = e.ApprovalAnswered(
            approval_id=approval_id,
            decision=decision,
            reason=reason,
            answers=answers,
            by=by or person_here(),
            rule_id=named.rule_id if named else "",
        )
        await self._control.answer(run_id, answered)
        if named is not None:
            await self.standing.add(named, answered.by)

    async def rules(self) -> list[Rule]:
        """What was allowed for good, the oldest first."""
        return await self.standing.rules()

    async def add_rule(self, rule: Rule) -> Rule:
        """Allow something for good."""
        return await self.standing.add(rule, person_here())

    async def remove_rule(self, rule_id: str) -> None:
        """Take a rule back; from now on a person is asked again."""
        await self.standing.remove(rule_id)

    async def rehearse(self, *rules: Rule) -> tuple[Rehearsal, ...]:
        """What each rule, made or not, would have allowed in past runs."""
        return await self.standing.rehearse(rules)

    async def propose_rules(self, run_id: str, approval_id: str) -> tuple[Rule, ...]:
        """The rules that may be made of a question, the narrowest first.

        Raises:
            CommandRefused: none can be; the title says why.
        """
        return propose_rules(await self.state(run_id), approval_id)

    async def edit_plan(self, run_id: str, plan: Plan) -> None:
        """Change the plan before it is approved."""
        await self._control.edit_plan(run_id, plan)

    async def promotion_preview(self, run_id: str) -> Preview:
        """The result, hunk by hunk, against the person's tree as it is now."""
        return await preview_promotion(await self.state(run_id), self.config.paths)

    async def promote(self, run_id: str, how: How, *, take: Selection | None = None) -> e.Promoted:
        """Hand the result over: merged into the person's tree, all or what is taken, as a patch file or a branch."""
        promoted = await promote_run(await self.state(run_id), how, self.config.paths, take)
        await self._append(run_id, promoted)
        return promoted

    async def undo_preview(self, run_id: str) -> UndoPreview:
        """What `undo` would do to the person's tree."""
        return await preview_undoing(await self.state(run_id), self.config.paths)

    async def undo(self, run_id: str, *, force: frozenset[str] = frozenset()) -> e.Undone:
        """Put back what the newest promotion wrote over; `force` names files whose later changes are given up."""
        undone, forget = await undo_promotion(await self.state(run_id), self.config.paths, force)
        await self._append(run_id, undone)
        await forget()
        return undone

    async def fork(
        self,
        run_id: str,
        at: int | None = None,
        *,
        hypothesis: str = "",
        plan: Plan | None = None,
        models: dict[str, tuple[str, ...]] | None = None,
        budget_usd: float | None = None,
        max_iterations: int | None = None,
        drive: bool = True,
    ) -> str:
        """Begin a run as another one was after event `at`; `engine.fork.fork_run` says what each argument does.

        Returns:
            The new run's id.

        Raises:
            CommandRefused, WorkspaceError: it cannot be forked so; nothing was made.
        """
        forked = await fork_run(
            self.memory,
            run_id,
            at,
            hypothesis=hypothesis,
            plan=plan,
            models=models,
            budget_usd=budget_usd,
            max_iterations=max_iterations,
            secrets=self._secrets,
        )
        if drive:
            self.drive(forked)
        return forked

    async def _append(self, run_id: str, event: e.Event) -> None:
        log = RunLog(self.memory.store, run_id, secrets=self._secrets)
        await log.load()
        await log.append(event)
