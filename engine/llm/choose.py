"""Chooses the model client that a run works with."""

from pathlib import Path

from config.config import Config
from config.secrets import every_secret
from engine.llm.cassette import RecordingModel, ReplayModel
from engine.llm.client import OpenAIModel
from engine.llm.connection import Connection
from engine.llm.embeddings import OpenAIEmbeddings
from engine.llm.protocol import ModelClient


def make_model(
    config: Config,
    *,
    base_url: str | None = None,
    model: str | None = None,
    record: Path | None = None,
    replay: Path | None = None,
    scripted: str | None = None,
) -> ModelClient:
    """The model client for the configuration and the command line.

    Args:
        config: The whole configuration.
        base_url: Overrides the configured server.
        model: Serves every agent instead of the configured models.
        record: A cassette that every answer is appended to.
        replay: A cassette that answers instead of a server.
        scripted: The name of the script, when `base_url` is a scripted server; the screen shows it.

    Raises:
        CassetteError: The cassette cannot be read or written.
    """
    if replay is not None:
        return ReplayModel(replay)
    label = f"scripted: {scripted}" if scripted else ""
    client = OpenAIModel(config.openai, base_url=base_url, only_model=model, label=label, scripted=scripted is not None)
    if record is None:
        return client
    return RecordingModel(client, record, every_secret(config, Path()))


def make_embeddings(config: Config, *, base_url: str | None = None) -> OpenAIEmbeddings:
    """The configured embeddings endpoint, on a connection of its own.

    A server of its own gets its own key and never the other's.
    """
    own, settings = config.openai.embedding, config.openai
    change: dict[str, object] = {"timeout_seconds": min(own.timeout_seconds, settings.api.timeout_seconds)}
    if own.base_url and base_url is None:
        change |= {"base_url": own.base_url, "key": own.key, "organization": None}
    return OpenAIEmbeddings(
        Connection(settings.model_copy(update={"api": settings.api.model_copy(update=change)}), base_url)
    )


def wants_embeddings(config: Config) -> bool:
    """Whether an embeddings endpoint is to be asked: one is configured, or there is a key for the model server."""
    own, api = config.openai.embedding, config.openai.api
    if config.settings.memory.embedder == "offline":
        return False
    return bool(own.base_url or api.key or config.settings.memory.embedder == "api")
