"""The model calls of a run, read from its log: who asked what model, what came back, what it cost.

What each was told is `engine.moments.Folds.prompt` at the call's place: prompts are long, and one is read at a time.
"""

from bisect import bisect_right
from dataclasses import dataclass, replace
from datetime import datetime

from engine import events as e
from engine.agent_events import SectionSize
from engine.llm.protocol import Answer


@dataclass(frozen=True, slots=True)
class Call:
    """One model call."""

    seq: int
    """Place of its beginning in the log."""
    at: datetime
    call_id: str
    session_id: str
    role: str
    model: str
    phase_id: str = ""
    iteration: int = 0
    prompt_tokens: int = 0
    """What the request took, by estimate, its tools included; 0 when it was not noted."""
    budget_tokens: int = 0
    """What its messages may take; 0 when it was not noted."""
    sections: tuple[SectionSize, ...] = ()
    """What the conversation's first prompt is made of."""
    ended_seq: int = 0
    """Place of its end; 0 while it is under way, or when its executor died."""
    answer: Answer | None = None
    error: str = ""
    """Why there is no answer."""


class CallBook:
    """Collects the calls of one log that may grow."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        """In the order they began."""
        self._seqs: list[int] = []
        self._places: dict[str, int] = {}
        self._opened: dict[str, e.SessionOpened] = {}

    def add(self, recorded: e.Recorded) -> None:
        """One event more."""
        event = recorded.event
        if isinstance(event, e.SessionOpened):
            self._opened[event.session_id] = event
        elif isinstance(event, e.CallStarted):
            self._begin(recorded, event)
        elif isinstance(event, e.AnswerReceived):
            self._end(event.call_id, recorded.seq, answer=event.answer)
        elif isinstance(event, e.CallFailed):
            self._end(event.call_id, recorded.seq, error=event.detail or event.error)

    def _begin(self, recorded: e.Recorded, event: e.CallStarted) -> None:
        opened = self._opened.get(event.session_id)
        self._places[event.call_id] = len(self.calls)
        self._seqs.append(recorded.seq)
        self.calls.append(
            Call(
                seq=recorded.seq,
                at=recorded.at,
                call_id=event.call_id,
                session_id=event.session_id,
                role=opened.role if opened else "",
                model=event.model,
                phase_id=opened.phase_id if opened else "",
                iteration=opened.iteration if opened else 0,
                prompt_tokens=event.prompt_tokens,
                budget_tokens=event.budget_tokens,
                sections=opened.sections if opened else (),
            )
        )

    def _end(self, call_id: str, seq: int, *, answer: Answer | None = None, error: str = "") -> None:
        place = self._places.get(call_id)
        if place is not None:
            self.calls[place] = replace(self.calls[place], ended_seq=seq, answer=answer, error=error)

    def newest(self, seq: int) -> int:
        """Place of the newest call that began at or before a place in the log; -1 when none had."""
        return bisect_right(self._seqs, seq) - 1
