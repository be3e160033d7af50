"""Recording and replaying over a real server."""

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from config.config import Config
from config.openai import Parameters
from config.paths import Paths
from engine.llm.cassette import RecordingModel, ReplayModel
from engine.llm.choose import make_embeddings, make_model
from engine.llm.client import OpenAIModel
from engine.llm.embeddings import OpenAIEmbeddings, checked_vectors
from engine.llm.errors import CassetteError, EmbeddingInvalid, Unreachable
from engine.llm.protocol import Answer
from engine.scripted.script import Script
from engine.scripted.server import ScriptedServer
from tests.model_fixtures import SCRIPT, WORDS, request, settings


async def record(path: Path, script: Script = SCRIPT, secrets: tuple[str, ...] = ()) -> list[Answer]:
    async with ScriptedServer(script) as server:
        model = RecordingModel(OpenAIModel(settings(server.base_url)), path, secrets)
        answers = [await model.complete(request()), await model.complete(request(answered=1))]
        await model.close()
    return answers


async def test_a_recording_replays_the_same_answers(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    recorded = await record(path)
    replay = ReplayModel(path)
    pieces: list[str] = []
    # The conversation's place decides, not the order of the calls.
    second = await replay.complete(request(answered=1))
    first = await replay.complete(request(), pieces.append)
    assert [first, second] == recorded
    assert "".join(pieces) == WORDS
    assert len(pieces) > 5
    assert replay.scripted
    assert replay.label == "replay: run.jsonl"
    assert replay.worst_case_usd(request()) == 0


async def test_a_missing_answer_says_which(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    await record(path)
    replay = ReplayModel(path)
    await replay.complete(request())
    with pytest.raises(CassetteError, match=r"answer 2 for the coder agent in phase p1"):
        await replay.complete(request())
    with pytest.raises(CassetteError, match="the planner agent") as caught:
        await replay.complete(replace(request(), role="planner"))
    assert caught.value.hint


async def test_a_kill_loses_at_most_one_line(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    await record(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    assert (await ReplayModel(path).complete(request())).text == WORDS
    recorded = await record(path)
    assert path.read_bytes().count(b"\n") == 3
    replay = ReplayModel(path)
    await replay.complete(request())
    assert await replay.complete(request()) == recorded[0]
    assert await replay.complete(request(answered=1)) == recorded[1]


@pytest.mark.parametrize("content", [b"not json\n", b'{"role": "coder"}\n', b"\xff\xfe\n\n", b"[]\n"])
def test_what_is_no_cassette_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_bytes(content)
    with pytest.raises(CassetteError, match="Line 1"):
        ReplayModel(path)


def test_files_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CassetteError, match="Cannot replay"):
        ReplayModel(tmp_path / "missing.jsonl")
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    with pytest.raises(CassetteError, match="Cannot record"):
        RecordingModel(ReplayModel(empty), tmp_path)


async def test_secrets_and_prompts_are_not_recorded(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    leak = "The key is hunter2-hunter2 and sk-abcdefghijklmnopqrstuvwxyz."
    session = SCRIPT.sessions[0]
    turns = (session.turns[0].model_copy(update={"text": leak}), session.turns[1])
    script = SCRIPT.model_copy(update={"sessions": (session.model_copy(update={"turns": turns}),)})
    answers = await record(path, script, ("hunter2-hunter2",))
    assert answers[0].text == leak
    text = path.read_text()
    assert "hunter2" not in text
    assert "sk-" not in text
    assert "You write code." not in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_the_command_line_chooses_the_model(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    async with ScriptedServer(SCRIPT) as server:
        config = Config(Paths(tmp_path, tmp_path, tmp_path, tmp_path), openai=settings("http://127.0.0.1:1/v1"))
        model = make_model(config, base_url=server.base_url, model="mine", record=path, scripted="small")
        assert (model.label, model.scripted) == ("scripted: small", True)
        answer = await model.complete(request())
        await model.close()
        assert server.requests[0].json()["model"] == "mine"
    assert answer.model == "mine"
    replay = make_model(config, replay=path)
    assert (await replay.complete(request())).text == WORDS
    plain = make_model(config)
    assert (plain.label, plain.scripted) == ("127.0.0.1:1", False)
    with pytest.raises(Unreachable):
        await plain.complete(request())
    await plain.close()


async def test_embeddings_have_the_length_asked_for(tmp_path: Path) -> None:
    async with ScriptedServer(SCRIPT) as server:
        config = Config(Paths(tmp_path, tmp_path, tmp_path, tmp_path), openai=settings(server.base_url))
        embeddings = make_embeddings(config)
        texts = ["list index out of range", "index out of range", "", *(f"text {n}" for n in range(300))]
        vectors = (await embeddings.embed(texts, "text-embedding-3-large", 64)).vectors
        await embeddings.close()
        assert len(server.requests) == 2
    assert len(vectors) == len(texts)
    assert {len(vector) for vector in vectors} == {64}
    near = sum(a * b for a, b in zip(vectors[0], vectors[1], strict=True))
    far = sum(a * b for a, b in zip(vectors[0], vectors[3], strict=True))
    assert near > far


async def test_vectors_of_another_length_are_refused() -> None:
    async with ScriptedServer(SCRIPT) as server:
        embeddings = make_embeddings_without_length(server)
        with pytest.raises(EmbeddingInvalid, match="1536 numbers instead of 64") as caught:
            await embeddings.embed(["text"], "fixed-length", 64)
        await embeddings.close()
    assert caught.value.hint


def make_embeddings_without_length(server: ScriptedServer) -> OpenAIEmbeddings:
    connection = OpenAIModel(settings(server.base_url, parameters=Parameters())).connection
    embeddings = OpenAIEmbeddings(connection)
    embeddings._without_dimensions.add("fixed-length")
    return embeddings


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([], "0 vectors for 2 texts"),
        ([[1.0, 0.0]], "1 vectors for 2 texts"),
        ([[1.0, 0.0], [1.0]], "1 numbers instead of 2"),
        ([[1.0, 0.0], [1.0, float("nan")]], "not finite"),
        ([[1.0, 0.0], [1.0, float("inf")]], "not finite"),
        ([[1.0, 0.0], [1.0, None]], "something else than numbers"),
    ],
)
def test_vectors_are_checked(rows: list[list[float]], problem: str) -> None:
    from openai.types import CreateEmbeddingResponse, Embedding

    data = [Embedding.construct(index=index, embedding=row) for index, row in enumerate(rows)]
    with pytest.raises(EmbeddingInvalid, match=problem):
        checked_vectors(CreateEmbeddingResponse.construct(data=data), 2, 2)
