"""How long the fold of a log of 10,000 events takes, as agents write one. Run it with `make bench`."""

import gc
import time
from itertools import count

from engine import events as e
from engine.evolve import fold
from engine.llm.protocol import Answer, Message, ToolCall, Usage
from engine.run_log import recorded
from memory.records import StoredEvent
from sandbox.report import CaseResult, TestReport
from tests.bench.measuring import load_now, spread, verdict
from tests.unit.simulated_run import BEGAN, task

BOUND_S = 0.100
EVENTS = 10_000
TURNS = 20
CASES = 30
ROUNDS = 9


def iteration(number: int) -> list[e.Event]:
    """What one trip of a coder's leaves in the log: turns with a tool each, a checkpoint, a scan, a red test run."""
    session = f"s{number}"
    messages = tuple(Message(role=role, content="word " * 500) for role in ("system", "user"))
    found: list[e.Event] = [
        e.IterationStarted(phase_id="p1", number=number),
        e.SessionOpened(session_id=session, role="coder", phase_id="p1", iteration=number, messages=messages),
    ]
    for turn in range(TURNS):
        call = ToolCall(id=f"t{number}.{turn}", name="read_file", arguments='{"path": "a.py"}')
        used = Usage(input_tokens=9000, output_tokens=300)
        answer = Answer(model="m", text="word " * 50, tool_calls=(call,), usage=used, cost_usd=0.01)
        found += [
            e.CallStarted(session_id=session, call_id=f"c{number}.{turn}", model="m", reserved_usd=0.02),
            e.AnswerReceived(session_id=session, call_id=f"c{number}.{turn}", answer=answer),
            e.ToolFinished(session_id=session, tool_call_id=call.id, name="read_file", ok=True, output="line\n" * 400),
        ]
    cases = tuple(CaseResult(id=f"test_a.py::test_{n}", outcome="passed" if n else "failed") for n in range(CASES))
    report = TestReport(reason="failed", exit_code=1, backend="bench", cases=cases, collected=CASES, duration_s=1.0)
    return [
        *found,
        e.WorkSubmitted(session_id=session, summary="done"),
        e.Checkpointed(phase_id="p1", number=number, step="code", commit=f"k{number}"),
        e.ScanFinished(phase_id="p1", number=number, findings=()),
        e.TestsFinished(phase_id="p1", number=number, report=report),
    ]


def make_log() -> list[e.Recorded]:
    """A log of exactly so many events."""
    events: list[e.Event] = [e.RunStarted(task_id="t", task=task(max_iterations=10_000, budget_usd=1e6))]
    for number in count(1):
        if len(events) >= EVENTS:
            break
        events += iteration(number)
    return [e.Recorded(run_id="r", seq=n, at=BEGAN, event=event) for n, event in enumerate(events[:EVENTS], 1)]


def main() -> None:
    """Print the figures beside the bound."""
    log = make_log()
    stored = [StoredEvent("r", one.seq, one.at, str(one.seq), one.event.kind, e.to_body(one.event)) for one in log]
    took, worked, parsed = [], [], []
    for _ in range(ROUNDS):
        gc.collect()
        began, work = time.perf_counter(), time.thread_time()
        state = fold(log)
        took.append(time.perf_counter() - began)
        worked.append(time.thread_time() - work)
        assert state.seq == EVENTS
    for _ in range(3):
        began = time.perf_counter()
        assert len([recorded(one) for one in stored]) == EVENTS
        parsed.append(time.perf_counter() - began)
    print(f"fold of {EVENTS:,} events: {spread(took)}   ({load_now()})")
    print(f"  of its own thread:     {spread(worked)}")
    print(f"their reading from rows: {spread(parsed)}")
    print(verdict("fold, best of its rounds", min(took), BOUND_S))


if __name__ == "__main__":
    main()
