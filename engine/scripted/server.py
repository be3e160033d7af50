"""A scripted model behind real HTTP: an OpenAI-compatible server on loopback.

What it answers depends only on the request (its X-Miracle headers, and how many answers its conversation already has),
so a run that is killed and resumed finds it as it was. `python -P -m engine.scripted.server SCRIPT` runs it alone.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from engine.scripted import answers
from engine.scripted.faults import Fault, FaultKind, FaultList
from engine.scripted.http import BadRequest, EventStream, HttpRequest, read_request, write_json, write_text
from engine.scripted.remembering import with_memories
from engine.scripted.script import Place, Script, ScriptedCall, ScriptError, Turn, load_script
from engine.scripted.spoilt import spoilt

_HOST = "127.0.0.1"
_MODEL = "scripted"
_LIMIT = 1024 * 1024


class ScriptedServer:
    """Serves a script while it is entered.

    Args:
        script: What the model says, or the name or file of it.
        faults: What goes wrong, call by call.
        words_per_second: Speed of streamed text; 0 sends it at once.
        port: 0 takes any free one.
        host: The address of this machine that it serves.
    """

    def __init__(
        self,
        script: Script | str,
        faults: Sequence[Fault] = (),
        *,
        words_per_second: float = 0,
        port: int = 0,
        host: str = _HOST,
    ) -> None:
        self.script = load_script(script) if isinstance(script, str) else script
        self.requests: list[HttpRequest] = []
        """Every request so far, oldest first."""
        self._faults = FaultList(faults)
        self._pause_s = 0.0
        self.speak(words_per_second)
        self._port = port
        self._host = host
        self._calls = 0
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def base_url(self) -> str:
        """Where clients reach it."""
        return f"http://{self._host}:{self._port}/v1"

    def speak(self, words_per_second: float) -> None:
        """Change the speed of streamed text from the next answer on; 0 sends it at once."""
        self._pause_s = 1 / words_per_second if words_per_second > 0 else 0.0

    async def disconnected(self) -> None:
        """Wait until no connection is open: then every request that was sent is in `requests`."""
        while self._connections:
            await asyncio.wait(set(self._connections))

    async def __aenter__(self) -> "ScriptedServer":
        self._server = await asyncio.start_server(self._accept, self._host, self._port, limit=_LIMIT)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
        try:
            await self._converse(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass  # The client hung up, or the server is being closed: nobody is left to answer.
        finally:
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                request = await read_request(reader)
                if request is None:
                    return
                self.requests.append(request)
                if not await self._answer(request, writer):
                    return
            except BadRequest as error:
                await write_json(writer, 400, answers.error(str(error), kind="invalid_request_error"))
                return

    async def _answer(self, request: HttpRequest, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; False when the connection is of no more use."""
        match (request.method, request.path):
            case ("POST", "/v1/chat/completions"):
                return await self._chat(request, writer)
            case ("POST", "/v1/embeddings"):
                return await self._embed(request, writer)
            case ("GET", "/v1/models"):
                return await self._list(writer)
            case _:
                await write_json(writer, 404, answers.error(f"no {request.method} {request.path} here"))
        return True

    async def _list(self, writer: asyncio.StreamWriter) -> bool:
        fault = self._faults.take_listing()
        if fault is not None and await _refused(fault, writer):
            return fault.kind is FaultKind.STATUS
        model = {"id": _MODEL, "object": "model", "created": 0, "owned_by": "miracle"}
        await write_json(writer, 200, {"object": "list", "data": [model]})
        return True

    async def _embed(self, request: HttpRequest, writer: asyncio.StreamWriter) -> bool:
        body = request.json()
        fault = self._faults.take_embedding(body)
        if fault is not None and await _refused(fault, writer):
            return fault.kind is FaultKind.STATUS
        if fault is not None and fault.kind is FaultKind.BAD_JSON:
            await write_text(writer, '{"data": [{"embedding": [0.1, ')
            return True
        asked = body.get("input", "")
        texts = [asked] if isinstance(asked, str) else [str(text) for text in asked]
        answer = answers.embeddings(str(body.get("model")), texts, body.get("dimensions"))
        await write_json(writer, 200, spoilt(answer, fault.kind) if fault else answer)
        return True

    async def _chat(self, request: HttpRequest, writer: asyncio.StreamWriter) -> bool:
        body = request.json()
        self._calls += 1
        fault = self._faults.take(self._calls)
        if fault is not None and await _refused(fault, writer):
            return fault.kind is FaultKind.STATUS
        place = place_of(request, body)
        turn = _spoilt(fault) or self.script.turn_at(place)
        if turn is None:
            message = f"the script {self.script.name!r} has no session for {place!r}"
            await write_json(writer, 400, answers.error(message, code="script_has_no_session"))
            return True
        turn = with_memories(turn, place.conversation)
        model = str(body.get("model") or _MODEL)
        used = answers.usage(str(body.get("messages")), turn)
        if body.get("stream"):
            wants_usage = bool((body.get("stream_options") or {}).get("include_usage"))
            reply = _Reply(model, turn, self._calls, used if wants_usage else None, self._pause_s)
            cut_after = fault.after_bytes if fault is not None and fault.kind is FaultKind.CUT_AT else None
            return await reply.stream(EventStream(writer, cut_after), fault)
        await write_json(writer, 200, answers.completion(model, turn, self._calls, used))
        return True


class _Reply:
    """One streamed answer, and where in it a fault strikes."""

    def __init__(self, model: str, turn: Turn, number: int, used: dict[str, int] | None, pause_s: float) -> None:
        self._model = model
        self._turn = turn
        self._number = number
        self._used = used
        self._pause_s = pause_s

    async def stream(self, events: EventStream, fault: Fault | None) -> bool:
        """Send the answer; False when the fault broke the connection."""
        kind = fault.kind if fault else None
        await events.begin()
        await events.send(self._chunk({"role": "assistant", "content": ""}))
        if fault is not None and await self._broken_at_start(events, fault):
            return False
        for piece in answers.text_pieces(self._turn.text):
            await events.send(self._chunk({"content": piece}))
            if self._pause_s:
                await asyncio.sleep(self._pause_s)
        if kind is FaultKind.REFUSAL:
            await events.send(self._chunk({"refusal": "I can't help with that."}))
        for fragment in answers.call_fragments(self._turn, self._number):
            await events.send(self._chunk({"tool_calls": [fragment]}))
            if kind is FaultKind.CUT_CALL and fragment["function"]["arguments"]:
                return False
        if kind is FaultKind.END_EARLY:
            await events.end()
            return True
        await events.send(self._chunk({}, answers.finish_reason(self._turn)))
        if kind is FaultKind.CUT_DONE:
            return False
        if self._used is not None and kind is not FaultKind.NO_USAGE:
            await events.send(answers.usage_chunk(self._model, self._used))
        await events.send_raw("[DONE]")
        if kind is FaultKind.LINGER:
            await asyncio.Event().wait()
        await events.end()
        return True

    async def _broken_at_start(self, events: EventStream, fault: Fault) -> bool:
        match fault.kind:
            case FaultKind.CUT_CHUNK:
                await events.send_half(self._chunk({"content": "This sentence is cut in the"}))
            case FaultKind.BAD_JSON:
                await events.send_raw('{"choices": [{"delta": {"conte')
            case FaultKind.ERROR_OBJECT:
                await events.send(answers.error(fault.message, fault.code or "server_error", kind="server_error"))
            case FaultKind.STALL:
                await asyncio.Event().wait()
            case _:
                return False
        return True

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return answers.chunk(self._model, delta, finish)


def place_of(request: HttpRequest, body: dict[str, Any]) -> Place:
    """Where in the run a chat request stands.

    Raises:
        BadRequest: It lacks messages, or a header that counts is no number.
    """
    messages = body.get("messages")
    if not isinstance(messages, list):
        raise BadRequest("messages are missing")
    try:
        iteration = int(request.headers.get("x-miracle-iteration", "0"))
        visit = int(request.headers.get("x-miracle-visit", "1"))
    except ValueError as error:
        raise BadRequest("X-Miracle-Iteration and X-Miracle-Visit are numbers") from error
    roles = [message.get("role") for message in messages]
    return Place(
        role=unquote(request.headers.get("x-miracle-role", "")),
        phase=unquote(request.headers.get("x-miracle-phase", "")),
        iteration=iteration,
        visit=visit,
        turn=roles.count("assistant"),
        conversation="\n".join(str(message.get("content")) for message in messages),
    )


async def _refused(fault: Fault, writer: asyncio.StreamWriter) -> bool:
    """Carry out a fault that strikes before the answer begins; False for the others."""
    match fault.kind:
        case FaultKind.STATUS:
            headers = {"Retry-After": fault.retry_after} if fault.retry_after is not None else {}
            value = answers.error(fault.message, fault.code, fault.param)
            await write_json(writer, fault.status, value, headers)
        case FaultKind.HANG:
            await asyncio.Event().wait()
        case FaultKind.CLOSE:
            pass
        case _:
            return False
    return True


def _spoilt(fault: Fault | None) -> Turn | None:
    """The answer that a fault puts in the place of the script's."""
    match fault.kind if fault else None:
        case FaultKind.EMPTY | FaultKind.REFUSAL:
            return Turn()
        case FaultKind.BAD_ARGUMENTS:
            return Turn(calls=(ScriptedCall(name="create_file", raw='{"path": "app.py", "content": "pri'),))
        case FaultKind.UNKNOWN_TOOL:
            return Turn(calls=(ScriptedCall(name="launch_rocket", arguments={"to": "moon"}),))
        case _:
            return None


async def _serve(script: str, port: int, words_per_second: float) -> None:
    async with ScriptedServer(script, words_per_second=words_per_second, port=port) as server:
        print(server.base_url, flush=True)
        await asyncio.Event().wait()


def main() -> int:
    """Serve a script until interrupted, and print the address first."""
    parser = argparse.ArgumentParser(prog="python -P -m engine.scripted.server", description="A scripted model server.")
    parser.add_argument("script", help="name of a packaged goal, or a YAML file")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free one")
    parser.add_argument("--words-per-second", type=float, default=0, help="speed of streamed text; 0 is at once")
    options = parser.parse_args()
    try:
        asyncio.run(_serve(options.script, options.port, options.words_per_second))
    except KeyboardInterrupt:
        return 130
    except (ScriptError, OSError) as error:
        print(f"{error} {getattr(error, 'hint', '')}".strip(), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
