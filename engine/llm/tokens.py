"""Counts tokens: exactly where tiktoken's table lies on this machine, else by a quick estimate; never by a download."""

import hashlib
import math
import os
import tempfile
import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from engine.llm.protocol import ModelRequest

if TYPE_CHECKING:
    import tiktoken

# tiktoken caches a table under the SHA-1 of its address and downloads it when the file is missing or wrong, so both are
# checked here first.
_FILE_NAMES = {
    "o200k_base": "fb374d419588a4632f3f557e76b4b70aebbca790",
    "cl100k_base": "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
}
_CONTENT_SHA256 = {
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
}
CHARACTERS_PER_TOKEN = 3.5
"""Of plain text and code, on average."""
_PER_MESSAGE = 4
_EXACT_LIMIT = 200_000


@lru_cache(maxsize=8)
def local_table(name: str) -> "tiktoken.Encoding | None":
    """tiktoken's encoding if its table lies in the cache unharmed, else None; loading takes up to half a second.

    Args:
        name: `o200k_base` or `cl100k_base`.
    """
    cached = _cache_folder() / _FILE_NAMES[name]
    try:
        intact = hashlib.sha256(cached.read_bytes()).hexdigest() == _CONTENT_SHA256[name]
    except OSError:
        return None
    if not intact:
        return None
    import tiktoken

    return tiktoken.get_encoding(name)


class TokenCounter:
    """Counts without ever waiting: while a table is being loaded in the background, the estimate serves."""

    def __init__(self) -> None:
        self._ready: dict[str, tiktoken.Encoding | None] = {}
        self._loading: set[str] = set()

    def load(self, model: str = "") -> None:
        """Load the model's table now, in the calling thread."""
        name = _encoding_of(model)
        self._ready[name] = local_table(name)

    def count(self, text: str, model: str = "") -> int:
        """Tokens of a text."""
        name = _encoding_of(model)
        if name not in self._ready and name not in self._loading:
            self._loading.add(name)
            threading.Thread(target=self.load, args=(model,), name="token-table", daemon=True).start()
        table = self._ready.get(name)
        # The exact count of a very long text takes seconds and changes nothing.
        if table is None or len(text) > _EXACT_LIMIT:
            return estimated_tokens(text)
        return len(table.encode_ordinary(text))

    def count_exactly(self, request: ModelRequest) -> int | None:
        """Tokens of a request by the model's own table; None while that is not at hand, or for very long texts."""
        self.count("", request.model)  # begins to load the table, where that was not done
        texts = request_texts(request)
        known = self._ready.get(_encoding_of(request.model))
        if known is None or any(len(text) > _EXACT_LIMIT for text in texts):
            return None
        return sum(len(known.encode_ordinary(text)) + _PER_MESSAGE for text in texts if text)

    def count_request(self, request: ModelRequest) -> int:
        """Tokens that a request's messages and tools take."""
        return sum(self.count(text, request.model) + _PER_MESSAGE for text in request_texts(request) if text)


def request_texts(request: ModelRequest) -> list[str]:
    """All that a model reads of a request: messages, calls, functions."""
    texts = [message.content for message in request.messages]
    texts += [call.name + call.arguments for message in request.messages for call in message.tool_calls]
    return texts + [f"{tool.name} {tool.description} {tool.parameters}" for tool in request.tools]


def most_tokens(request: ModelRequest, max_tokens: int) -> int:
    """Tokens that a call takes at most, by the quick estimate of its prompt.

    Args:
        request: the call.
        max_tokens: what an answer may take where the request does not say.
    """
    asked = sum(estimated_tokens(text) + _PER_MESSAGE for text in request_texts(request))
    return asked + int(request.extra.get("max_tokens", max_tokens))


def estimated_tokens(text: str) -> int:
    """A quick estimate that errs on the high side for code; characters outside ASCII count nearly one each."""
    plain = len(text) if text.isascii() else len(text.encode("ascii", "ignore"))
    return math.ceil(plain / CHARACTERS_PER_TOKEN + len(text) - plain)


def _encoding_of(model: str) -> str:
    return (
        "cl100k_base" if model.startswith(("gpt-4-", "gpt-3.5", "text-embedding")) or model == "gpt-4" else "o200k_base"
    )


def _cache_folder() -> Path:
    for variable in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"):
        if variable in os.environ:
            # An empty value switches tiktoken's cache off; no such folder exists, so nothing is found there.
            return Path(os.environ[variable] or "/nonexistent")
    return Path(tempfile.gettempdir()) / "data-gym-cache"
