"""`miracle run` and what a person does with a run, each command in a process of its own."""

import asyncio
import json
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.scripted.server import ScriptedServer
from tests.cli_fixtures import adder_script, ended, miracle, start

pytestmark = pytest.mark.bubblewrap
PRICES = {"MIRACLE_OPENAI__PRICES__SCRIPTED": "{input: 1000, output: 1000}"}
GOAL = ("-t", "Write add(a, b) in adder.py.")


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer(adder_script()) as serving:
        yield serving


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with one commit."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "README.md").write_text("# Sums\n")
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
        subprocess.run(["git", "-c", "user.name=A", "-c", "user.email=a@b", *command], cwd=folder, check=True)
    return folder


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

    shown = await miracle("show", run[:-2], "--json", cwd=project)
    state = json.loads(shown.out)
    assert (state["outcome"], len(state["iterations"]), state["receipt"]["passed"]) == ("success", 2, 1)

    story = await miracle("show", run, cwd=project)
    assert "✓ GREEN" in story.out
    assert f"miracle promote {run} --merge" in story.out

    diff = await miracle("show", "last", "--diff", cwd=project)
    assert "+    return a + b\n" in diff.out
    assert (await miracle("show", run, "--events", cwd=project)).out.startswith(f"▸ Run {run}: ")

    listed = await miracle("history", "--json", cwd=project)
    assert run in [json.loads(line)["run_id"] for line in listed.out.splitlines()]
    found = await miracle("history", "subtracts", cwd=project)
    assert run in found.out

    over = await miracle("pause", run, cwd=project)
    assert over.code == 1
    assert "it is over" in over.err

    taken = await miracle("promote", run, "--merge", cwd=project)
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
    waiting = await miracle("approvals", "--json", cwd=project)
    assert f"{run}.1" in [json.loads(line)["approval_id"] for line in waiting.out.splitlines()]
    assert (await miracle("steer", run, "Keep it short", cwd=project)).code == 0

    unfit = await miracle("approve", run, "--answer", "yes", cwd=project)
    assert unfit.code == 2
    assert (await miracle("approve", f"{run}.1", cwd=project)).code == 0
    again = await miracle("approve", f"{run}.1", cwd=project)
    assert again.code == 2
    assert "No question waits" in again.err
    resumed = await miracle("resume", run, *model(server), cwd=project)
    assert resumed.code == 0, resumed.out + resumed.err
    assert "✓ GREEN" in resumed.out
    assert "▸ Run " not in resumed.out


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
    assert f"miracle resume {done.run_id} --budget-usd +1" in done.out
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
    state = json.loads((await miracle("show", run, "--json", cwd=project)).out)
    assert (state["status"], state["paused"]["reason"]) == ("paused", "person")
    if number == signal.SIGTERM:
        return
    async with ScriptedServer(adder_script()) as server:
        resumed = await miracle("resume", run, *model(server), cwd=project)
    assert resumed.code == 0, resumed.out + resumed.err


async def test_a_cancelled_run_is_over(server: ScriptedServer, project: Path) -> None:
    done = await miracle("run", *GOAL, *model(server), cwd=project)
    assert (await miracle("cancel", done.run_id, cwd=project)).code == 0
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
