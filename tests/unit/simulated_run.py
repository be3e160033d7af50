"""Answers `decide`'s commands as an executor would, by choices that a test draws: a run without any machine."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from engine import commands as c
from engine import events as e
from engine.agents.registry import agent_for
from engine.decide import decide
from engine.evolve import evolve
from engine.hook_events import HooksPassed
from engine.integrity_events import Mutant, MutantsTried, RedFirst, TestLoss, TestOnBase, TestsCompared
from engine.llm.protocol import Answer, Message, ToolCall, Usage
from engine.phase_events import MergeConflict
from engine.state import State
from engine.task import Finding, Plan, ProjectFacts, Receipt, Spec, Subtask, Task
from memory.records import Recollection
from sandbox.report import CaseResult, ScanFinding, TestReport

Choose = Callable[[int], int]
"""Given n, a number in [0, n)."""

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def task(**changes: object) -> Task:
    """A task with small limits."""
    values: dict[str, object] = {
        "goal": "count words",
        "workspace": "somewhere",
        "budget_usd": 1.0,
        "max_iterations": 4,
        "warn_iteration": 3,
        "max_turns": 6,
        "models": {"coder": ("a", "b")},
    }
    return Task.model_validate(values | changes)


class SimulatedRun:
    """A log that grows by one answered command at a time."""

    def __init__(self, given: Task, choose: Choose, beside: tuple[str, ...] = ()) -> None:
        """A run of two phases, with others beside the second."""
        self.choose = choose
        self.beside = beside
        self.log: list[e.Recorded] = []
        self.state = State()
        self.asked: list[c.Command] = []
        self.append(e.RunStarted(task_id="t", task=given))

    def append(self, *events: e.Event) -> None:
        """Record events and fold them."""
        for event in events:
            seq = len(self.log) + 1
            one = e.Recorded(run_id="r", seq=seq, at=BEGAN + timedelta(seconds=seq), event=event)
            self.log.append(one)
            self.state = evolve(self.state, one)

    def step(self) -> c.Command | None:
        """Carry the next command out; with none, a person answers or resumes. None once the run is over."""
        commands = decide(self.state)
        if commands:
            # Records come first; what is left to do in several phases may be done in any order.
            records = [one for one in commands if isinstance(one, c.Record)]
            command = records[0] if records else commands[self.choose(len(commands)) if len(commands) > 1 else 0]
            self.asked.append(command)
            self.append(*self.answer(command))
            return command
        if self.state.outcome is None:
            self.append(self.person())
        return None

    def person(self) -> e.Event:
        """What a person does with a run that stands still."""
        if self.state.paused:
            return (e.RunResumed(add_budget_usd=1.0), e.RunCancelled())[self.choose(8) == 0]
        waiting = self.state.pending_approvals[0].request
        decision: e.Decision = ("once", "run", "deny")[self.choose(3)]
        return e.ApprovalAnswered(approval_id=waiting.approval_id, decision=decision, answers=("yes",))

    def answer(self, command: c.Command) -> tuple[e.Event, ...]:
        """What an executor would append for a command."""
        match command:
            case c.Record():
                return (command.event,)
            case c.PrepareWorkspace():
                facts = ProjectFacts()
                return (e.WorkspacePrepared(worktree="w", repository="g", branch="b", base_commit="0", facts=facts),)
            case c.OpenPhase(phase_id):
                opened = {"worktree": f"w-{phase_id}", "branch": f"b-{phase_id}", "base_commit": self.state.tip}
                return (e.PhaseOpened(phase_id=phase_id, **opened),)
            case c.MergeTier(tier):
                return (self._merged(tier),)
            case c.OpenSession():
                visit = self.state.visit(command.role, command.phase_id) + 1
                return (
                    e.SessionOpened(
                        session_id=f"s{len(self.log)}",
                        role=command.role,
                        phase_id=command.phase_id,
                        iteration=command.iteration,
                        visit=visit,
                        messages=(Message(role="system", content=command.role),),
                    ),
                )
            case c.CallModel():
                return self._call(command)
            case c.RunTool():
                return (self._tool(command),)
            case c.RunHooks(phase_id, moment, number):
                return (HooksPassed(phase_id=phase_id, moment=moment, number=number),)
            case c.AcceptSubmission():
                return (self._submission(command),)
            case _:
                return self._judged(command)

    def _call(self, command: c.CallModel) -> tuple[e.Event, ...]:
        session = self.state.session_by(command.session_id)
        assert session is not None
        call_id = f"c{len(self.log)}"
        started = e.CallStarted(session_id=command.session_id, call_id=call_id, model="a")
        if self.choose(10) == 0:
            failed = e.CallFailed(session_id=session.id, call_id=call_id, model="a", error="StreamCut", detail="cut")
            return (started, failed)
        submit = agent_for(session.role).submit
        calls = (
            (),
            (ToolCall(id=f"t{len(self.log)}", name="read_file", arguments="{}"),),
            (ToolCall(id=f"t{len(self.log)}", name=submit, arguments="{}"),),
        )[min(self.choose(5), 2)]
        usage = Usage(input_tokens=10, output_tokens=5)
        answer = Answer(model="a", tool_calls=calls, usage=usage, cost_usd=0.01)
        return (started, e.AnswerReceived(session_id=session.id, call_id=call_id, answer=answer))

    def _tool(self, command: c.RunTool) -> e.Event:
        session = self.state.session_by(command.session_id)
        assert session is not None
        asked = self.state.answer_to("command", session_id=session.id, tool_call_id=command.call.id)
        if self.choose(6) == 0 and asked is None:
            return e.ApprovalRequested(
                approval_id=f"r.{len(self.state.approvals) + 1}",
                topic="command",
                subject="rm",
                title="rm?",
                session_id=session.id,
                tool_call_id=command.call.id,
            )
        return e.ToolFinished(
            session_id=session.id, tool_call_id=command.call.id, name=command.call.name, ok=True, output="ok"
        )

    def _submission(self, command: c.AcceptSubmission) -> e.Event:
        session = self.state.session_by(command.session_id)
        assert session is not None
        if self.choose(6) == 0:
            return e.ToolFinished(
                session_id=session.id, tool_call_id=command.call.id, name="x", ok=False, output="bad", strike=True
            )
        severity = ("info", "critical")[self.choose(4) == 0]
        findings = (Finding.model_validate({"severity": severity, "title": "f"}),)
        subtasks = (
            Subtask(id="p1", title="one", description=""),
            Subtask(id="p2", title="two", description="", depends_on=("p1",)),
            *(Subtask(id=name, title=name, description="", depends_on=("p1",)) for name in self.beside),
        )
        stuck = Subtask(id=session.phase_id or "p1", title="another way", description="")
        results: dict[str, e.Event] = {
            "replanner": e.PhaseReplanned(session_id=session.id, phase_id=stuck.id, subtask=stuck),
            "reprompter": e.SpecSubmitted(session_id=session.id, spec=Spec(title="t", summary="s")),
            "planner": e.PlanSubmitted(session_id=session.id, plan=Plan(subtasks=subtasks)),
            "coder": e.WorkSubmitted(session_id=session.id, summary="done"),
            "tester": e.TestsSubmitted(session_id=session.id, files=(f"tests/test_{session.phase_id}.py",)),
            "reviewer": e.ReviewSubmitted(session_id=session.id, verdict="approve", findings=findings),
            "auditor": e.AuditSubmitted(session_id=session.id, verdict="approve", findings=findings),
            "reflector": e.ReflectionSubmitted(
                session_id=session.id, cause="c", hypothesis="h", fault=("code", "tests")[self.choose(2)]
            ),
        }
        return results[session.role]

    def _judged(self, command: c.Command) -> tuple[e.Event, ...]:
        match command:
            case c.TakeCheckpoint(phase_id, number, step):
                return (e.Checkpointed(phase_id=phase_id, number=number, step=step, commit=f"k{len(self.log)}"),)
            case c.Scan(phase_id, number, step):
                return (e.ScanFinished(phase_id=phase_id, number=number, step=step, findings=self._findings()),)
            case c.RunTests(phase_id, number):
                return (e.TestsFinished(phase_id=phase_id, number=number, report=self.report()),)
            case c.Recall(phase_id, number):
                item = Recollection(memory_id="m", similarity=0.5, title="E")
                return (e.Recalled(phase_id=phase_id, number=number, items=(item,)),)
            case c.CompareTests(phase_id, number):
                lost = (TestLoss(kind="removed", path="t", test=f"t::{self.choose(2)}"),) if self.choose(4) == 0 else ()
                compared = {"phase_id": phase_id, "number": number, "base": "0", "commit": f"k{len(self.log)}"}
                return (TestsCompared.model_validate(compared | {"losses": lost}),)
            case c.TryOnBase(phase_id, number):
                verdict = ("red", "passes")[self.choose(4) == 0]
                result = TestOnBase.model_validate({"test": "t::a", "verdict": verdict})
                return (RedFirst(phase_id=phase_id, number=number, base="0", tests_hash="h", results=(result,)),)
            case c.TryMutants(phase_id, number):
                mutant = Mutant(path="a.py", line=1, before="<", after="<=")
                caught = self.choose(2)
                tried = {"tried": 1, "caught": caught, "survivors": () if caught else (mutant,)}
                return (MutantsTried(phase_id=phase_id, number=number, commit="k", **tried),)
            case c.Prove(phase_id, number):
                report = self.report()
                receipt = _receipt() if report.green else None
                return (e.ProofFinished(phase_id=phase_id, number=number, report=report, receipt=receipt),)
            case _:
                raise AssertionError(command)

    def _merged(self, tier: int) -> e.Event:
        """All phases of the tier, or all but the last, which another was in the way of."""
        phases = [phase.id for phase in self.state.phases if phase.tier == tier and phase.apart]
        left = phases[-1:] if self.choose(3) == 0 and len(phases) > 1 else []
        conflicts = tuple(MergeConflict(phase_id=phase_id, paths=("a.py",)) for phase_id in left)
        merged = tuple(phase_id for phase_id in phases if phase_id not in left)
        return e.TierMerged(tier=tier, commit=f"k{len(self.log)}", merged=merged, conflicts=conflicts)

    def _findings(self) -> tuple[ScanFinding, ...]:
        verdict = ("warning", "warning", "approval_required", "blocked")[self.choose(4)]
        return (
            ScanFinding.model_validate(
                {"rule": "r", "verdict": verdict, "severity": "x", "path": "p", "line": 1, "message": ""}
            ),
        )

    def report(self) -> TestReport:
        """A test run: green, red, or lost."""
        reason, outcome = (("ok", "passed"), ("failed", "failed"), ("backend_lost", "passed"))[self.choose(3)]
        case = CaseResult.model_validate({"id": "t::a", "outcome": outcome})
        return TestReport.model_validate(
            {"reason": reason, "exit_code": 0, "backend": "sim", "cases": (case,), "collected": 1}
        )


def _receipt() -> Receipt:
    return Receipt(commit="k", tree="t", backend="sim", tests=("t::a",), passed=1, skipped=0, output_sha256="0")
