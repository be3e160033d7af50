"""Cassettes: any run's answers, recorded line by line, and replayed without a model."""

import hashlib
import json
import os
import re
from collections import defaultdict
from io import TextIOWrapper
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from config.openai import Context
from config.secrets import redact
from engine.llm.errors import CassetteError
from engine.llm.protocol import Answer, ModelClient, ModelRequest, OnDelta, OnRetry, ToolCall

Key = tuple[str, str, int, int]


class Entry(BaseModel):
    """One line of a cassette; `turn` counts the answers that the conversation already had."""

    model_config = ConfigDict(frozen=True)

    role: str
    phase: str
    iteration: int
    visit: int
    turn: int
    digest: str
    answer: Answer

    @property
    def key(self) -> Key:
        return (self.role, self.phase, self.visit, self.turn)


def request_key(request: ModelRequest) -> Key:
    """Where in a run a call stands, the same in a recording and its replay.

    The iteration is no part of it: phases that work side by side begin theirs in any order.
    """
    turn = sum(message.role == "assistant" for message in request.messages)
    return (request.role, request.phase, request.visit, turn)


def request_digest(request: ModelRequest) -> str:
    """SHA-256 of what was asked, to tell whether a replay asks the same."""
    asked = [request.model, *(message.model_dump_json() for message in request.messages)]
    return hashlib.sha256("\n".join(asked).encode("utf-8", "replace")).hexdigest()


class RecordingModel:
    """Passes calls on to another client and appends each answer to a file that only its owner can read.

    Args:
        inner: The client that answers.
        path: The cassette; created, or continued.
        secrets: Texts that are blacked out wherever an answer repeats them, besides all that looks like a key.
    """

    def __init__(self, inner: ModelClient, path: Path, secrets: tuple[str, ...] = ()) -> None:
        self._inner = inner
        self._path = path
        self._secrets = secrets
        self.label = inner.label
        self.scripted = inner.scripted
        try:
            self._file: TextIOWrapper | None = _open_for_append(path)
        except OSError as error:
            raise CassetteError(f"Cannot record to {path}: {error.strerror}", "Give --record another file.") from error

    async def complete(
        self, request: ModelRequest, on_delta: OnDelta | None = None, on_retry: OnRetry | None = None
    ) -> Answer:
        """Ask the inner client, and record its answer before returning it."""
        answer = await self._inner.complete(request, on_delta, on_retry)
        self._append(request, answer)
        return answer

    def worst_case_usd(self, request: ModelRequest) -> float | None:
        """The inner client's."""
        return self._inner.worst_case_usd(request)

    def window_tokens(self, model: str) -> int:
        """The inner client's."""
        return self._inner.window_tokens(model)

    async def close(self) -> None:
        """Close the file and the inner client."""
        file, self._file = self._file, None
        if file is not None:
            file.close()
        await self._inner.close()

    def _append(self, request: ModelRequest, answer: Answer) -> None:
        if self._file is None:
            raise CassetteError(f"The recording {self._path} is already closed", "Start the run again.")
        role, phase, visit, turn = request_key(request)
        entry = Entry(
            role=role,
            phase=phase,
            iteration=request.iteration,
            visit=visit,
            turn=turn,
            digest=request_digest(request),
            answer=self._clean(answer),
        )
        try:
            self._file.write(entry.model_dump_json() + "\n")
            self._file.flush()
        except OSError as error:
            raise CassetteError(
                f"Cannot record to {self._path}: {error.strerror}", "Free some space, then resume the run."
            ) from error

    def _clean(self, answer: Answer) -> Answer:
        calls = tuple(
            ToolCall(id=call.id, name=call.name, arguments=redact(call.arguments, self._secrets))
            for call in answer.tool_calls
        )
        return answer.model_copy(
            update={
                "text": redact(answer.text, self._secrets),
                "refusal": redact(answer.refusal, self._secrets),
                "tool_calls": calls,
            }
        )


class ReplayModel:
    """Answers from a cassette: for each place in the run the answers recorded there, in their order.

    Raises:
        CassetteError: The file cannot be read or is no cassette.
    """

    scripted = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self.label = f"replay: {path.name}"
        self._entries: defaultdict[Key, list[Entry]] = defaultdict(list)
        self._next: defaultdict[Key, int] = defaultdict(int)
        for entry in _read(path):
            self._entries[entry.key].append(entry)

    async def complete(
        self, request: ModelRequest, on_delta: OnDelta | None = None, on_retry: OnRetry | None = None
    ) -> Answer:
        """The recorded answer; its text streams piece by piece.

        Raises:
            CassetteError: Nothing is recorded for this place of the run.
        """
        key = request_key(request)
        at = self._next[key]
        if at >= len(self._entries[key]):
            raise CassetteError(
                f"{self._path.name} holds no answer {at + 1} for {_described(key)}",
                "The run left the recorded path: replay it with the goal, options and version it was recorded with.",
            )
        answer = self._entries[key][at].answer
        if on_delta is not None:
            for piece in re.findall(r"\S+\s*|\s+", answer.text):
                on_delta(piece)
        self._next[key] = at + 1
        return answer

    def worst_case_usd(self, request: ModelRequest) -> float | None:
        """Nothing: a replay pays nobody."""
        return 0.0

    def window_tokens(self, model: str) -> int:
        """The default: what is recorded is answered, however long the prompt."""
        return Context().max_tokens

    async def close(self) -> None:
        """Nothing is open."""


def _described(key: Key) -> str:
    role, phase, visit, turn = key
    place = f"phase {phase}" if phase else "the whole run"
    return f"the {role or 'unnamed'} agent in {place} (session {visit}, turn {turn + 1})"


def _open_for_append(path: Path) -> TextIOWrapper:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    binary = os.fdopen(descriptor, "r+b")
    # A kill may have left half a line behind; it would spoil the first line appended to it.
    content = binary.read()
    binary.truncate(content.rfind(b"\n") + 1)
    binary.seek(0, os.SEEK_END)
    return TextIOWrapper(binary, encoding="utf-8", errors="replace", newline="\n")


def _read(path: Path) -> list[Entry]:
    try:
        lines = path.read_bytes().decode("utf-8", "replace").split("\n")
    except OSError as error:
        raise CassetteError(f"Cannot replay {path}: {error.strerror}", "Give --replay a recorded file.") from error
    entries: list[Entry] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entries.append(Entry.model_validate(json.loads(line)))
        except (ValidationError, ValueError) as error:
            if number == len(lines):
                break
            raise CassetteError(
                f"Line {number} of {path} is no recorded answer",
                "The file is damaged, or no cassette: record it again.",
            ) from error
    return entries
