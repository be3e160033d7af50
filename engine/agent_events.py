"""What happens within an agent's conversation: prompts, calls, answers, tool results, submissions."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.llm.protocol import Answer, Message
from engine.task import Finding, Plan, Spec
from memory.records import Recollection


class EventBody(BaseModel):
    """The base of all events; fields that a newer Miracle wrote are kept."""

    model_config = ConfigDict(frozen=True, extra="allow")
    v: int = 1


class SectionSize(BaseModel):
    """What one section of a prompt takes; `rules` is the system prompt."""

    model_config = ConfigDict(frozen=True)
    name: str
    tokens: int
    """By estimate."""
    cut: bool = False
    """Whether something of it was left out."""
    characters: int = 0
    """Its length with its title: the sections stand in this order in the first message of the user role."""


class SessionOpened(EventBody):
    """An agent begins; `messages` is the whole prompt it begins with."""

    kind: Literal["session_opened"] = "session_opened"
    session_id: str
    role: str
    phase_id: str = ""
    iteration: int = 0
    visit: int = 1
    messages: tuple[Message, ...]
    steers: int | None = None
    """How many of the person's messages the prompt carries; None means all."""
    sections: tuple[SectionSize, ...] = ()
    """What the prompt is made of."""
    shown: tuple[Recollection, ...] = ()
    """Patterns that the prompt shows; a reflector's failures are in `Recalled`."""
    asked_usd: float = 0.0
    """What the embeddings endpoint was paid for finding them."""


class CallStarted(EventBody):
    """A model call is about to be made; its worst case is reserved."""

    kind: Literal["call_started"] = "call_started"
    session_id: str
    call_id: str
    model: str
    reserved_usd: float | None = None
    reserved_tokens: int = 0
    steers: int | None = None
    """How many messages of the person this call adds to the conversation; None means all that it lacks."""
    prompt_tokens: int = 0
    """What the request takes by estimate, its tools included."""
    budget_tokens: int = 0
    """What its messages may take; 0, from an older Miracle, when it was not noted."""
    window_tokens: int = 0
    """What the model may read and answer with in one call; 0 when it was not noted."""


class AnswerReceived(EventBody):
    """A paid answer, appended before anything parses it."""

    kind: Literal["answer_received"] = "answer_received"
    session_id: str
    call_id: str
    answer: Answer
    cut: int = Field(default=0, ge=0, le=1000)
    """Attempts before it whose answer broke off; each may have been charged for."""


class CallFailed(EventBody):
    """A model call failed for good; the next model in the sequence is tried, if there is one."""

    kind: Literal["call_failed"] = "call_failed"
    session_id: str
    call_id: str
    model: str
    error: str
    detail: str
    hint: str = ""
    fatal: bool = False
    """True when another model would not help: the key is wrong, the account is empty."""
    cut: int = Field(default=0, ge=0, le=1000)
    """Attempts whose answer broke off; each may have been charged for."""


class AnswerRejected(EventBody):
    """An answer that calls nothing; the reason goes back to the model."""

    kind: Literal["answer_rejected"] = "answer_rejected"
    session_id: str
    call_id: str
    reason: str


class ToolFinished(EventBody):
    """A tool call's result; `strike` when the call itself was malformed."""

    kind: Literal["tool_finished"] = "tool_finished"
    session_id: str
    tool_call_id: str
    name: str
    target: str = ""
    """What it was about, for the screen: a path, a command."""
    ok: bool
    output: str
    strike: bool = False
    duration_s: float = 0.0


class SpecSubmitted(EventBody):
    """The reprompter's result."""

    kind: Literal["spec_submitted"] = "spec_submitted"
    session_id: str
    spec: Spec


class PlanSubmitted(EventBody):
    """The planner's result."""

    kind: Literal["plan_submitted"] = "plan_submitted"
    session_id: str
    plan: Plan
    used_memories: tuple[str, ...] = ()
    """Ids of the shown patterns that the planner says it used."""


class WorkSubmitted(EventBody):
    """The coder's result."""

    kind: Literal["work_submitted"] = "work_submitted"
    session_id: str
    summary: str


class TestsSubmitted(EventBody):
    """The tester's result; the files are read-only for the coder from here on."""

    __test__ = False

    kind: Literal["tests_submitted"] = "tests_submitted"
    session_id: str
    files: tuple[str, ...]
    summary: str = ""


class ReviewSubmitted(EventBody):
    """The reviewer's result."""

    kind: Literal["review_submitted"] = "review_submitted"
    session_id: str
    verdict: Literal["approve", "revise"]
    findings: tuple[Finding, ...] = ()


class AuditSubmitted(EventBody):
    """The auditor's result."""

    kind: Literal["audit_submitted"] = "audit_submitted"
    session_id: str
    verdict: Literal["approve", "revise"]
    findings: tuple[Finding, ...] = ()


class ReflectionSubmitted(EventBody):
    """The reflector's result: the hypothesis leads the next iteration."""

    kind: Literal["reflection_submitted"] = "reflection_submitted"
    session_id: str
    cause: str
    hypothesis: str
    fault: Literal["code", "tests"] = "code"
    used_memories: tuple[str, ...] = ()
