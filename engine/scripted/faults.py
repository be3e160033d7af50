"""What the scripted server can do wrong, so that the client is proven over real HTTP."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class FaultKind(StrEnum):
    """One way in which a model server fails."""

    STATUS = "status"
    """An error status with a JSON error object."""
    HANG = "hang"
    """The request is read and never answered."""
    CLOSE = "close"
    """The connection is closed before any header."""
    CUT_AT = "cut_at"
    """The connection is closed after `after_bytes` bytes of the answer, headers included."""
    CUT_CHUNK = "cut_chunk"
    """The connection is closed in the middle of a chunk of text."""
    CUT_CALL = "cut_call"
    """The connection is closed inside a tool call's JSON."""
    END_EARLY = "end_early"
    """The body ends properly, but before the finish reason."""
    LINGER = "linger"
    """Everything is said, `[DONE]` too, but the body never ends and the connection stays open."""
    CUT_DONE = "cut_done"
    """The connection is closed after the finish reason, before usage and `[DONE]`."""
    STALL = "stall"
    """The stream begins and then says nothing more."""
    BAD_JSON = "bad_json"
    """A chunk is not JSON."""
    ERROR_OBJECT = "error_object"
    """An error object inside a stream of status 200."""
    EMPTY = "empty"
    """An answer without text and calls."""
    REFUSAL = "refusal"
    """An answer that refuses."""
    BAD_ARGUMENTS = "bad_arguments"
    """A tool call whose arguments are no JSON."""
    UNKNOWN_TOOL = "unknown_tool"
    """A call of a tool that does not exist."""
    NO_USAGE = "no_usage"
    """The answer lacks its usage."""
    WRONG_LENGTH = "wrong_length"
    """Embeddings of half the length."""
    NOT_A_NUMBER = "not_a_number"
    """Embeddings with NaN in them."""
    INFINITE = "infinite"
    """Embeddings with an infinite number in them."""
    ALL_ZERO = "all_zero"
    """Embeddings without a direction."""
    TOO_FEW = "too_few"
    """One embedding less than there are texts."""
    SHUFFLED = "shuffled"
    """All embeddings, with their numbers, in another order."""
    MISNUMBERED = "misnumbered"
    """Embeddings whose numbers say nothing about their order."""
    BASE64 = "base64"
    """Embeddings as base64, which nobody asked for."""


@dataclass(frozen=True)
class Fault:
    """A fault, and how it shows."""

    kind: FaultKind
    status: int = 500
    code: str = ""
    """The error object's code, such as `context_length_exceeded`."""
    param: str = ""
    message: str = "a scripted fault"
    retry_after: str | None = None
    """The Retry-After header: seconds, or an HTTP date."""
    at_call: int | None = None
    """The chat call it happens at, counted from 1; without it, faults happen to the next calls in their order."""
    after_bytes: int = 0
    """Where `cut_at` cuts."""
    listing: bool = False
    """Whether it happens to the next listing of models instead: `status`, `hang` and `close` can."""
    embedding: bool = False
    """Whether it happens to the next request for embeddings instead: these and what spoils embeddings can."""
    with_parameter: str = ""
    """Of embeddings: it happens to every request that has this parameter."""
    with_text: str = ""
    """Of embeddings: it happens to every request that has this in a text."""


class FaultList:
    """Hands faults out to the calls they are meant for."""

    def __init__(self, faults: Sequence[Fault] = ()) -> None:
        self._listing = [fault for fault in faults if fault.listing]
        self._numbered = {fault.at_call: fault for fault in faults if fault.at_call is not None}
        self._embedding = [fault for fault in faults if fault.embedding]
        apart = [*self._listing, *self._embedding]
        self._queue = [fault for fault in faults if fault.at_call is None and fault not in apart]

    def take(self, call: int) -> Fault | None:
        """The fault for a call, counted from 1."""
        if call in self._numbered:
            return self._numbered.pop(call)
        return self._queue.pop(0) if self._queue else None

    def take_listing(self) -> Fault | None:
        """The fault for a listing of models."""
        return self._listing.pop(0) if self._listing else None

    def take_embedding(self, body: Mapping[str, Any]) -> Fault | None:
        """The fault for a request for embeddings."""
        for fault in self._embedding:
            if fault.with_parameter or fault.with_text:
                if fault.with_parameter in body or (fault.with_text and fault.with_text in str(body.get("input"))):
                    return fault
                continue
            self._embedding.remove(fault)
            return fault
        return None
