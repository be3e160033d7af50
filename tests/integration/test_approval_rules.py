"""Standing rules in a real run: made by an answer, used by the next run, rehearsed, taken back; denied by time."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from config.config import Config
from engine import events as e
from engine.engine import Engine
from engine.errors import CommandRefused
from engine.events import to_body
from engine.gates.rules import propose_for_command, propose_for_findings
from engine.scripted.script import Script
from engine.state import State
from engine.task import BlastRadius
from memory.records import NewEvent
from miracle_tui.cli.main import cli
from sandbox.report import ScanFinding
from tests.cli_fixtures import Done
from tests.engine_fixtures import config, folder, scripted_engine, task_of
from tests.tiny_script import CODE, tiny_script
from tests.unit.simulated_run import SimulatedRun, task

__all__ = ["config", "folder"]

pytestmark = pytest.mark.bubblewrap


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"text": f"I call {name}.", "calls": [{"name": name, "arguments": arguments}]}


def removing_script() -> Script:
    """The tiny goal, whose coder also removes a folder, which needs an approval."""
    turns = [
        call("create_file", path="double.py", content=CODE),
        call("create_file", path="build/old.txt", content="x\n"),
        call("run_command", command="rm -r build"),
        call("submit_work", summary="wrote double"),
    ]
    return tiny_script(extra=[{"role": "coder", "turns": turns, "visit": 1}])


async def waiting(engine: Engine, run_id: str) -> e.ApprovalRequested:
    """The run's question about its command."""
    async with asyncio.timeout(60):
        async for item in engine.watch(run_id):
            if isinstance(item, e.Recorded):
                event = item.event
                if isinstance(event, e.ApprovalRequested) and event.topic == "command":
                    return event
    raise AssertionError("the feed ended")


async def ended(engine: Engine, run_id: str) -> State:
    """The state at the run's end."""
    async with asyncio.timeout(60):
        async for item in engine.watch(run_id):
            if isinstance(item, e.Recorded) and isinstance(item.event, e.RunFinished):
                return await engine.state(run_id)
    raise AssertionError("the feed ended")


async def test_a_rule_is_made_by_an_answer_used_by_the_next_run_and_taken_back(config: Config, folder: Path) -> None:
    script = removing_script()
    async with scripted_engine(config, script) as (engine, _):
        first = await engine.start(task_of(script, folder, approve="safe"))
        asked = await waiting(engine, first)
        assert asked.blast_radius.paths == ("build",)
        exact, *_ = await engine.propose_rules(first, asked.approval_id)
        assert (exact.describe(), exact.project) == ("rm -r build", str(folder))
        (before,) = await engine.rehearse(exact)
        assert [(one.run_id, one.decided) for one in before.allowed] == [(first, "waits for an answer")]
        assert await engine.rules() == [], "a rehearsal makes nothing"
        await engine.answer(first, asked.approval_id, "always", rule=exact, by="ada@laptop")
        with pytest.raises(CommandRefused, match="answered by ada@laptop: always"):
            await engine.answer(first, asked.approval_id, "deny")
        assert (await ended(engine, first)).outcome == "success"
        (rule,) = await engine.rules()
        assert (rule.rule_id, rule.created_by, rule.uses) == (exact.rule_id, "ada@laptop", 0)

        second = await engine.start(task_of(script, folder, approve="safe"))
        state = await ended(engine, second)
        assert state.outcome == "success"
        log = [one.event for one in await engine.log(second)]
        place = next(
            at for at, event in enumerate(log) if isinstance(event, e.ApprovalRequested) and event.topic == "command"
        )
        answer = log[place + 1]
        assert isinstance(answer, e.ApprovalAnswered)
        assert (answer.by, answer.decision, answer.rule_id) == ("rule", "once", rule.rule_id)
        assert "rm -r build" in answer.reason
        (rule,) = await engine.rules()
        assert rule.uses == 1
        assert rule.used_at is not None
        (after,) = await engine.rehearse(rule)
        assert [(one.run_id, one.decided) for one in after.allowed] == [
            (second, "allowed once by rule"),
            (first, "allowed for good by ada@laptop"),
        ]

        await engine.remove_rule(rule.rule_id)
        with pytest.raises(CommandRefused, match="no rule"):
            await engine.remove_rule(rule.rule_id)
        third = await engine.start(task_of(script, folder, approve="safe", approval_timeout_s=1))
        state = await ended(engine, third)
        denied = next(one.answer for one in state.approvals if one.request.topic == "command")
        assert denied is not None
        assert (denied.by, denied.decision) == ("timeout", "deny")
        assert state.outcome == "success", "the agent hears of the denial and goes on"


async def test_rules_about_scans_combine_with_what_the_run_allowed(config: Config) -> None:
    def finding(rule: str, path: str, verdict: str = "approval_required") -> ScanFinding:
        return ScanFinding.model_validate(
            {"rule": rule, "verdict": verdict, "severity": "x", "path": path, "line": 1, "message": ""}
        )

    found = (
        finding("import os", "src/a.py"),
        finding("import socket", "net.py"),
        finding("import re", "a.py", "warning"),
    )
    run = SimulatedRun(task(), lambda n: 0)
    run.append(
        e.IterationStarted(phase_id="p1", number=1),
        e.ScanFinished(phase_id="p1", number=1, findings=found),
    )
    both = e.ApprovalRequested(
        approval_id="r.1", topic="scan", subject="import os\nimport socket", title="t", phase_id="p1", number=1
    )
    one = both.model_copy(update={"subject": "import os"})
    async with scripted_engine(config, tiny_script()) as (engine, _):
        _, folder, _ = propose_for_findings(found[:1])
        made = await engine.add_rule(folder)
        assert await engine.standing.answer(run.state, both) is None
        answer = await engine.standing.answer(run.state, one)
        assert answer is not None
        assert (answer.by, answer.rule_id) == ("rule", made.rule_id)
        await engine.add_rule(propose_for_findings(found[1:2])[-1])
        answer = await engine.standing.answer(run.state, both)
        assert answer is not None
        assert len(answer.rule_id.split(",")) == 2
        for topic in ("plan", "questions", "stuck"):
            asked = both.model_copy(update={"topic": topic})
            assert await engine.standing.answer(run.state, asked) is None


async def test_the_past_of_many_runs_is_rehearsed_quickly_and_projects_stay_apart(config: Config, folder: Path) -> None:
    async with scripted_engine(config, tiny_script()) as (engine, _):
        store = engine.memory.store
        for number in range(3):
            run_id = f"past{number}"
            await store.create_run(run_id)
            given = task_of(tiny_script(), folder)
            given = given if number else given.model_copy(update={"workspace": "/elsewhere"})
            await engine._append(run_id, e.RunStarted(task_id=run_id, task=given))
            question = e.ApprovalRequested(
                approval_id=f"{run_id}.1", topic="command", subject="pip install flask", title="t"
            )
            await engine._append(run_id, question)
            if number:
                await engine.answer(run_id, f"{run_id}.1", "deny", by="bo@desk")
            calls = [
                {"id": str(at), "name": "run_command", "arguments": f'{{"command": "pip install x{at}"}}'}
                for at in range(200)
            ]
            calls.append({"id": "bad", "name": "run_command", "arguments": '{"command": '})
            answer = {"session_id": "s", "call_id": "c", "answer": {"model": "m", "tool_calls": calls}}
            await store.append(run_id, [NewEvent(f"{run_id}-calls", "answer_received", answer)], lease=None, after=2)
        exact, like, _ = propose_for_command("pip install flask")
        here = like.model_copy(update={"project": str(folder)}).named()
        began = asyncio.get_running_loop().time()
        narrow, wide, project = await engine.rehearse(exact, like, here)
        took = asyncio.get_running_loop().time() - began
        assert sorted((one.run_id, one.decided) for one in narrow.allowed) == [
            ("past0", "waits for an answer"),
            ("past1", "denied by bo@desk"),
            ("past2", "denied by bo@desk"),
        ]
        assert (narrow.asked_anyway, narrow.denied, narrow.runs, narrow.partial) == (600, 2, 3, False)
        assert len(wide.allowed) == 603
        assert {one.run_id for one in project.allowed} == {"past1", "past2"}
        assert took < 10


async def test_a_project_adds_no_rule_and_a_rule_that_cannot_be_read_allows_nothing(
    config: Config, folder: Path
) -> None:
    (folder / ".miracle").mkdir()
    for name in ("rules.yaml", "approval_rules.json", "approval_rules.yaml"):
        (folder / ".miracle" / name).write_text('[{"topic": "command", "breadth": "any", "program": "rm"}]')
    async with scripted_engine(config, tiny_script()) as (engine, _):
        assert await engine.rules() == []
        await engine.add_rule(propose_for_command("rm -r build")[0])
        for body in ("'{}'", '\'{"patterns": [{"kind": "newer"}], "breadth": "any"}\''):
            await engine.memory.database.attempt(f"update approval_rules set body = {body} returning rule_id", ())
            assert await engine.rules() == []


async def asking(engine: Engine, run_id: str, workspace: Path, command: str) -> None:
    """A run whose log ends in a question about a command."""
    await engine.memory.store.create_run(run_id)
    await engine._append(run_id, e.RunStarted(task_id=run_id, task=task_of(tiny_script(), workspace, approve="ask")))
    question = e.ApprovalRequested(
        approval_id=f"{run_id}.1",
        topic="command",
        subject=command,
        title=f"Run `{command}`?",
        blast_radius=BlastRadius(paths=("build",), cost_usd=0.5, reversible=False),
    )
    await engine._append(run_id, question)


async def test_the_command_line_rehearses_makes_lists_and_removes_rules(config: Config, folder: Path) -> None:
    url = config.database.postgresql.url
    assert url is not None
    environ = {"MIRACLE_HOME": str(config.paths.data.parent), "DATABASE_URL": url.get_secret_value()}

    async def typed(*arguments: str) -> Done:
        result = await asyncio.to_thread(CliRunner().invoke, cli, arguments, env=environ)
        return Done(result.exit_code, result.stdout, result.stderr)

    async with scripted_engine(config, tiny_script()) as (engine, _):
        await asking(engine, "one", folder, "pip install flask")
        await asking(engine, "two", folder, "curl $URL")
        listed = await typed("approvals")
        assert "build, $0.50, cannot be undone" in listed.out

        dry = await typed("approve", "one.1", "--always", "--match", "like", "--dry-run")
        assert dry.code == 0, dry.err
        assert "pip install with names" in dry.out
        assert "it would have allowed 1 action:" in dry.out
        assert await engine.rules() == []
        assert len(await engine.approvals()) == 2
        unfit = await typed("approve", "one.1", "--always", "--match", "paths")
        assert unfit.code == 2
        assert "What fits: exact, like, any" in unfit.err
        never = await typed("approve", "two.1", "--always")
        assert never.code != 0
        assert "it uses a variable" in never.err

        made = await typed("approve", "one.1", "--always", "--match", "like", "--everywhere", "--json")
        assert made.code == 0, made.err
        (rule,) = await engine.rules()
        assert json.loads(made.out)["rehearsal"]["rule"]["rule_id"] == rule.rule_id
        assert (rule.project, rule.describe()) == ("", "pip install with names")
        again = await typed("approve", "one.1", "--deny")
        assert again.code == 2
        assert "answered it (always)" in again.err

        rows = await typed("rules")
        assert rule.rule_id in rows.out
        assert "all projects" in rows.out
        assert json.loads((await typed("rules", "list", "--json")).out)["allows"] == "pip install with names"
        past = await typed("rules", "rehearse", rule.rule_id[:4])
        assert "allowed for good by" in past.out
        gone = await typed("rules", "remove", rule.rule_id)
        assert gone.code == 0, gone.err
        assert await engine.rules() == []
        assert (await typed("rules", "remove", rule.rule_id)).code == 2
        assert "Nothing is allowed for good" in (await typed("rules")).out


def test_the_body_of_an_answer_by_rule_survives_the_log() -> None:
    answer = e.ApprovalAnswered(approval_id="r.1", decision="always", by="rule", rule_id="a,b")
    assert e.from_body("approval_answered", to_body(answer)) == answer
