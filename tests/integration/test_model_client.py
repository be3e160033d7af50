"""The model client over real HTTP, against everything that a server does wrong."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from engine.llm.client import OpenAIModel
from engine.llm.errors import (
    ContextTooLong,
    KeyMissing,
    KeyRejected,
    ModelError,
    ModelUnknown,
    QuotaExhausted,
    RateLimited,
    RequestRejected,
    ServerFailed,
    StreamCut,
    Transient,
    Unreachable,
)
from engine.llm.protocol import Answer, Message, ModelRequest, ToolCall
from engine.scripted.faults import Fault, FaultKind
from engine.scripted.server import ScriptedServer
from tests.model_fixtures import CALL, SCRIPT, WORDS, request, settings

K = FaultKind


async def ask(*faults: Fault, asked: ModelRequest | None = None, **changes: object) -> tuple[Answer, ScriptedServer]:
    async with ScriptedServer(SCRIPT, faults) as server:
        model = OpenAIModel(settings(server.base_url, **changes))  # type: ignore[arg-type]
        try:
            return await model.complete(asked or request()), server
        finally:
            await model.close()


async def failure(*faults: Fault, attempts: int = 1) -> ModelError:
    """The error of a call whose every attempt meets the same fault."""
    with pytest.raises(ModelError) as caught:
        await ask(*(faults * attempts))
    assert caught.value.title
    assert caught.value.hint
    return caught.value


async def test_a_streamed_answer_arrives_whole_and_piece_by_piece() -> None:
    pieces: list[str] = []
    async with ScriptedServer(SCRIPT) as server:
        model = OpenAIModel(settings(server.base_url))
        answer = await model.complete(request(), pieces.append)
        await model.close()
    assert answer.text == WORDS == "".join(pieces)
    assert len(pieces) > 5
    assert [call.name for call in answer.tool_calls] == ["create_file", "list_files"]
    assert json.loads(answer.tool_calls[0].arguments) == CALL.arguments
    assert len({call.id for call in answer.tool_calls}) == 2
    assert answer.finish_reason == "tool_calls"
    assert answer.usage.output_tokens > 10
    assert not answer.usage.estimated
    assert answer.cost_usd is not None
    assert answer.cost_usd > 0
    assert answer.duration_s > 0


async def test_the_request_carries_attribution_tools_and_parameters() -> None:
    _, server = await ask(asked=request(answered=1))
    sent = server.requests[0]
    attribution = {name: value for name, value in sent.headers.items() if name.startswith("x-miracle-")}
    assert attribution == {
        "x-miracle-run": "r1",
        "x-miracle-role": "coder",
        "x-miracle-phase": "p1",
        "x-miracle-iteration": "3",
        "x-miracle-visit": "2",
    }
    body = sent.json()
    assert body["stream"] is True
    assert body["stream_options"] == {"include_usage": True}
    assert body["temperature"] == 0.2
    assert body["max_tokens"] == 4096
    assert "top_p" not in body
    assert "max_completion_tokens" not in body
    assert body["tools"][0]["function"]["name"] == "create_file"
    assert sent.headers["authorization"] == "Bearer sk-test-0123456789abcdef"


async def test_the_turn_follows_from_the_conversation() -> None:
    answer, _ = await ask(asked=request(answered=1))
    assert answer.tool_calls[0].name == "submit_work"


async def test_a_conversation_with_calls_and_undecodable_text_is_sent() -> None:
    talk = (
        Message(role="user", content="a lone \udce4 surrogate"),
        Message(role="assistant", tool_calls=(ToolCall(id="c1", name="bad name!\x1b", arguments='{"x": '),)),
        Message(role="tool", tool_call_id="c1", content="no such tool"),
    )
    _, server = await ask(asked=ModelRequest(model="m", messages=talk, role="coder"))
    sent = server.requests[0].json()["messages"]
    assert sent[0]["content"] == "a lone ? surrogate"
    assert sent[1]["content"] is None
    assert sent[1]["tool_calls"][0]["function"] == {"name": "bad_name_", "arguments": '{"x": '}
    assert sent[2]["tool_call_id"] == "c1"


@pytest.mark.parametrize(
    ("fault", "expected", "calls"),
    [
        (Fault(K.STATUS, 401), KeyRejected, 1),
        (Fault(K.STATUS, 403), KeyRejected, 1),
        (Fault(K.STATUS, 404), ModelUnknown, 1),
        (Fault(K.STATUS, 400, "context_length_exceeded"), ContextTooLong, 1),
        (Fault(K.STATUS, 400, message="This model's maximum context length is 8192 tokens"), ContextTooLong, 1),
        (Fault(K.STATUS, 400), RequestRejected, 1),
        (Fault(K.STATUS, 402), QuotaExhausted, 1),
        (Fault(K.STATUS, 429, "insufficient_quota"), QuotaExhausted, 1),
        (Fault(K.STATUS, 429), RateLimited, 3),
        (Fault(K.STATUS, 500), ServerFailed, 3),
        (Fault(K.STATUS, 503), ServerFailed, 3),
        (Fault(K.CLOSE), Unreachable, 3),
        (Fault(K.CUT_CHUNK), StreamCut, 3),
        (Fault(K.CUT_CALL), StreamCut, 3),
        (Fault(K.END_EARLY), StreamCut, 3),
        (Fault(K.BAD_JSON), StreamCut, 3),
        (Fault(K.ERROR_OBJECT), ServerFailed, 3),
        (Fault(K.ERROR_OBJECT, code="429"), RateLimited, 3),
        (Fault(K.ERROR_OBJECT, code="rate_limit_exceeded"), RateLimited, 3),
        (Fault(K.ERROR_OBJECT, code="context_length_exceeded"), ContextTooLong, 1),
        (Fault(K.ERROR_OBJECT, code="insufficient_quota"), QuotaExhausted, 1),
    ],
    ids=lambda value: f"{value.kind}-{value.status}-{value.code}" if isinstance(value, Fault) else None,
)
async def test_an_error_is_translated_and_retried_if_that_helps(
    fault: Fault, expected: type[ModelError], calls: int
) -> None:
    async with ScriptedServer(SCRIPT, [fault] * 3) as server:
        model = OpenAIModel(settings(server.base_url))
        with pytest.raises(ModelError) as caught:
            await model.complete(request())
        await model.close()
        assert type(caught.value) is expected
        assert caught.value.title
        assert caught.value.hint
        assert len(server.requests) == calls


@pytest.mark.parametrize("kind", [K.HANG, K.STALL])
async def test_silence_becomes_a_timeout(kind: FaultKind) -> None:
    error = await failure(Fault(kind), attempts=3)
    assert isinstance(error, Unreachable)
    assert "0.5 s" in error.title
    assert "timeout_seconds" in error.hint


async def test_nobody_listening_is_unreachable() -> None:
    async with ScriptedServer(SCRIPT) as server:
        address = server.base_url
    model = OpenAIModel(settings(address))
    with pytest.raises(Unreachable) as caught:
        await model.complete(request())
    await model.close()
    assert "api.base_url" in caught.value.hint


@pytest.mark.parametrize("kind", [K.CUT_CHUNK, K.CUT_CALL, K.BAD_JSON, K.HANG, K.CLOSE, K.STATUS])
async def test_one_failure_is_survived(kind: FaultKind) -> None:
    announced: list[tuple[ModelError, float, int]] = []
    async with ScriptedServer(SCRIPT, [Fault(kind)]) as server:
        model = OpenAIModel(settings(server.base_url))
        answer = await model.complete(request(), on_retry=lambda *told: announced.append(told))
        await model.close()
    assert answer.text == WORDS
    assert len(announced) == 1
    error, wait_s, attempt = announced[0]
    assert isinstance(error, Transient)
    assert 0 < wait_s <= 0.02
    assert attempt == 1


async def test_an_answer_that_was_complete_survives_a_late_cut() -> None:
    answer, server = await ask(Fault(K.CUT_DONE))
    assert answer.text == WORDS
    assert len(server.requests) == 1
    assert answer.usage.estimated


async def test_missing_usage_is_estimated() -> None:
    answer, _ = await ask(Fault(K.NO_USAGE))
    assert answer.usage.estimated
    assert answer.usage.input_tokens > 0
    assert answer.usage.output_tokens > 10


async def test_empty_and_refused_answers_come_back_as_they_are() -> None:
    empty, _ = await ask(Fault(K.EMPTY))
    assert (empty.text, empty.tool_calls, empty.finish_reason) == ("", (), "stop")
    refused, _ = await ask(Fault(K.REFUSAL))
    assert refused.refusal == "I can't help with that."


async def test_malformed_calls_stay_raw() -> None:
    answer, _ = await ask(Fault(K.BAD_ARGUMENTS))
    with pytest.raises(ValueError, match="Unterminated"):
        json.loads(answer.tool_calls[0].arguments)
    unknown, _ = await ask(Fault(K.UNKNOWN_TOOL))
    assert unknown.tool_calls[0].name == "launch_rocket"


async def wait_after(retry_after: str) -> float:
    waits: list[float] = []
    async with ScriptedServer(SCRIPT, [Fault(K.STATUS, 429, retry_after=retry_after)]) as server:
        model = OpenAIModel(settings(server.base_url))
        await model.complete(request(), on_retry=lambda _, wait_s, __: waits.append(wait_s))
        await model.close()
    return waits[0]


async def test_retry_after_is_obeyed() -> None:
    assert await wait_after("0.3") == pytest.approx(0.3)
    in_two_seconds = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    assert 0 < await wait_after(in_two_seconds) <= 2
    assert await wait_after("soon") <= 0.02


async def test_a_long_retry_after_gives_up_at_once() -> None:
    async with ScriptedServer(SCRIPT, [Fault(K.STATUS, 429, retry_after="3600")]) as server:
        model = OpenAIModel(settings(server.base_url))
        with pytest.raises(RateLimited) as caught:
            await model.complete(request())
        await model.close()
        assert caught.value.retry_after_s == 3600
        assert len(server.requests) == 1


async def test_a_missing_key_is_reported_before_any_connection() -> None:
    model = OpenAIModel(settings("https://api.openai.com/v1/", key=None))
    with pytest.raises(KeyMissing) as caught:
        await model.complete(request())
    await model.close()
    assert "OPENAI_API_KEY" in caught.value.hint


async def test_other_servers_need_no_key() -> None:
    _, server = await ask(key=None)
    assert server.requests[0].headers["authorization"] == "Bearer no-key"


async def test_a_proxy_is_not_asked_for_a_server_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    answer, _ = await ask()
    assert answer.text == WORDS


async def test_the_key_is_never_quoted() -> None:
    error = await failure(Fault(K.STATUS, 401, message="Incorrect key sk-test-0123456789abcdef.\x1b[31m"))
    assert "OPENAI_API_KEY" in error.hint
    assert "0123456789" not in error.title + error.hint
    assert "\x1b" not in error.hint


async def test_an_unsupported_parameter_is_left_out_from_then_on() -> None:
    faults = [
        Fault(K.STATUS, 400, "unsupported_value", "temperature"),
        Fault(K.STATUS, 400, "unsupported_parameter", message="Unsupported parameter: 'max_tokens'"),
    ]
    async with ScriptedServer(SCRIPT, faults) as server:
        model = OpenAIModel(settings(server.base_url))
        await model.complete(request())
        await model.complete(request())
        await model.close()
        bodies = [sent.json() for sent in server.requests]
    assert len(bodies) == 4
    assert "temperature" in bodies[0]
    for body in bodies[2:]:
        assert "temperature" not in body
        assert "max_tokens" not in body
        assert body["max_completion_tokens"] == 4096


async def test_a_parameter_that_stays_unsupported_is_an_error() -> None:
    error = await failure(Fault(K.STATUS, 400, "unsupported_value", "temperature"), attempts=2)
    assert isinstance(error, RequestRejected)


async def test_a_cancelled_call_ends_at_once_and_the_client_stays_usable() -> None:
    async with ScriptedServer(SCRIPT, words_per_second=5) as server:
        model = OpenAIModel(settings(server.base_url))
        first_piece = asyncio.Event()
        call = asyncio.create_task(model.complete(request(), lambda _: first_piece.set()))
        await asyncio.wait_for(first_piece.wait(), 5)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(call, 1)
        assert (await model.complete(request(answered=1))).tool_calls[0].name == "submit_work"
        await model.close()


async def test_calls_at_the_same_time_do_not_mix() -> None:
    async with ScriptedServer(SCRIPT) as server:
        model = OpenAIModel(settings(server.base_url))
        asked = [request(answered=number % 2) for number in range(10)]
        answers = await asyncio.gather(*(model.complete(one) for one in asked))
        await model.close()
    assert [answer.text for answer in answers] == [WORDS, ""] * 5
