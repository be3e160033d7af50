"""The scripted server as any client sees it, and as a process of its own."""

import asyncio
import json
import signal
import sys
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from engine.llm.client import OpenAIModel
from engine.scripted.server import ScriptedServer
from tests.model_fixtures import SCRIPT, WORDS, request, settings


async def call(base_url: str, path: str, content: Any = None, **headers: str) -> tuple[int, Any]:
    """A request by another client than the one under test."""

    def send() -> tuple[int, Any]:
        body = None if content is None else json.dumps(content).encode()
        asked = urllib.request.Request(base_url + path, body, {"Content-Type": "application/json", **headers})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), Lenient())
        with opener.open(asked, timeout=5) as answer:
            return answer.status, json.loads(answer.read())

    return await asyncio.to_thread(send)


class Lenient(urllib.request.HTTPErrorProcessor):
    """Returns error statuses instead of raising them."""

    def http_response(self, request: Any, response: Any) -> Any:
        return response


async def test_a_whole_answer_without_streaming() -> None:
    async with ScriptedServer(SCRIPT) as server:
        asked = {"model": "m", "messages": [{"role": "user", "content": "Go."}]}
        status, answer = await call(server.base_url, "/chat/completions", asked, **{"X-Miracle-Role": "coder"})
        assert status == 200
        assert answer["choices"][0]["message"]["content"] == WORDS
        assert answer["choices"][0]["finish_reason"] == "tool_calls"
        assert [one["function"]["name"] for one in answer["choices"][0]["message"]["tool_calls"]] == [
            "create_file",
            "list_files",
        ]
        assert answer["usage"]["total_tokens"] > 0


async def test_models_are_listed() -> None:
    async with ScriptedServer(SCRIPT) as server:
        status, answer = await call(server.base_url, "/models")
    assert (status, answer["data"][0]["id"]) == (200, "scripted")


async def test_embeddings_are_the_same_every_time() -> None:
    async with ScriptedServer(SCRIPT) as server:
        asked = {"model": "e", "input": ["red test", "red test", "green"], "dimensions": 32}
        _, first = await call(server.base_url, "/embeddings", asked)
        _, again = await call(server.base_url, "/embeddings", {**asked, "input": "red test"})
    vectors = [row["embedding"] for row in first["data"]]
    assert vectors[0] == vectors[1] == again["data"][0]["embedding"]
    assert vectors[0] != vectors[2]
    assert {len(vector) for vector in vectors} == {32}
    assert abs(sum(number**2 for number in vectors[0]) - 1) < 1e-9


async def test_a_place_without_a_session_is_a_clear_error() -> None:
    async with ScriptedServer(SCRIPT) as server:
        asked: dict[str, object] = {"messages": []}
        status, answer = await call(server.base_url, "/chat/completions", asked, **{"X-Miracle-Role": "planner"})
    assert status == 400
    assert "role='planner'" in answer["error"]["message"]


async def test_bad_requests_are_answered() -> None:
    async with ScriptedServer(SCRIPT) as server:
        assert (await call(server.base_url, "/nothing"))[0] == 404
        assert (await call(server.base_url, "/chat/completions", {}))[0] == 400
        assert (await call(server.base_url, "/chat/completions", [1]))[0] == 400
        asked: dict[str, object] = {"messages": []}
        assert (await call(server.base_url, "/chat/completions", asked, **{"X-Miracle-Visit": "two"}))[0] == 400
        address = urlsplit(server.base_url)
        for garbage in (
            b"nonsense\r\n\r\n",
            b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"A" * 2_000_000 + b"\r\n",
        ):
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            writer.write(garbage)
            assert (await reader.readline()).startswith(b"HTTP/1.1 400")
            writer.close()
        assert (await call(server.base_url, "/models"))[0] == 200


async def test_text_streams_at_the_speed_asked_for() -> None:
    loop = asyncio.get_running_loop()
    async with ScriptedServer(SCRIPT, words_per_second=50) as server:
        model = OpenAIModel(settings(server.base_url))
        times: list[float] = []
        await model.complete(request(), lambda _: times.append(loop.time()))
        await model.close()
    assert len(times) == len(WORDS.split())
    assert times[-1] - times[0] > 0.8 * (len(times) - 1) / 50


async def test_the_server_closes_with_open_connections() -> None:
    async with ScriptedServer(SCRIPT) as server:
        address = urlsplit(server.base_url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 10\r\n\r\n{")
        await asyncio.sleep(0.05)
    assert await asyncio.wait_for(reader.read(), 2) == b""
    writer.close()


async def start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "engine.scripted.server",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_the_server_runs_as_a_process_of_its_own() -> None:
    process = await start("roman-numerals", "--port", "0")
    assert process.stdout is not None
    base_url = (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()
    model = OpenAIModel(settings(base_url))
    answer = await model.complete(request("planner"))
    await model.close()
    process.send_signal(signal.SIGINT)
    _, errors = await asyncio.wait_for(process.communicate(), 10)
    assert answer.tool_calls[0].name == "submit_plan"
    assert (process.returncode, errors) == (130, b"")


async def test_an_unknown_script_is_a_usage_error() -> None:
    process = await start("no-such-goal")
    output, errors = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 2
    assert output == b""
    assert b"No script 'no-such-goal'" in errors
    assert b"roman-numerals" in errors
