"""What a person can do to a run, and what a run does when something around it fails: real engine, sandbox, database."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from config.config import Config
from engine import events as e
from engine.bus import Delta, OutputText, TestSeen
from engine.engine import Engine
from engine.errors import CommandRefused, WorkspaceError
from engine.scripted.faults import Fault, FaultKind
from engine.state import State, Status
from engine.task import MAX_GOAL_CHARACTERS, Plan
from memory.hits import Filters
from tests.engine_fixtures import config, engine_config, folder, processes_in, scripted_engine, task_of
from tests.tiny_script import tiny_script

__all__ = ["config", "folder"]

pytestmark = pytest.mark.bubblewrap

SLOW_TESTS = "import time\n\n\ndef test_slow() -> None:\n    print('begun', flush=True)\n    time.sleep(60)\n"


async def seen(engine: Engine, run_id: str, wanted: Callable[[object], bool], within_s: float = 60) -> object:
    """The first recorded event or live item that is wanted."""
    async with asyncio.timeout(within_s):
        async for item in engine.watch(run_id):
            if wanted(item.event if isinstance(item, e.Recorded) else item):
                return item
    raise AssertionError("the feed ended")


def kind(name: str) -> Callable[[object], bool]:
    return lambda item: getattr(item, "kind", "") == name


async def finished(engine: Engine, run_id: str) -> State:
    async with asyncio.timeout(90):
        return await engine.settled(run_id)


async def test_a_plan_waits_for_a_person_who_edits_and_approves_it(config: Config, folder: Path) -> None:
    async with scripted_engine(config, tiny_script()) as (engine, _):
        run_id = await engine.start(task_of(tiny_script(), folder, approve="ask"))
        state = await finished(engine, run_id)
        assert state.status == Status.WAITING
        (asked,) = await engine.approvals()
        assert (asked.run_id, asked.topic) == (run_id, "plan")
        assert state.plan is not None
        changed = state.plan.subtasks[0].model_copy(update={"title": "Doubling, by hand"})
        await engine.edit_plan(run_id, Plan(summary="edited", subtasks=(changed,)))
        await engine.answer(run_id, asked.approval_id, "once")
        await seen(engine, run_id, kind("run_finished"))
        state = await engine.state(run_id)
        assert state.outcome == "success"
        assert state.phases[0].subtask.title == "Doubling, by hand"
        assert await engine.approvals() == []
        with pytest.raises(CommandRefused, match="over"):
            await engine.answer(run_id, asked.approval_id, "once")


async def test_a_denied_plan_comes_back_with_the_reason_in_the_next_prompt(config: Config, folder: Path) -> None:
    async with scripted_engine(config, tiny_script()) as (engine, _):
        run_id = await engine.start(task_of(tiny_script(), folder, approve="ask"))
        state = await finished(engine, run_id)
        await engine.answer(run_id, state.pending_approvals[0].request.approval_id, "deny", reason="two phases, please")
        await seen(engine, run_id, lambda item: isinstance(item, e.ApprovalRequested) and item.subject == "plan 2")
        opened = [one.event for one in await engine.log(run_id) if isinstance(one.event, e.SessionOpened)]
        assert "two phases, please" in opened[-1].messages[1].content


async def test_a_pause_keeps_the_paid_answer_in_flight_and_a_resume_asks_nothing_twice(
    config: Config, folder: Path
) -> None:
    async with scripted_engine(config, tiny_script(), words_per_second=8) as (engine, server):
        run_id = await engine.start(task_of(tiny_script(), folder))
        await seen(engine, run_id, lambda item: isinstance(item, Delta))
        await engine.pause(run_id)
        assert (await engine.state(run_id)).status == Status.PAUSED
        await seen(engine, run_id, kind("answer_received"))
        await asyncio.sleep(0.5)
        state = await engine.state(run_id)
        assert state.status == Status.PAUSED
        assert state.spec is None, "the answer is kept, and nothing is begun with it"
        calls = len(server.requests)
        await engine.resume(run_id)
        await seen(engine, run_id, kind("spec_submitted"))
        assert state.spend.calls == calls == 1
        await engine.cancel(run_id)


async def test_a_run_that_is_cancelled_while_a_pause_waits_for_its_answer_ends_at_once(
    config: Config, folder: Path
) -> None:
    async with scripted_engine(config, tiny_script(), words_per_second=1) as (engine, _):
        run_id = await engine.start(task_of(tiny_script(), folder))
        await seen(engine, run_id, lambda item: isinstance(item, Delta))
        await engine.pause(run_id)
        await engine.cancel(run_id)
        began = time.monotonic()
        assert (await finished(engine, run_id)).outcome == "cancelled"
        assert time.monotonic() - began < 5
        with pytest.raises(CommandRefused, match="over"):
            await engine.resume(run_id)


async def test_a_pause_stops_a_test_run_at_once_and_frees_the_sandbox(config: Config, folder: Path) -> None:
    script = tiny_script(tests=SLOW_TESTS)
    async with scripted_engine(config, script) as (engine, _):
        run_id = await engine.start(task_of(script, folder))
        await seen(engine, run_id, lambda item: isinstance(item, TestSeen) and item.event.kind == "started")
        assert processes_in(run_id), "nothing to stop"
        began = time.monotonic()
        await engine.pause(run_id)
        while processes_in(run_id):
            assert time.monotonic() - began < 5, "the sandbox survives the pause"
            await asyncio.sleep(0.05)
        state = await engine.state(run_id)
        assert state.status == Status.PAUSED
        assert state.iteration is not None
        assert state.iteration.report is None
        await engine.resume(run_id)
        await seen(engine, run_id, lambda item: isinstance(item, TestSeen) and item.event.kind == "started")
        await engine.cancel(run_id)
        assert (await finished(engine, run_id)).outcome == "cancelled"
        while processes_in(run_id):
            assert time.monotonic() - began < 15, "the sandbox survives the cancelled run"
            await asyncio.sleep(0.05)


async def test_an_engine_that_ends_in_the_middle_leaves_a_run_that_another_takes_up(
    config: Config, folder: Path
) -> None:
    script = tiny_script(wrong_first=True)
    async with scripted_engine(config, script) as (engine, server):
        run_id = await engine.start(task_of(script, folder))
        await seen(engine, run_id, kind("tests_finished"))
        first = len(server.requests)
    async with scripted_engine(config, script) as (engine, server):
        engine.drive(run_id)
        state = await finished(engine, run_id)
        assert state.outcome == "success"
        assert first + len(server.requests) <= state.spend.calls + 1, "at most the call in flight is made again"
        log = await engine.log(run_id)
        assert [one.seq for one in log] == list(range(1, len(log) + 1))


async def test_two_engines_cannot_work_on_one_run(config: Config, folder: Path) -> None:
    script = tiny_script()
    async with scripted_engine(config, script, words_per_second=20) as (engine, _):
        run_id = await engine.start(task_of(script, folder))
        await seen(engine, run_id, kind("workspace_prepared"))
        async with scripted_engine(config, script) as (other, server):
            other.drive(run_id)
            with pytest.raises(Exception, match=r"held|another"):
                await finished(other, run_id)
            assert server.requests == []
        assert (await finished(engine, run_id)).outcome == "success"


async def test_a_message_to_the_agent_is_in_the_next_prompt(config: Config, folder: Path) -> None:
    script = tiny_script()
    async with scripted_engine(config, script) as (engine, server):
        run_id = await engine.start(task_of(script, folder, approve="ask"))
        state = await finished(engine, run_id)
        await engine.steer(run_id, "use type hints, please")
        await engine.answer(run_id, state.pending_approvals[0].request.approval_id, "once")
        await seen(engine, run_id, kind("run_finished"))
        bodies = [request.body.decode() for request in server.requests]
        assert sum("use type hints, please" in body for body in bodies) >= 1
        assert (await engine.state(run_id)).steers == ()


async def test_questions_are_asked_answered_and_reach_the_model(config: Config, folder: Path) -> None:
    asking = {
        "role": "reprompter",
        "turns": [
            {"calls": [{"name": "ask_person", "arguments": {"questions": ["Integers only?"]}}]},
            *tiny_script().model_dump()["sessions"][0]["turns"],
        ],
    }
    script = tiny_script(extra=[asking])
    async with scripted_engine(config, script) as (engine, server):
        run_id = await engine.start(task_of(script, folder, approve="safe"))
        state = await finished(engine, run_id)
        request = state.pending_approvals[0].request
        assert request.questions == ("Integers only?",)
        await engine.answer(run_id, request.approval_id, "once", answers=("Yes, and negative ones.",))
        await seen(engine, run_id, kind("run_finished"))
        assert any(b"Yes, and negative ones." in request.body for request in server.requests)


async def test_a_spent_budget_pauses_and_more_lets_the_run_end_green(config: Config, folder: Path) -> None:
    home = config.paths.data.parent
    prices = {"openai.prices": {"scripted": {"input": 100, "output": 100}}}
    url = config.database.postgresql.url
    assert url is not None
    priced = engine_config(None, home, **{**prices, "database.postgresql.url": url.get_secret_value()})
    script = tiny_script()
    async with scripted_engine(priced, script) as (engine, _):
        run_id = await engine.start(task_of(script, folder, budget_usd=0.8))
        state = await finished(engine, run_id)
        assert state.paused is not None
        assert state.paused.reason == "budget"
        assert state.spend.usd <= 0.8, "the cap is never crossed"
        await engine.resume(run_id, add_budget_usd=50)
        await seen(engine, run_id, kind("run_finished"))
        assert (await engine.state(run_id)).outcome == "success"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(FaultKind.STATUS, status=401, at_call=1), "KeyRejected"),
        (Fault(FaultKind.STATUS, status=429, code="insufficient_quota", at_call=1), "QuotaExhausted"),
    ],
)
async def test_a_rejected_key_or_an_empty_account_pauses_with_the_next_step(
    config: Config, folder: Path, fault: Fault, error: str
) -> None:
    script = tiny_script()
    async with scripted_engine(config, script, faults=[fault]) as (engine, _):
        run_id = await engine.start(task_of(script, folder))
        state = await finished(engine, run_id)
        assert state.paused is not None
        assert state.paused.reason == "model"
        assert state.paused.hint
        failed = [one.event for one in await engine.log(run_id) if isinstance(one.event, e.CallFailed)]
        assert [event.error for event in failed] == [error]
        await engine.resume(run_id)
        await seen(engine, run_id, kind("run_finished"))
        assert (await engine.state(run_id)).outcome == "success"


async def test_a_model_that_fails_for_good_is_followed_by_the_next_of_the_sequence(
    config: Config, folder: Path
) -> None:
    script = tiny_script()
    faults = [Fault(FaultKind.STATUS, status=404, at_call=1)]
    async with scripted_engine(config, script, faults=faults) as (engine, server):
        models = dict.fromkeys(("reprompter", "planner", "coder", "tester", "reflector"), ("first", "second"))
        run_id = await engine.start(task_of(script, folder, models=models))
        assert (await finished(engine, run_id)).outcome == "success"
        log = [one.event for one in await engine.log(run_id)]
        assert [event.model for event in log if isinstance(event, e.CallFailed)] == ["first"]
        started = [event.model for event in log if isinstance(event, e.CallStarted)]
        assert started[:3] == ["first", "second", "first"], "the next agent begins with its own model again"
        assert len(server.requests) == len(started)


@pytest.mark.parametrize(
    "kind_of_fault", [FaultKind.EMPTY, FaultKind.REFUSAL, FaultKind.BAD_ARGUMENTS, FaultKind.UNKNOWN_TOOL]
)
async def test_an_unusable_answer_is_sent_back_and_the_run_goes_on(
    config: Config, folder: Path, kind_of_fault: FaultKind
) -> None:
    script = tiny_script()
    async with scripted_engine(config, script, faults=[Fault(kind_of_fault, at_call=1)]) as (engine, _):
        run_id = await engine.start(task_of(script, folder))
        state = await finished(engine, run_id)
        log = [one.event for one in await engine.log(run_id)]
        told = [x for x in log if isinstance(x, e.AnswerRejected) or (isinstance(x, e.ToolFinished) and x.strike)]
        assert len(told) >= 1
        assert state.outcome == "success", state.paused


async def test_output_and_model_text_stream_live(config: Config, folder: Path) -> None:
    script = tiny_script(tests="def test_it() -> None:\n    print('hello from the test')\n    assert True\n")
    async with scripted_engine(config, script) as (engine, _):
        run_id = await engine.start(task_of(script, folder))
        live: list[object] = []

        async def watch() -> AsyncIterator[None]:
            async for item in engine.watch(run_id):
                live.append(item)
                if isinstance(item, e.Recorded) and item.event.kind == "run_finished":
                    return
                yield

        async with asyncio.timeout(60):
            async for _ in watch():
                pass
        assert any(isinstance(item, Delta) for item in live)
        assert any(isinstance(item, OutputText) for item in live)
        cases = [item.event.case for item in live if isinstance(item, TestSeen) and item.event.case]
        assert {case.outcome for case in cases} == {"passed"}


@pytest.mark.parametrize("how", ["merge", "patch", "branch"])
async def test_a_green_run_is_handed_over(config: Config, folder: Path, how: str) -> None:
    script = tiny_script()
    async with scripted_engine(config, script) as (engine, _):
        run_id = await engine.start(task_of(script, folder))
        assert (await finished(engine, run_id)).outcome == "success"
        assert list(folder.iterdir()) == []
        promoted = await engine.promote(run_id, how)  # type: ignore[arg-type]
        assert promoted.how == how
        assert (folder / "double.py").exists() == (how == "merge")
        assert (folder / f"{run_id}.patch").exists() == (how == "patch")
        state = await engine.state(run_id)
        assert state.promoted == promoted


async def test_the_acceptance_command_decides_and_its_failure_is_reflected_upon(config: Config, folder: Path) -> None:
    script = tiny_script(verify="python3 -c 'import double; assert double.double(-1) == -2'")
    async with scripted_engine(config, script) as (engine, _):
        run_id = await engine.start(task_of(script, folder))
        state = await finished(engine, run_id)
        assert state.outcome == "success"
        assert state.receipt is not None
        assert "double" in state.receipt.verify


async def test_a_failing_acceptance_command_is_no_success(config: Config, folder: Path) -> None:
    script = tiny_script(verify="echo not good enough; exit 3")
    async with scripted_engine(config, script) as (engine, _):
        run_id = await engine.start(task_of(script, folder, max_iterations=1))
        state = await finished(engine, run_id)
        assert state.outcome == "failed"
        proof = [one.event for one in await engine.log(run_id) if isinstance(one.event, e.ProofFinished)]
        assert proof[0].verify_ok is False
        assert "not good enough" in proof[0].verify_output


async def test_bad_goals_and_folders_are_refused_before_anything_is_made(config: Config, folder: Path) -> None:
    script = tiny_script()
    async with scripted_engine(config, script) as (engine, _):
        with pytest.raises(CommandRefused, match="characters"):
            await engine.start(task_of(script, folder, goal="x" * (MAX_GOAL_CHARACTERS + 1)))
        with pytest.raises(CommandRefused, match="empty"):
            await engine.start(task_of(script, folder, goal="  \n"))
        with pytest.raises(WorkspaceError):
            await engine.start(task_of(script, folder).model_copy(update={"workspace": str(folder / "missing")}))
        assert await engine.runs() == []


async def test_history_finds_the_run_its_failure_and_its_pattern(config: Config, folder: Path) -> None:
    script = tiny_script(wrong_first=True)
    async with scripted_engine(config, script) as (engine, _):
        run_id = await engine.start(task_of(script, folder))
        assert (await finished(engine, run_id)).outcome == "success"
        (summary,) = await engine.runs()
        assert (summary.run_id, summary.status, summary.scripted) == (run_id, "success", True)
        kinds = {hit.kind for hit in await engine.search("doubl")}
        assert {"run", "failure", "pattern"} <= kinds
        (failure,) = await engine.search("adds instead", Filters(kinds=("failure",)))
        assert failure.run_id == run_id
        assert await engine.find_run(run_id[:-2]) == run_id
        assert await engine.find_run("last") == run_id
        with pytest.raises(CommandRefused):
            await engine.find_run("nothing-like-it")


async def test_a_command_of_the_coder_cannot_change_the_tests(config: Config, folder: Path) -> None:
    script = tiny_script(wrong_first=True)
    cheat = {
        "role": "coder",
        "visit": 2,
        "iteration": 2,
        "turns": [
            {
                "calls": [
                    {
                        "name": "run_command",
                        "arguments": {"command": "echo 'def test_it(): pass' > tests/test_double.py"},
                    }
                ]
            },
            {"calls": [{"name": "submit_work", "arguments": {"summary": "the tests pass now"}}]},
        ],
    }
    script = tiny_script(wrong_first=True, extra=[cheat])
    async with scripted_engine(config, script) as (engine, _):
        run_id = await engine.start(task_of(script, folder, max_iterations=2))
        state = await finished(engine, run_id)
        ran = [one.event for one in await engine.log(run_id) if isinstance(one.event, e.ToolFinished)]
        assert [event.ok for event in ran if event.name == "run_command"] == [True]
        assert state.outcome == "failed"
        assert [iteration.report.failed for iteration in state.iterations if iteration.report] == [1, 1]
        assert "test_double.py" not in state.iterations[1].diff
