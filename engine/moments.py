"""A run as a film: the moments worth stopping at, and what was so at each of them.

Everything here is a view of the log. A moment is an event with a title; what was so at it is the fold of the log up to
it. `Folds` keeps some of those states, so that any of them is a few folds away, in a log that may still grow.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine import events as e
from engine.context.fit import sent
from engine.evolve import evolve
from engine.llm.protocol import Answer, Message
from engine.moment_titles import MomentKind, short, told
from engine.state import Iteration, Phase, State
from engine.task import FileChange, Plan
from memory.records import Recollection
from sandbox.report import TestReport

EVERY = 8
"""Events between two states that are kept."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in a run's life.

    Attributes:
        seq: the event; the state after it is the moment's.
        at: when it happened.
        kind: what kind of moment it is.
        phase_id: the phase it belongs to; empty for the run's own.
        iteration: the iteration it belongs to; 0 before the first.
        title: one short line without anything that a terminal would act upon; markup is not escaped.
        good: whether it went well, where that is a question.
    """

    seq: int
    at: datetime
    kind: MomentKind
    phase_id: str
    iteration: int
    title: str
    good: bool | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model was told by one call.

    Attributes:
        seq: the event that began the call.
        messages: the conversation that the call carried, as the server got it.
        answer: what came back, as far as it had by the moment that was asked for.
    """

    seq: int
    call_id: str
    session_id: str
    role: str
    model: str
    phase_id: str
    iteration: int
    messages: tuple[Message, ...]
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was so at one moment.

    Attributes:
        state: everything, as the fold tells it.
        iteration: the newest iteration of the run, or of the phase that was asked for.
        diff: of the newest checkpoint; `files` are its changes.
        report: of the newest test run.
        reflection: the newest; `recalled` is what memory offered for it.
        prompt: the last call before the moment.
        cost_usd: spent so far.
        tokens: used so far.
        elapsed_s: seconds since the run began.
    """

    state: State
    iteration: Iteration | None
    plan: Plan | None
    phases: tuple[Phase, ...]
    files: tuple[FileChange, ...]
    diff: str
    report: TestReport | None
    reflection: e.ReflectionSubmitted | None
    recalled: tuple[Recollection, ...]
    prompt: Prompt | None
    cost_usd: float
    tokens: int
    elapsed_s: float

    @property
    def seq(self) -> int:
        """The event that the moment comes after."""
        return self.state.seq


def moments(log: Sequence[e.Recorded]) -> tuple[Moment, ...]:
    """The points of a run that are worth stopping at, in order."""
    return Timeline(log).moments


def snapshot(log: Sequence[e.Recorded], at: int, phase_id: str = "") -> Snapshot:
    """What was so right after event `at`.

    Args:
        log: the whole log, from its first event.
        at: the event; one beyond the end stands for the end.
        phase_id: show this phase's work; the newest work of all by default.
    """
    return Folds(log).snapshot(at, phase_id)


def seq_of_iteration(log: Sequence[e.Recorded], number: int, *, end: bool = False) -> int | None:
    """The event that began an iteration, or the last one that belongs to it; None when there is no such iteration."""
    mine = [moment for moment in moments(log) if moment.iteration == number]
    begun = next((moment.seq for moment in mine if moment.kind == "iteration"), None)
    return mine[-1].seq if end and begun is not None else begun


class Timeline:
    """The moments of a log that may grow."""

    def __init__(self, log: Iterable[e.Recorded] = ()) -> None:
        self._moments: list[Moment] = []
        self._places: dict[str, tuple[str, int]] = {}
        self._roles: dict[str, str] = {}
        self._newest: dict[str, int] = {}
        self._last = ("", 0)
        for recorded in log:
            self.add(recorded)

    @property
    def moments(self) -> tuple[Moment, ...]:
        """All so far."""
        return tuple(self._moments)

    def add(self, recorded: e.Recorded) -> Moment | None:
        """One event more; the moment it is, if it is one."""
        event = recorded.event
        if isinstance(event, e.IterationStarted):
            self._newest[event.phase_id] = event.number
            self._last = (event.phase_id, event.number)
        if isinstance(event, e.SessionOpened):
            self._places[event.session_id] = (event.phase_id, event.iteration)
            self._roles[event.session_id] = event.role
        role = self._roles.get(getattr(event, "session_id", ""), "")
        found = told(event, role)
        if found is None:
            return None
        kind, title, good = found
        phase_id, iteration = self._place(event)
        moment = Moment(recorded.seq, recorded.at, kind, phase_id, iteration, short(title), good)
        self._moments.append(moment)
        return moment

    def _place(self, event: e.Event) -> tuple[str, int]:
        """The phase and the iteration that an event belongs to."""
        session_id = getattr(event, "session_id", "")
        if session_id in self._places:
            phase_id, iteration = self._places[session_id]
            return phase_id, iteration or (self._last[1] if not phase_id else self._newest.get(phase_id, 0))
        phase_id = getattr(event, "phase_id", "")
        if phase_id:
            return phase_id, getattr(event, "number", 0) or self._newest.get(phase_id, 0)
        return "", self._last[1]


class Folds:
    """The states of a log at any event, each a few folds from one that is kept.

    Args:
        log: the run's events from the first on, without a gap.
        every: events between two states that are kept.
    """

    def __init__(self, log: Iterable[e.Recorded] = (), *, every: int = EVERY) -> None:
        self._every = max(every, 1)
        self._log: list[e.Recorded] = []
        self._kept: list[State] = [State()]
        self._calls: list[int] = []
        self._phases: dict[str, str] = {}
        self._answers: dict[str, tuple[int, Answer]] = {}
        self.add(*log)

    def add(self, *recorded: e.Recorded) -> None:
        """Events that follow; those that are known already change nothing. Nothing is folded yet."""
        for one in recorded:
            if one.seq <= len(self._log):
                continue
            self._log.append(one)
            if isinstance(one.event, e.SessionOpened):
                self._phases[one.event.session_id] = one.event.phase_id
            elif isinstance(one.event, e.CallStarted):
                self._calls.append(one.seq)
            elif isinstance(one.event, e.AnswerReceived):
                self._answers[one.event.call_id] = (one.seq, one.event.answer)

    @property
    def end(self) -> int:
        """The last event."""
        return len(self._log)

    @property
    def log(self) -> Sequence[e.Recorded]:
        """All events so far."""
        return self._log

    @property
    def calls(self) -> tuple[int, ...]:
        """The events that began a model call; `prompt` of each is what that call carried."""
        return tuple(self._calls)

    def state(self, at: int) -> State:
        """The state right after event `at`; one beyond the end stands for the end, below 1 for nothing at all."""
        at = min(max(at, 0), len(self._log))
        place = min(at // self._every, len(self._kept) - 1)
        state = self._kept[place]
        for recorded in self._log[place * self._every : at]:
            state = evolve(state, recorded)
            if recorded.seq == len(self._kept) * self._every:
                self._kept.append(state)
        return state

    def prompt(self, at: int, phase_id: str = "") -> Prompt | None:
        """What the last call that began at or before `at` carried; of one phase, or of all."""
        for seq in reversed(self._calls):
            if seq > at:
                continue
            started = self._log[seq - 1].event
            assert isinstance(started, e.CallStarted)
            if phase_id and self._phases.get(started.session_id) != phase_id:
                continue
            state = self.state(seq)
            session = state.session_by(started.session_id)
            if session is None:
                continue
            came, answer = self._answers.get(started.call_id, (0, None))
            return Prompt(
                seq=seq,
                call_id=started.call_id,
                session_id=session.id,
                role=session.role,
                model=started.model,
                phase_id=session.phase_id,
                iteration=session.iteration,
                messages=sent(state, session),
                answer=answer if came <= at else None,
            )
        return None

    def snapshot(self, at: int, phase_id: str = "") -> Snapshot:
        """What was so right after event `at`, of one phase or of the newest work."""
        state = self.state(at)
        mine = state.iterations_of(phase_id) if phase_id else state.iterations
        newest_first = mine[::-1]
        committed = next((one for one in newest_first if one.commit), None)
        reflected = next((one for one in newest_first if one.reflection), None)
        spent = state.updated_at - state.started_at if state.updated_at and state.started_at else None
        return Snapshot(
            state=state,
            iteration=newest_first[0] if newest_first else None,
            plan=state.plan,
            phases=state.phases,
            files=committed.files if committed else (),
            diff=committed.diff if committed else "",
            report=next((one.report for one in newest_first if one.report), None),
            reflection=reflected.reflection if reflected else None,
            recalled=next((one.recalled for one in newest_first if one.recalled is not None), ()) or (),
            prompt=self.prompt(state.seq, phase_id),
            cost_usd=state.spend.usd,
            tokens=state.spend.tokens,
            elapsed_s=spent.total_seconds() if spent else 0.0,
        )
