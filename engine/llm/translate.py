"""Turns what `openai` and the network raise into `engine.llm.errors`, once, with what to do next."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from config.secrets import redact
from engine.llm.errors import (
    ContextTooLong,
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

if TYPE_CHECKING:
    import openai

KEY_HINT = (
    "Set OPENAI_API_KEY to a valid key in the environment, or in the .env file of the folder "
    "that `miracle config path` names, then try again."
)
_CONTEXT = re.compile(
    r"context_length_exceeded|exceed_context_size|maximum context length|context window|prompt is too long"
    r"|too many (input )?tokens",
    re.IGNORECASE,
)
_UNSUPPORTED = re.compile(
    r"unsupported|not supported|unrecognized|unknown|unexpected|extra (inputs|fields)", re.IGNORECASE
)
_PARAMETER = re.compile(
    r"\b(temperature|top_p|max_tokens|max_completion_tokens|frequency_penalty|presence_penalty"
    r"|stream_options|dimensions|encoding_format)\b"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


@dataclass(frozen=True)
class Place:
    """Where a call went: what the messages name, and the key that they must not."""

    host: str
    model: str
    timeout_s: float
    secrets: tuple[str, ...] = ()

    def quote(self, text: str) -> str:
        """A server's own words: one line, at most 300 characters, without secrets."""
        return _CONTROL.sub(" ", redact(text, self.secrets)).strip()[:300]


def translated(error: Exception, place: Place, *, streaming: bool = False) -> ModelError | None:
    """The domain error for a low-level one.

    Args:
        error: What the client raised.
        place: Where the call went.
        streaming: Whether the answer had already begun, so that a lost connection is a cut answer.

    Returns:
        The error to raise, or None when it is not one of a model server.
    """
    import openai

    if isinstance(error, openai.APIStatusError):
        return _of_status(error, place)
    if isinstance(error, openai.APITimeoutError):
        return Unreachable(
            f"{place.host} did not answer within {place.timeout_s:g} s",
            "Check the connection, or raise api.timeout_seconds in openai.yaml.",
        )
    if isinstance(error, openai.APIConnectionError):
        return stream_cut(place, "the connection was lost") if streaming else _no_connection(error, place)
    if isinstance(error, openai.APIError):
        code = error.code or ""
        status = int(code) if code.isdigit() else _status_of(code, error.type or "", error.message)
        return _classified(status, error, place, None)
    # The decoder of the stream leaks these when a chunk is no JSON or no UTF-8.
    if streaming and isinstance(error, ValueError):
        return stream_cut(place, "a piece of the answer was not valid JSON")
    return None


def stream_cut(place: Place, why: str) -> StreamCut:
    """The error for an answer that broke off."""
    return StreamCut(
        f"{place.host} broke its answer off: {why}",
        "Miracle asks again; if it goes on, try another model or server.",
    )


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds that a server asks to wait: `retry-after-ms`, or `Retry-After` as seconds or as an HTTP date."""
    milliseconds = headers.get("retry-after-ms", "")
    if re.fullmatch(r"\d+(\.\d+)?", milliseconds):
        return float(milliseconds) / 1000
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - (now or datetime.now(UTC))).total_seconds())


def _no_connection(error: Exception, place: Place) -> Unreachable:
    cause = place.quote(str(error.__cause__ or error))
    return Unreachable(
        f"No connection to {place.host}: {cause}",
        "Check that the server runs and that api.base_url in openai.yaml (or --base-url) is right.",
    )


def _of_status(error: "openai.APIStatusError", place: Place) -> ModelError:
    return _classified(error.status_code, error, place, retry_after(error.response.headers))


def _status_of(code: str, kind: str, message: str) -> int:
    """The status that an error object inside a 200 stream would have had."""
    text = f"{code} {kind}".lower()
    if "rate_limit" in text or "insufficient_quota" in text:
        return 429
    if "invalid_api_key" in text or "authentication" in text:
        return 401
    if "context" in text or "invalid_request" in text or _CONTEXT.search(message):
        return 400
    if "model_not_found" in text:
        return 404
    return 500


def _classified(status: int, error: "openai.APIError", place: Place, wait_s: float | None) -> ModelError:
    host = place.host
    said = f"The server says: {place.quote(error.message)}"
    words = f"{error.code or ''} {error.type or ''} {error.message}"
    if status in (401, 403):
        return KeyRejected(f"{host} does not accept the API key ({status})", f"{KEY_HINT} {said}")
    if status == 404:
        choose = "Choose another with --model or under `models` in openai.yaml, and check api.base_url."
        return ModelUnknown(f"{host} has no model {place.model!r}", f"{choose} {said}")
    if status == 402 or (status == 429 and ("insufficient_quota" in words or "billing" in words)):
        return QuotaExhausted(f"The account at {host} has no credit left", f"Add credit, or use another key. {said}")
    if status == 413 or (status in (400, 422) and _CONTEXT.search(words)):
        fit = "Use a model with a larger context, or a smaller goal."
        return ContextTooLong(f"The prompt is longer than {place.model!r} can read", f"{fit} {said}")
    if status == 429 or status >= 500 or status in (408, 409):
        return _transient(status, host, said, wait_s)
    rejected = RequestRejected(f"{host} rejects the request ({status})", f"Check the parameters in openai.yaml. {said}")
    rejected.parameter = _unsupported_parameter(error)
    return rejected


def _transient(status: int, host: str, said: str, wait_s: float | None) -> Transient:
    error: Transient
    if status == 429:
        asked = f"; it asks to wait {wait_s:g} s" if wait_s else ""
        error = RateLimited(f"{host} limits the rate of calls{asked}", f"Wait a little, or use another model. {said}")
    else:
        error = ServerFailed(f"{host} failed ({status})", f"Try again, or use another model or server. {said}")
    error.retry_after_s = wait_s
    return error


def _unsupported_parameter(error: "openai.APIError") -> str:
    if not _UNSUPPORTED.search(f"{error.code or ''} {error.message}".replace("_", " ")):
        return ""
    named = _PARAMETER.search(error.param or "") or _PARAMETER.search(error.message)
    return named.group(1) if named else ""
