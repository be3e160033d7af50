"""A recorded run with prompts worth reading, and another that is a fork of it."""

from engine import events as e
from engine.agent_events import SectionSize
from engine.llm.protocol import Answer, Message, ToolCall, Usage
from tests.ui import recorded_run
from tests.ui.recorded_run import RUN
from tests.ui.scripted_engine import ScriptedEngine

FORK = "r7k2m4-fork"
SYSTEM = "You write code. You work in a git worktree and change files by calling functions.\nKeep to the plan."
PROMPT = """\
## Spec
Roman numerals, both ways
A small library.

## Phase
Numbers to numerals: to_roman(n)

## Hypothesis
With CM, CD, XC, XL, IX and IV in the table the greedy loop is right as it is. [/b] \x1b[2J"""
ARGUMENTS = '{"path": "roman.py", "old": "PAIRS = ((1000, \\"M\\"),)", "new": "PAIRS = (\\n    (1000, \\"M\\"),\\n)"}'


def conversation() -> list[e.Event]:
    """The coder's second conversation in two calls, in place of the recorded one."""
    edit = ToolCall(id="tc0", name="edit_file", arguments=ARGUMENTS)
    return [
        e.SessionOpened(
            session_id="s6",
            role="coder",
            phase_id="encode",
            iteration=2,
            messages=(Message(role="system", content=SYSTEM), Message(role="user", content=PROMPT)),
            sections=(
                SectionSize(name="rules", tokens=24),
                SectionSize(name="spec", tokens=40),
                SectionSize(name="files", tokens=900, cut=True),
            ),
        ),
        e.CallStarted(session_id="s6", call_id="s6-a", model="scripted", prompt_tokens=1100, budget_tokens=90_000),
        e.AnswerReceived(
            session_id="s6",
            call_id="s6-a",
            answer=Answer(
                model="scripted",
                text="The table needs the subtractive pairs.",
                tool_calls=(edit,),
                usage=Usage(input_tokens=1180, output_tokens=140),
                cost_usd=0.0123,
                finish_reason="tool_calls",
                duration_s=3.2,
            ),
        ),
        e.ToolFinished(
            session_id="s6", tool_call_id="tc0", name="edit_file", target="roman.py", ok=True, output="1 place changed"
        ),
        e.CallStarted(session_id="s6", call_id="s6-b", model="scripted", prompt_tokens=1300, budget_tokens=90_000),
        e.AnswerReceived(
            session_id="s6",
            call_id="s6-b",
            answer=Answer(
                model="scripted", text="Done.", usage=Usage(input_tokens=1320, output_tokens=30), cost_usd=0.0147
            ),
        ),
    ]


def story() -> list[e.Event]:
    """The whole recorded run, with that conversation in it."""
    told: list[e.Event] = []
    for event in recorded_run.until_success():
        if getattr(event, "session_id", "") == "s6" and isinstance(
            event, e.SessionOpened | e.CallStarted | e.AnswerReceived
        ):
            if isinstance(event, e.SessionOpened):
                told += conversation()
            continue
        told.append(event)
    return told


def place_of(kind: type, events: list[e.Event], number: int = 1) -> int:
    """The place in the log of the n-th event of a kind."""
    return [seq for seq, event in enumerate(events, 1) if isinstance(event, kind)][number - 1]


def engine_with_story(*, fork: bool = False) -> ScriptedEngine:
    """An engine that holds the run, and perhaps its fork."""
    engine = ScriptedEngine()
    events = story()
    engine.tell(RUN, *events)
    if fork:
        begin = place_of(e.ReflectionSubmitted, events)
        engine.tell(FORK, *events[:begin])
        engine.tell(
            FORK, e.Forked(source_run_id=RUN, source_seq=begin, task_id="t2", hypothesis="Peel from the right.")
        )
        engine.tell(
            FORK,
            e.IterationStarted(phase_id="encode", number=2, hypothesis="Peel from the right."),
            e.TestsFinished(phase_id="encode", number=2, report=recorded_run.report(failing=1, passing=6)),
        )
        engine.code_diff = recorded_run.FIXED
    return engine
