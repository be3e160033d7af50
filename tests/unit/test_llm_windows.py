"""How much a model may read: its window where that is known, and never more than the settings allow."""

import asyncio
from pathlib import Path

import pytest

from config.openai import Context, OpenAI
from engine.llm.cassette import RecordingModel, ReplayModel
from engine.llm.client import OpenAIModel
from engine.llm.connection import DEFAULT_BASE_URL
from engine.llm.windows import Windows


def windows(
    base_url: str = DEFAULT_BASE_URL,
    *,
    provider: str = "openai",
    most: int = 10_000_000,
    own: dict[str, int] | None = None,
) -> Windows:
    return Windows(OpenAI(provider=provider, context=Context(max_tokens=most, windows=own or {})), base_url)


def test_the_table_knows_the_default_models() -> None:
    assert windows().tokens("gpt-5.1") == 400_000
    assert windows().tokens("gpt-4") == 8_192


def test_the_settings_cap_every_window_and_stand_in_where_nothing_is_known() -> None:
    assert windows(most=128_000).tokens("gpt-5.1") == 128_000
    assert windows(most=128_000).tokens("a-model-of-my-own") == 128_000
    assert windows(most=128_000).tokens("gpt-4") == 8_192


def test_a_window_of_ones_own_goes_before_the_table() -> None:
    mine = {"gpt-5.1": 32_768, "a-model-of-my-own": 8_000}
    assert windows(own=mine).tokens("gpt-5.1") == 32_768
    assert windows(own=mine).tokens("a-model-of-my-own") == 8_000
    assert windows(most=4_096, own=mine).tokens("a-model-of-my-own") == 4_096


@pytest.mark.parametrize("url", ["http://127.0.0.1:11434/v1", "https://nobody.example/v1"])
def test_an_address_that_the_table_does_not_know_may_serve_a_known_model(url: str) -> None:
    assert windows(url).tokens("gpt-4") == 8_192
    assert windows(url, most=64_000).tokens("llama-of-my-own") == 64_000


def test_a_provider_that_nobody_knows_is_no_error() -> None:
    assert windows(provider="my-own", most=64_000).tokens("gpt-4") == 64_000


def test_the_model_that_serves_every_agent_is_the_one_that_counts(tmp_path: Path) -> None:
    async def tokens() -> tuple[int, int, int]:
        settings = OpenAI()
        model = OpenAIModel(settings, base_url="http://127.0.0.1:1/v1", only_model="gpt-4")
        recording = RecordingModel(model, tmp_path / "run.jsonl")
        seen = model.window_tokens("gpt-5.1"), recording.window_tokens("gpt-5.1")
        await recording.close()
        replay = ReplayModel(tmp_path / "run.jsonl")
        return *seen, replay.window_tokens("gpt-5.1")

    assert asyncio.run(tokens()) == (8_192, 8_192, 128_000)
