"""A model's stream that breaks at any byte: the answer is whole, or the call is made again; never half of one."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from config.openai import Retry
from engine import events as e
from engine.llm.client import OpenAIModel
from engine.llm.errors import StreamCut, Transient, Unreachable
from engine.llm.protocol import Answer
from engine.scripted.faults import Fault, FaultKind
from engine.scripted.script import ScriptedCall, Session, Turn
from engine.scripted.server import ScriptedServer
from tests.engine_fixtures import engine_config, scripted_engine, task_of
from tests.fault_figures import Figures
from tests.model_fixtures import SCRIPT, request, settings
from tests.tiny_script import tiny_script

SHORT = Turn(text="Ja, 世界.", calls=(ScriptedCall(name="submit_work", arguments={"summary": "fünf Zeilen"}),))
SHORT_SCRIPT = SCRIPT.model_copy(update={"sessions": (Session(role="coder", turns=(SHORT,)),)})
STRIDE = 2
"""Every second byte: what is shorter than that comes again at another place."""


async def sizes_of(server: ScriptedServer) -> int:
    """How many bytes the answer to the test's request has."""
    body = (
        b'{"model": "gpt-5.1", "messages": [{"role": "user", "content": "x"}], "stream": true,'
        b' "stream_options": {"include_usage": true}}'
    )
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nX-Miracle-Role: coder\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.base_url.split(":")[2].split("/")[0]))
    writer.write(head + body)
    whole = await reader.readuntil(b"\r\n0\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return len(whole)


ONE_ATTEMPT = Retry(max_attempts=1, min_wait_seconds=0.01, max_wait_seconds=0.02)
"""What one attempt comes to is what is looked at."""


async def test_a_cut_at_any_byte_gives_the_whole_answer_or_none(figures: Figures) -> None:
    async with ScriptedServer(SHORT_SCRIPT) as server:
        size = await sizes_of(server)
    faults = [Fault(FaultKind.CUT_AT, after_bytes=cut) for cut in range(0, size, STRIDE)]
    async with ScriptedServer(SHORT_SCRIPT, faults=faults) as server:
        model = OpenAIModel(settings(server.base_url, retry=ONE_ATTEMPT))
        try:
            ends = [await attempt(model) for _ in faults]
            whole = await model.complete(request())
        finally:
            await model.close()
    figures.cuts += len(faults)
    broken = [isinstance(end, Transient) for end in ends]
    assert broken == sorted(broken, reverse=True), "once the answer is whole, nothing that comes after it matters"
    assert broken[0]
    assert not broken[-1]
    for end in ends:
        if isinstance(end, Answer):
            assert content(end) == content(whole), "half an answer was taken for a whole one"


async def attempt(model: OpenAIModel) -> Answer | Transient:
    """One call: the answer, or the error that makes it be tried again."""
    try:
        return await model.complete(request())
    except (StreamCut, Unreachable) as error:
        return error


def content(answer: Answer) -> tuple[object, ...]:
    """What an answer says, but for the ids of its calls."""
    return answer.text, [(call.name, call.arguments) for call in answer.tool_calls], answer.finish_reason


async def test_an_answer_is_whole_at_done_though_the_connection_lingers(figures: Figures) -> None:
    async with ScriptedServer(SHORT_SCRIPT, faults=[Fault(FaultKind.LINGER)]) as server:
        model = OpenAIModel(settings(server.base_url))
        try:
            async with asyncio.timeout(10):
                answer = await model.complete(request())
        finally:
            await model.close()
        assert (answer.text, len(server.requests)) == (SHORT.text, 1)
    figures.cuts += 1


CUTS = (
    *(Fault(FaultKind.CUT_AT, after_bytes=count) for count in (0, 9, 60, 130, 131, 400)),
    *(Fault(kind) for kind in (FaultKind.CLOSE, FaultKind.CUT_CHUNK, FaultKind.CUT_CALL, FaultKind.END_EARLY)),
    *(Fault(kind) for kind in (FaultKind.BAD_JSON, FaultKind.ERROR_OBJECT)),
)
KEPT = (Fault(FaultKind.CUT_DONE), Fault(FaultKind.NO_USAGE), Fault(FaultKind.LINGER))
"""The answer is whole before these strike."""


@pytest.mark.bubblewrap
async def test_a_run_whose_every_call_breaks_first_ends_green(
    database_url: str, sandbox_workspace: Path, figures: Figures
) -> None:
    config = engine_config(database_url, sandbox_workspace / "home", **{"settings.sandbox.backend": "bubblewrap"})
    folder = sandbox_workspace / "project"
    folder.mkdir()
    script = tiny_script(wrong_first=True)
    faults = [replace(fault, at_call=2 * place + 1) for place, fault in enumerate(CUTS)]
    faults += [replace(fault, at_call=2 * len(CUTS) + 1 + place) for place, fault in enumerate(KEPT)]
    async with scripted_engine(config, script, faults=faults) as (engine, server):
        run_id = await engine.start(task_of(script, folder))
        async with asyncio.timeout(60):
            state = await engine.settled(run_id)
        log = await engine.log(run_id)
        assert state.outcome == "success", (state.paused, state.reason)
        struck = sum(
            fault.at_call is not None and fault.at_call <= len(server.requests) for fault in faults[: len(CUTS)]
        )
        assert len(server.requests) == state.spend.calls + struck, "each broken call is made again once, no other is"
        assert not [one for one in log if isinstance(one.event, e.CallFailed)]
    figures.cuts += struck
