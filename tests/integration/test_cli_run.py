"""`miracle run` and what a person does with a run, each command in a process of its own."""

import asyncio
import json
import re
import signal
import subprocess
from pathlib import Path

import pytest

from engine.scripted.faults import Fault, FaultKind
from engine.scripted.server import ScriptedServer
from tests.cli_fixtures import adder_script, aside, asking_script, database, ended, miracle, project, server, start

pytestmark = [pytest.mark.bubblewrap, pytest.mark.usefixtures("database")]
__all__ = ["database", "project", "server"]
PRICES = {"MIRACLE_OPENAI__PRICES__SCRIPTED": "{input: 1000, output: 1000}"}
GOAL = ("-t", "Write add(a, b) in adder.py.")


def model(server: ScriptedServer) -> tuple[str, ...]:
    return ("--base-url", server.base_url, "--model", "scripted")


async def test_a_run_goes_green_and_its_result_is_looked_at_and_taken(server: ScriptedServer, project: Path) -> None:
    done = await miracle(
        "run", *GOAL, *model(server), "--approve", "all", "--verify", "grep -q plus adder.py || true", cwd=project
    )
    assert done.code == 0, done.out + done.err
    for words in ("▸ Iteration 2 of 15", "✗ cause: It subtracts", "→ hypothesis: Write a plus", "✓ receipt", "✓ GREEN"):
        assert words in done.out
    assert "\x1b" not in done.out
    assert not (project / "adder.py").exists()
    run = done.run_id

    shown = await aside("show", run[:-2], "--json")
    state = json.loads(shown.out)
    assert (state["outcome"], len(state["iterations"]), state["receipt"]["passed"]) == ("success", 2, 1)

    story = await aside("show", run)
    assert "✓ GREEN" in story.out
    assert f"miracle promote {run} --merge" in story.out

    diff = await aside("show", "last", "--diff")
    assert "+    return a + b\n" in diff.out
    assert (await aside("show", run, "--events")).out.startswith(f"▸ Run {run}: ")

    listed = await aside("history", "--json")
    assert run in [json.loads(line)["run_id"] for line in listed.out.splitlines()]
    found = await aside("history", "subtracts")
    assert run in found.out

    over = await aside("pause", run, "--json")
    assert over.out == ""
    assert over.code == 1
    assert "it is over" in over.err

    taken = await aside("promote", run, "--merge")
    assert taken.code == 0, taken.err
    assert "return a + b" in (project / "adder.py").read_text()


async def test_without_a_person_a_question_ends_with_3_and_says_what_to_type(
    server: ScriptedServer, project: Path
) -> None:
    done = await miracle("run", "-t", "-", *model(server), cwd=project, stdin=b"Write add(a, b) in adder.py.")
    assert done.code == 3, done.out + done.err
    run = done.run_id
    assert f"miracle approve {run}.1" in done.out
    assert f"miracle resume {run}" in done.out
    waiting = await aside("approvals", "--json")
    assert f"{run}.1" in [json.loads(line)["approval_id"] for line in waiting.out.splitlines()]
    steered = await aside("steer", run, "Keep it short", "--json")
    assert (steered.code, json.loads(steered.out)) == (0, {"run_id": run, "text": "Keep it short"})
    paused = await aside("pause", run, "--json")
    assert (paused.code, json.loads(paused.out)) == (0, {"run_id": run, "status": "paused"})

    unfit = await aside("approve", run, "--answer", "yes")
    assert unfit.code == 2
    allowed = await aside("approve", f"{run}.1", "--json")
    assert allowed.code == 0, allowed.err
    told = {"run_id": run, "approval_id": f"{run}.1", "decision": "once", "reason": "", "answers": []}
    assert json.loads(allowed.out) == told
    again = await aside("approve", f"{run}.1")
    assert again.code == 2
    assert "No question waits" in again.err
    resumed = await miracle("resume", run, cwd=project)
    assert resumed.code == 0, resumed.out + resumed.err
    assert {request.json()["model"] for request in server.requests} == {"scripted"}, "the run's own model and server"
    assert "✓ GREEN" in resumed.out
    assert "▸ Run " not in resumed.out


async def test_a_folder_inside_a_repository_stands_for_the_whole_and_the_run_says_so(
    server: ScriptedServer, project: Path
) -> None:
    (project / "part").mkdir()
    done = await miracle("run", *GOAL, *model(server), "--workspace", "part", cwd=project)
    assert f"{project / 'part'} is part of the repository {project}; the run works on the whole" in done.out


async def test_a_run_that_pauses_for_the_model_waits_for_a_person(project: Path) -> None:
    async with ScriptedServer(adder_script(), [Fault(FaultKind.STATUS, 401, "invalid_api_key")]) as server:
        done = await miracle("run", *GOAL, *model(server), cwd=project)
        assert done.code == 3, done.out + done.err
        assert "! paused (model): " in done.out
        resumed = await miracle("resume", done.run_id, cwd=project)
    assert "? Approve the plan?" in resumed.out


async def test_failing_for_good_is_1(project: Path) -> None:
    async with ScriptedServer(adder_script(never=True)) as server:
        done = await miracle("run", *GOAL, *model(server), "--approve", "all", "--max-iterations", "1", cwd=project)
    assert done.code == 1, done.out + done.err
    assert "✗ FAILED: The circuit breaker" in done.out


async def test_a_budget_that_is_used_up_is_4_and_can_be_raised(server: ScriptedServer, project: Path) -> None:
    done = await miracle(
        "run", *GOAL, *model(server), "--approve", "all", "--budget-usd", "0.01", cwd=project, environ=PRICES
    )
    assert done.code == 4, done.out + done.err
    assert re.search(rf"→ go on:  miracle resume {done.run_id} --budget-usd \+\d+\n", done.out), done.out
    more = await miracle("resume", done.run_id, "--budget-usd", "+0.01", *model(server), cwd=project, environ=PRICES)
    assert more.code == 4, more.out + more.err
    assert more.out.startswith("▸ resumed by person with $0.01 more\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupted_run_is_130_and_goes_on(project: Path, number: signal.Signals) -> None:
    async with ScriptedServer(adder_script(), words_per_second=4) as slow:
        process = await start("run", *GOAL, *model(slow), "--approve", "all", cwd=project)
        assert process.stdout
        told = b""
        while b"PLANNING" not in told:
            told += await asyncio.wait_for(process.stdout.readline(), 60)
        process.send_signal(number)
        done = await ended(process)
    run = told.decode().split("▸ Run ", 1)[1].split(":", 1)[0]
    assert done.code == 130, done.out + done.err
    assert f"miracle resume {run}" in done.err
    state = json.loads((await aside("show", run, "--json")).out)
    assert (state["status"], state["paused"]["reason"]) == ("paused", "person")
    if number == signal.SIGTERM:
        return
    async with ScriptedServer(adder_script()) as server:
        resumed = await miracle("resume", run, *model(server), cwd=project)
    assert resumed.code == 0, resumed.out + resumed.err


async def test_a_cancelled_run_is_over(server: ScriptedServer, project: Path) -> None:
    done = await miracle("run", *GOAL, *model(server), cwd=project)
    over = await aside("cancel", done.run_id, "--json")
    assert (over.code, json.loads(over.out)) == (0, {"run_id": done.run_id, "status": "cancelled"})
    again = await miracle("resume", done.run_id, *model(server), cwd=project)
    assert again.code == 1
    assert "Cannot resume" in again.err


async def test_a_recording_is_replayed_without_a_model(server: ScriptedServer, project: Path, tmp_path: Path) -> None:
    cassette = tmp_path / "cassette.jsonl"
    recorded = await miracle("run", *GOAL, *model(server), "--approve", "all", "--record", str(cassette), cwd=project)
    assert recorded.code == 0, recorded.out + recorded.err
    asked = len(server.requests)
    replayed = await miracle("run", *GOAL, "--approve", "all", "--replay", str(cassette), "--json", cwd=project)
    assert replayed.code == 0, replayed.out + replayed.err
    assert len(server.requests) == asked

    # With --json, stdout holds one event a line and nothing else.
    events = replayed.events
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert {tuple(event) for event in events} == {("run_id", "seq", "at", "kind", "body")}
    assert events[0]["body"]["task"]["model_label"] == "replay: cassette.jsonl"
    assert events[-1]["kind"] == "run_finished"


async def test_a_demo_without_a_terminal_is_text_and_0_when_green(project: Path, tmp_path: Path) -> None:
    script = tmp_path / "adder.yaml"
    script.write_text(adder_script().model_dump_json())
    done = await miracle("demo", str(script), cwd=project)
    assert done.code == 0, done.out + done.err
    assert "scripted: adder" in done.out
    assert "✓ GREEN" in done.out


async def test_answers_in_a_file_reach_the_agent(project: Path, tmp_path: Path) -> None:
    (tmp_path / "answers.yaml").write_text("numbers: only integers\n")
    async with ScriptedServer(asking_script()) as server:
        arguments = ("run", *GOAL, *model(server), "--answers", str(tmp_path / "answers.yaml"))
        done = await miracle(*arguments, cwd=project)
        told = "".join(str(request.json()["messages"]) for request in server.requests)
    assert done.code == 3, done.out + done.err
    assert "? Approve the plan?" in done.out
    assert "only integers" in told


async def test_questions_without_an_answer_say_how_to_reply(project: Path) -> None:
    async with ScriptedServer(asking_script()) as server:
        asked = await miracle("run", *GOAL, *model(server), cwd=project)
        assert asked.code == 3, asked.out + asked.err
        assert f'miracle approve {asked.run_id}.1 --answer "…" --answer "…"' in asked.out
        unanswered = await aside("approve", asked.run_id)
        assert unanswered.code == 2
        assert "1. Which numbers?" in unanswered.err
        replied = await aside("approve", asked.run_id, "--answer", "floats too", "--answer", "")
        assert replied.code == 0, replied.err
        resumed = await miracle("resume", asked.run_id, *model(server), cwd=project)
        told = "".join(str(request.json()["messages"]) for request in server.requests)
    assert resumed.code == 3
    assert "floats too" in told


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A bare repository."""
    folder = tmp_path / "bare.git"
    subprocess.run(["git", "init", "-q", "--bare", str(folder)], check=True)
    return folder


async def test_a_workspace_that_cannot_be_used_is_2(server: ScriptedServer, project: Path, bare: Path) -> None:
    (project / ".git" / "MERGE_HEAD").write_text("0" * 40 + "\n")
    for folder in (bare, project):
        done = await miracle("run", *GOAL, *model(server), "--workspace", str(folder), cwd=bare.parent)
        assert done.code == 2, done.out + done.err
        assert done.err.startswith("Error: ")
        assert "\nNext: " in done.err
    assert not server.requests


async def test_a_database_that_does_not_answer_is_an_error_with_a_hint(project: Path) -> None:
    done = await miracle("history", cwd=project, environ={"DATABASE_URL": "postgresql://ann:s3cretword@127.0.0.1:9/db"})
    assert done.code == 1
    assert done.err.startswith("Error: ")
    assert "\nNext: " in done.err
    assert "s3cretword" not in done.err
    assert "Traceback" not in done.err


async def test_a_run_that_is_held_elsewhere_is_not_touched(project: Path) -> None:
    async with ScriptedServer(adder_script(), words_per_second=1) as slow:
        process = await start("run", *GOAL, *model(slow), "--approve", "all", "--json", cwd=project)
        assert process.stdout
        run = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))["run_id"]
        await asyncio.wait_for(process.stdout.readline(), 60)
        second = await miracle("resume", run, *model(slow), cwd=project)
        process.send_signal(signal.SIGINT)
        assert (await ended(process)).code == 130
    assert second.code == 1
    assert "held by" in second.err
