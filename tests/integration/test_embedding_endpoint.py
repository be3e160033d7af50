"""What comes from an embeddings endpoint, over real HTTP: checked, in order, priced, and clear when it is no good."""

from collections.abc import Sequence

import pytest

from config.config import Config
from config.openai import Embedding
from config.paths import find_paths
from engine.llm.choose import make_embeddings
from engine.llm.errors import (
    EmbeddingInvalid,
    KeyRejected,
    ModelError,
    ModelUnknown,
    RateLimited,
    ServerFailed,
    Unreachable,
)
from engine.scripted.faults import Fault, FaultKind
from engine.scripted.server import ScriptedServer
from memory.embedders import API_BATCH_CHARACTERS, API_CHARACTERS, batches
from tests.model_fixtures import SCRIPT, settings

TEXTS = ["KeyError: 'amount' in parse_row", "IndexError: list index out of range", "Connection refused"]
DIMENSIONS = 64
MODEL = "text-embedding-3-large"


def fault(kind: FaultKind, **values: object) -> Fault:
    return Fault(kind, embedding=True, **values)  # type: ignore[arg-type]


async def ask(server: ScriptedServer, texts: Sequence[str] = TEXTS, dimensions: int = DIMENSIONS) -> list[list[float]]:
    embeddings = make_embeddings(config_for(server))
    try:
        return (await embeddings.embed(list(texts), MODEL, dimensions)).vectors
    finally:
        await embeddings.close()


def config_for(server: ScriptedServer, **embedding: object) -> Config:
    openai = settings(server.base_url, embedding=Embedding.model_validate({"timeout_seconds": 0.3} | embedding))
    return Config(paths=find_paths({"MIRACLE_HOME": "nowhere"}), openai=openai)


BROKEN = (
    (FaultKind.WRONG_LENGTH, EmbeddingInvalid, "vectors of 32 numbers instead of 64"),
    (FaultKind.NOT_A_NUMBER, EmbeddingInvalid, "not finite"),
    (FaultKind.INFINITE, EmbeddingInvalid, "not finite"),
    (FaultKind.ALL_ZERO, EmbeddingInvalid, "all zero"),
    (FaultKind.TOO_FEW, EmbeddingInvalid, "2 vectors for 3 texts"),
    (FaultKind.MISNUMBERED, EmbeddingInvalid, "order is unknown"),
    (FaultKind.BAD_JSON, EmbeddingInvalid, "no vectors"),
)


@pytest.mark.parametrize(("kind", "error", "words"), BROKEN, ids=[str(one[0]) for one in BROKEN])
async def test_vectors_that_say_nothing_are_refused_with_what_to_do(
    kind: FaultKind, error: type[ModelError], words: str
) -> None:
    async with ScriptedServer(SCRIPT, [fault(kind)]) as server:
        with pytest.raises(error, match=words) as caught:
            await ask(server)
    assert "openai.yaml" in caught.value.hint


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, KeyRejected), (404, ModelUnknown), (429, RateLimited), (500, ServerFailed)],
    ids=["key", "model", "rate", "failure"],
)
async def test_a_status_that_stays_is_an_error(status: int, error: type[ModelError]) -> None:
    async with ScriptedServer(SCRIPT, [fault(FaultKind.STATUS, status=status)] * 3) as server:
        with pytest.raises(error):
            await ask(server)


async def test_silence_ends_after_the_timeout() -> None:
    async with ScriptedServer(SCRIPT, [fault(FaultKind.HANG)] * 3) as server:
        with pytest.raises(Unreachable, match=r"within 0.3 s"):
            await ask(server)


@pytest.mark.parametrize(
    "first",
    [
        fault(FaultKind.STATUS, status=429, retry_after="0.05"),
        fault(FaultKind.STATUS, status=503),
        fault(FaultKind.CLOSE),
        fault(FaultKind.SHUFFLED),
        fault(FaultKind.BASE64),
        fault(FaultKind.STATUS, status=400, with_parameter="dimensions", message="invalid request"),
        fault(FaultKind.STATUS, status=400, message="maximum context length is 512 tokens"),
    ],
    ids=["rate limit", "failure", "closed", "another order", "base64", "no dimensions", "too long"],
)
async def test_what_can_be_cured_is_cured(first: Fault) -> None:
    # The server's own length, which it gives when it is not asked for one.
    dimensions = 1536 if first.with_parameter else DIMENSIONS
    texts = [f"{text} {'x ' * 1000}" for text in TEXTS]
    async with ScriptedServer(SCRIPT) as server:
        wanted = await ask(server, texts, dimensions)
    async with ScriptedServer(SCRIPT, [first]) as server:
        got = await ask(server, texts, dimensions)
        sizes = [len(request.json()["input"][0]) for request in server.requests]
    if "context length" in first.message:
        assert sizes[1] < sizes[0] * 0.6
    else:
        assert [[round(number, 5) for number in one] for one in got] == [
            [round(number, 5) for number in one] for one in wanted
        ]


async def test_a_model_that_takes_no_dimensions_is_asked_without_from_then_on() -> None:
    refusing = fault(FaultKind.STATUS, status=400, with_parameter="dimensions", message="unsupported: dimensions")
    async with ScriptedServer(SCRIPT, [refusing]) as server:
        embeddings = make_embeddings(config_for(server))
        for _ in range(2):
            await embeddings.embed(TEXTS, "ada", 1536)
        await embeddings.close()
        assert ["dimensions" in request.json() for request in server.requests] == [True, False, False]


async def test_the_cost_is_counted_and_foretold() -> None:
    async with ScriptedServer(SCRIPT) as server:
        embeddings = make_embeddings(config_for(server))
        counted = await embeddings.embed(TEXTS * 100, MODEL, DIMENSIONS)
        foretold = embeddings.price_usd(TEXTS * 100, MODEL)
        unknown = embeddings.price_usd(TEXTS, "nobody-knows-this-model")
        await embeddings.close()
    assert counted.usd == pytest.approx(foretold)
    assert 0.0001 < (foretold or 0) < 0.01
    assert unknown is None
    assert len(counted.vectors) == 300


async def test_a_server_of_its_own_gets_its_own_key_and_no_other() -> None:
    async with ScriptedServer(SCRIPT) as chat, ScriptedServer(SCRIPT) as other:
        for key, sent in (("sk-of-embeddings", "Bearer sk-of-embeddings"), (None, "Bearer no-key")):
            embeddings = make_embeddings(config_for(chat, base_url=other.base_url, key=key))
            await embeddings.embed(TEXTS, MODEL, DIMENSIONS)
            await embeddings.close()
            assert other.requests[-1].headers["authorization"] == sent
        assert chat.requests == []


def test_requests_stay_within_what_servers_take() -> None:
    sent = list(batches(["x" * 100_000] * 50 + [""] * 200))
    assert sum(map(len, sent)) == 250
    assert max(sum(map(len, batch)) for batch in sent) <= API_BATCH_CHARACTERS
    assert max(len(text) for batch in sent for text in batch) <= API_CHARACTERS + 1
    assert all(text for batch in sent for text in batch)
