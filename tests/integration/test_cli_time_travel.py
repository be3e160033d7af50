"""`miracle show --at`, `miracle fork` and `miracle compare` on a run that went red and then green."""

import json
from pathlib import Path

import pytest

from engine.scripted.server import ScriptedServer
from tests.cli_fixtures import aside, database, miracle, project, server

pytestmark = [pytest.mark.bubblewrap, pytest.mark.usefixtures("database")]
__all__ = ["database", "project", "server"]


async def test_a_run_is_looked_at_as_it_was_forked_and_compared(server: ScriptedServer, project: Path) -> None:
    goal = ("-t", "Write add(a, b) in adder.py.", "--base-url", server.base_url, "--model", "scripted")
    done = await miracle("run", *goal, "--approve", "all", cwd=project)
    assert done.code == 0, done.out + done.err
    run = done.run_id

    listed = [json.loads(line) for line in (await aside("show", run, "--moments", "--json")).out.splitlines()]
    red = next(moment for moment in listed if moment["kind"] == "tests")
    assert (red["good"], red["iteration"], red["title"]) == (False, 1, "0 passed, 1 failed")
    assert f"{red['seq']:>5}" in (await aside("show", run, "--moments")).out

    then = await aside("show", run, "--at", str(red["seq"]))
    assert "✗ tests: 0 passed, 1 failed" in then.out
    assert "✓ GREEN" not in then.out
    assert f"miracle fork {run} --at {red['seq']}" in then.out
    first = json.loads((await aside("show", run, "--at", "iteration:1", "--json")).out)
    assert [one["reflection"]["cause"] for one in first["iterations"]] == ["It subtracts"]
    assert "return a - b" in (await aside("show", run, "--at", "iteration:1", "--diff")).out
    assert "test_add" in (await aside("show", run, "--at", "iteration:1", "--tests")).out
    told = json.loads((await aside("show", run, "--at", "iteration:1", "--prompt", "--json")).out)
    assert (told["role"], told["messages"][0]["role"], told["iteration"]) == ("reflector", "system", 1)
    assert "the reflector asks scripted" in (await aside("show", run, "--at", "iteration:1", "--prompt")).out
    early = await aside("show", run, "--at", "1", "--prompt")
    assert (early.code, "no call of a model yet" in early.err) == (2, True)
    beyond = await aside("show", run, "--at", "9999")
    assert (beyond.code, "--moments" in beyond.err) == (2, True)
    assert (await aside("show", run, "--at", "iteration:9")).code == 2

    forked = await miracle(
        "fork", run, "--at", "iteration:2", "--hypothesis", "Add them up", "--model", "coder=scripted", cwd=project
    )
    assert forked.code == 0, forked.out + forked.err
    fork = forked.run_id
    for words in (f"begins as {run} was at event", "hypothesis: Add them up", "✓ GREEN"):
        assert words in forked.out
    compared = json.loads((await aside("compare", run, fork, "--json")).out)
    assert (compared["diff"], compared["b"]["forked_from"], compared["b"]["passed"]) == ("", run, 1)
    assert [test["where"] for test in compared["tests"]] == ["both"]

    plan = project / "plan.yaml"
    plan.write_text((await aside("show", run, "--plan")).out.replace("title: Add", "title: Add them up"))
    kept = json.loads((await aside("fork", run, "--at", "iteration:1", "--plan", str(plan), "--no-run", "--json")).out)
    state = json.loads((await aside("show", kept["run_id"], "--json")).out)
    assert [(phase["title"], phase["state"]) for phase in state["phases"]] == [("Add them up", "pending")]
    both = (await aside("compare", run, kept["run_id"])).out
    assert "green only in" in both or "There is no diff" in both
    gone_on = await miracle("resume", kept["run_id"], cwd=project)
    assert gone_on.code == 0, gone_on.out + gone_on.err
    wrong = await aside("fork", run, "--at", "1", "--hypothesis", "x", "--no-run")
    assert (wrong.code, "no iteration yet" in wrong.err) == (1, True)
