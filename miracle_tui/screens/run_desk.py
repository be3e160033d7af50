"""What a person does with runs: start, watch, pause, steer, switch. Every async method is a worker's work."""

import asyncio
from collections.abc import Iterable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from engine.errors import EngineError
from engine.state import State, Status
from engine.task import Language, ProjectType, Task
from memory.errors import MemoryStoreError
from miracle_tui.bridge import RunBridge
from miracle_tui.messages import RunsChanged
from miracle_tui.new_task import task_from
from miracle_tui.screens.desk import Desk, Front
from miracle_tui.screens.questions import Questions
from miracle_tui.screens.remembering import Remembering
from miracle_tui.trouble import trouble_of

if TYPE_CHECKING:
    from engine.events import Recorded
    from engine.summary import RunSummary
    from memory.hits import Entry
    from miracle_tui.engine_port import EnginePort
    from widgets.dialogs.new_task_dialog import NewTask

MAX_GOAL_FILE_BYTES = 2_000_000
FAREWELL_S = 2.0
"""How long leaving waits for a database that may be gone."""
OPEN = ("running", "waiting", "paused")
"""States of a run that is not over."""


class RunDesk(Desk):
    """Acts on runs through the engine."""

    def __init__(self, screen: Front, engine: "EnginePort") -> None:
        super().__init__(screen, engine)
        self.questions = Questions(self)
        self.remembering = Remembering(self, self.show)

    # Which run is shown

    def show(self, run_id: str) -> None:
        """Follow a run from its first event on."""
        self.run_id = run_id
        self.state = State()
        self.questions.forget()
        self.remembering.forget_run()
        self.screen.furniture.clear()
        self.set_held(True)
        self.screen.miracle.perform(self.see_who_works, "see who works on the run", group="held", exclusive=True)
        bridge = RunBridge(self.engine, self.screen.post_message)
        self.screen.miracle.perform(partial(bridge.follow, run_id), "follow the run", group="bridge", exclusive=True)
        self.screen.post_message(RunsChanged())

    def take_state(self, state: State, recorded: "Iterable[Recorded]") -> None:
        """The shown run went on: ask what it asks, say what a person must know."""
        before, self.state = self.state, state
        if before.run_id == state.run_id and before.told < state.told:
            who = f"The {state.session.role}" if state.session else "The agent"
            self.screen.notify(f"{who} has your message now.", timeout=4)
        self.questions.take_state(state)
        self.remembering.take_state(state)

    async def count_questions(self) -> None:
        """Show how many questions of other runs wait; ring when there are more than before."""
        waiting = [approval for approval in await self.engine.approvals() if approval.run_id != self.run_id]
        self.questions.show_waiting(len(waiting))

    async def choose_run(self) -> None:
        """Let the person choose a run from the list."""
        from widgets.dialogs.runs_dialog import RunsDialog

        runs = await self.engine.runs()
        here = [run.run_id for run in self._unfinished(runs)]
        chosen = await self.screen.app.push_screen_wait(RunsDialog(runs, self.run_id, unfinished=here))
        if chosen:
            self.show(chosen)

    async def step_run(self, by: int) -> None:
        """Show the next or the previous of this folder's runs that are not over."""
        runs = [run.run_id for run in reversed(self._unfinished(await self.engine.runs()))]
        others = [run_id for run_id in runs if run_id != self.run_id]
        if not others:
            self.screen.notify("No other run of this folder is open. r lists all.", timeout=4)
            return
        at = runs.index(self.run_id) if self.run_id in runs else -1
        self.show(runs[(at + by) % len(runs)])

    async def tell_interrupted(self) -> None:
        """Say which runs of this folder are not finished; they go on only when a person wants it."""
        self.screen.furniture.show_unfinished([run.title for run in self._unfinished(await self.engine.runs())])

    def _unfinished(self, runs: "list[RunSummary]") -> "list[RunSummary]":
        here = str(self.screen.miracle.services.launch.workspace)
        return [run for run in runs if run.workspace == here and run.status in OPEN]

    # Starting and steering

    async def submit(self, text: str) -> None:
        """A new goal; or a message, while the shown run is at work.

        Raises:
            EngineError: the goal or the message cannot be taken; the text is put back.
        """
        try:
            if self.is_open:
                await self.engine.steer(self.run_id, text)
                self.screen.notify("The next step takes your message along.", timeout=3)
            else:
                await self.start(await self._task(text))
        except Exception:
            self._put_back(text)
            raise

    async def start(self, task: Task) -> None:
        """Begin a run and show it.

        Raises:
            EngineError: the folder or the goal cannot be used.
        """
        only = self.screen.miracle.services.demo_task
        if only is not None and only.goal.strip() != task.goal.strip():
            raise EngineError(
                "The demo's scripted model knows only its own task",
                "Choose Set up in the palette (ctrl+p) to store an API key, "
                "or leave and start `miracle` with OPENAI_API_KEY set.",
            )
        run_id = await self.engine.start(task)
        self.screen.miracle.driven.add(run_id)
        self.show(run_id)

    async def new_task(self, like: "Entry | None" = None) -> None:
        """Open the form, filled from a solution of the history if one is given, and start what it describes."""
        from widgets.dialogs.error_dialog import ErrorDialog
        from widgets.dialogs.new_task_dialog import NewTaskDialog

        filled: NewTask | None = self._form_like(like) if like else self._empty_form()
        while (filled := await self.screen.app.push_screen_wait(NewTaskDialog(filled, self._foretell))) is not None:
            try:
                await self.start(self._task_of(filled))
            except Exception as exc:  # noqa: BLE001  said at once, with the form kept: nothing that was typed is lost
                trouble = trouble_of(exc, "start the run")
                await self.screen.app.push_screen_wait(ErrorDialog(trouble.title, trouble.hint))
            else:
                return

    async def _foretell(self, filled: "NewTask") -> str:
        """What runs like the one in the form took."""
        return await self.expected(self._task_of(replace(filled, goal=filled.goal or "?")))

    def _empty_form(self) -> "NewTask":
        from widgets.dialogs.new_task_dialog import NewTask

        settings = self.engine.config.settings
        return NewTask(
            goal=self.screen.furniture.goal.full_text if not self.is_open else "",
            workspace=str(self.screen.miracle.services.launch.workspace),
            budget_usd=settings.cost_control.max_budget_per_task,
            max_iterations=settings.orchestrator.max_iterations,
            approval_timeout_s=settings.agents.approval_timeout_s,
            questions=settings.agents.questions,
            review=settings.agents.review,
            audit=settings.agents.audit,
        )

    def _form_like(self, solution: "Entry") -> "NewTask":
        """A form that begins from a solution: its problem as the goal, and itself for the planner to see."""
        values, form = solution.values, self._empty_form()
        kind, language = str(values.get("problem_type", "")), str(values.get("language", ""))
        return replace(
            form,
            goal=str(values.get("description", "")).strip(),
            project_type=kind if kind in get_args(ProjectType) else form.project_type,
            language=language if language in get_args(Language) else form.language,
            patterns=(solution.hit.id,),
        )

    def _task_of(self, filled: "NewTask") -> Task:
        choices = {name: value for name, value in asdict(filled).items() if name not in ("goal", "workspace")}
        workspace = Path(filled.workspace).expanduser().absolute()
        return task_from(self.engine.config, goal=filled.goal, workspace=workspace, **choices)

    async def _task(self, text: str) -> Task:
        goal = await asyncio.to_thread(_read_goal, text) if text.startswith("@") else text
        return task_from(self.engine.config, goal=goal, workspace=self.screen.miracle.services.launch.workspace)

    def _put_back(self, text: str) -> None:
        if not self.screen.furniture.goal.full_text:
            self.screen.furniture.goal.set_full_text(text)

    # Pause, resume, cancel

    @property
    def wish(self) -> str:
        """What the key for it would do: `pause`, `resume`, or nothing."""
        if not self.is_open:
            return ""
        return "pause" if self.held and self.state.paused is None else "resume"

    async def pause_or_resume(self) -> None:
        """Pause a run that is at work, here or elsewhere; let any other go on."""
        if not self.run_id:
            self.screen.notify("There is no run yet: write a goal, or press r for the list.", timeout=4)
        elif self.state.outcome is not None:
            self.screen.notify("This run is over. P takes its result; n starts another.", timeout=4)
        elif self.state.paused is not None:
            await self.questions.resume()
        elif self.held:
            await self.engine.pause(self.run_id)
        else:
            await self.go_on()

    async def cancel(self) -> None:
        """End the run, after a question."""
        if self.is_open and await self.confirm(
            "End this run for good?", "Its branch and its history stay; it cannot go on."
        ):
            await self.engine.cancel(self.run_id)

    async def ask_again(self) -> None:
        """Open the one question of the shown run; with several, or none, the inbox of all runs."""
        from miracle_tui.screens.inbox_screen import InboxScreen

        waiting = self.state.pending_approvals if self.is_open else ()
        if len(waiting) == 1:
            await self.questions.ask(waiting[0])
        elif (chosen := await self.screen.app.push_screen_wait(InboxScreen(self, self.questions.asking))) is not None:
            self.show(chosen)

    async def promote(self) -> None:
        """Take the result of the shown run."""
        if self.state.status is Status.SUCCESS:
            await self.questions.offer_result()
        else:
            self.screen.notify("A result can be taken once the run is green.", timeout=4)

    async def undo_result(self) -> None:
        """Take back what of the shown run was taken."""
        from miracle_tui.screens.results import Results

        await Results(self).undo()

    async def farewell(self) -> str | None:
        """What a person should know who leaves now: which runs of this process can be gone on with, and how."""
        driven = self.screen.miracle.driven
        shown = {self.run_id} if self.is_open else set()
        try:
            async with asyncio.timeout(FAREWELL_S):
                left = {run.run_id for run in await self.engine.runs() if run.status in OPEN}
        except (TimeoutError, MemoryStoreError):
            left = shown
        lines = [
            f"The run is not finished and nothing is lost. It goes on with:\n  miracle resume {run_id}"
            for run_id in sorted(driven & (left | shown))
        ]
        return "\n".join(lines) or None


def _read_goal(text: str) -> str:
    path = Path(text[1:].strip()).expanduser()
    try:
        if not path.is_file():
            raise EngineError(f"There is no file {path}", "After @ comes the path of a text file that holds the goal.")
        if path.stat().st_size > MAX_GOAL_FILE_BYTES:
            raise EngineError(f"{path} is too long for a goal", "Name the file in a short goal instead.")
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise EngineError(
            f"The goal's file {path} cannot be read: {exc}", "Give the path of a text file after @."
        ) from exc
