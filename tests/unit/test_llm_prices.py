"""Prices and token counts, none of which may wait or go to the network."""

import hashlib
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from config.openai import OpenAI, Price
from engine.llm import tokens
from engine.llm.connection import DEFAULT_BASE_URL
from engine.llm.prices import PriceList
from engine.llm.protocol import Message, Usage
from engine.llm.tokens import TokenCounter, estimated_tokens, local_table
from tests.model_fixtures import request


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A token cache folder without any table."""
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    local_table.cache_clear()
    return tmp_path


def prices(base_url: str = DEFAULT_BASE_URL, **own: Price) -> PriceList:
    return PriceList(OpenAI(prices=own), base_url, TokenCounter())


def test_the_table_knows_the_default_models() -> None:
    usage = Usage(input_tokens=1_000_000, output_tokens=100_000)
    cost_usd = prices().cost_usd("gpt-5.1", usage)
    assert cost_usd == pytest.approx(1.25 + 1.0)
    cached = Usage(input_tokens=1_000_000, output_tokens=100_000, cached_tokens=900_000)
    assert prices().cost_usd("gpt-5.1", cached) < cost_usd  # type: ignore[operator]


def test_an_unknown_model_has_no_price() -> None:
    assert prices().cost_usd("a-model-of-my-own", Usage(input_tokens=5)) is None
    assert prices().worst_case_usd(request(model="a-model-of-my-own")) is None


def test_a_gateway_sells_at_the_list_price() -> None:
    usage = Usage(input_tokens=1000, output_tokens=1000)
    assert prices("http://127.0.0.1:9/v1").cost_usd("gpt-5.1", usage) == prices().cost_usd("gpt-5.1", usage)


def test_own_prices_win() -> None:
    own = prices(mine=Price(input=2, output=8))
    assert own.cost_usd("mine", Usage(input_tokens=500_000, output_tokens=250_000)) == pytest.approx(1 + 2)


def test_the_worst_case_bounds_every_answer() -> None:
    own = PriceList(OpenAI.model_validate({"prices": {"m": {"input": 1, "output": 10}}}), "http://h/v1", TokenCounter())
    long = request(model="m")
    long = replace(long, messages=(*long.messages, Message(role="user", content="def f(x): return x\n" * 1000)))
    worst = own.worst_case_usd(long)
    assert worst is not None
    limit = OpenAI().parameters.max_tokens
    assert worst > own.cost_usd("m", Usage(input_tokens=4000, output_tokens=limit))  # type: ignore[operator]
    smaller = own.worst_case_usd(replace(long, extra={"max_tokens": 10}))
    assert smaller is not None
    assert smaller < worst


@pytest.mark.parametrize(("text", "least"), [("", 0), ("a", 1), ("word " * 100, 100), ("世界" * 50, 100)])
def test_estimates_err_on_the_high_side(text: str, least: int) -> None:
    assert least <= estimated_tokens(text) <= 2 * least + 50


def test_no_table_means_an_estimate_at_once() -> None:
    started = time.process_time()
    assert local_table("o200k_base") is None
    counter = TokenCounter()
    assert counter.count("hello world") == estimated_tokens("hello world")
    counter.load()
    assert counter.count("hello world") == estimated_tokens("hello world")
    assert time.process_time() - started < 1


def test_a_damaged_table_is_neither_used_nor_fetched_again(empty_cache: Path) -> None:
    damaged = empty_cache / tokens._FILE_NAMES["o200k_base"]
    damaged.write_bytes(b"IQ== 0\n")
    assert local_table("o200k_base") is None
    assert damaged.read_bytes() == b"IQ== 0\n"


def test_an_intact_table_counts_exactly(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "import tiktoken_ext.openai_public as p, inspect; print(inspect.getsource(p.o200k_base))"
    known = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True).stdout
    assert tokens._CONTENT_SHA256["o200k_base"] in known
    address = next(part for part in known.split('"') if part.endswith("o200k_base.tiktoken"))
    assert hashlib.sha1(address.encode()).hexdigest() == tokens._FILE_NAMES["o200k_base"]


def test_importing_the_client_loads_nothing_heavy() -> None:
    code = (
        "import sys, engine.llm.choose, engine.scripted.server;"
        "print([m for m in ('openai', 'tiktoken', 'genai_prices', 'tenacity', 'yaml', 'httpx') if m in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"


@pytest.mark.parametrize("text", ["0123456789" * 300, "世界" * 500, "\x00\x01~|" * 400, "aB3/xQ9+" * 300, ""])
def test_the_worst_case_bounds_every_tokeniser(text: str) -> None:
    """No tokeniser makes more than one token of a byte, and nobody knows that of the next server's model."""
    own = PriceList(OpenAI.model_validate({"prices": {"m": {"input": 1, "output": 0}}}), "http://h/v1", TokenCounter())
    asked = replace(request(model="m"), messages=(Message(role="user", content=text),), tools=())
    worst = own.worst_case_usd(asked)
    assert worst is not None
    assert worst >= own.cost_usd("m", Usage(input_tokens=len(text.encode()), output_tokens=0))  # type: ignore[operator]


def test_a_table_at_hand_makes_the_bound_tighter() -> None:
    import tiktoken

    merged = {text: 256 + place for place, text in enumerate((b"wo", b"rd", b"word", b" word"))}
    ranks = {bytes([number]): number for number in range(256)} | merged
    counter = TokenCounter()
    counter._ready["o200k_base"] = tiktoken.Encoding("w", pat_str=r" ?\S+", mergeable_ranks=ranks, special_tokens={})
    listed = PriceList(OpenAI(), DEFAULT_BASE_URL, counter)
    asked = replace(request(model="gpt-5.1"), messages=(Message(role="user", content=" word" * 1000),), tools=())
    tight, bytewise = listed.worst_case_usd(asked), prices().worst_case_usd(asked)
    exact = listed.cost_usd("gpt-5.1", Usage(input_tokens=1000, output_tokens=OpenAI().parameters.max_tokens))
    assert exact is not None
    assert tight is not None
    assert bytewise is not None
    assert exact < tight < bytewise
