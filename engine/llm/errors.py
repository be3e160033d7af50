"""What can go wrong with a model server; low-level errors are translated once, in `client.py`.

ModelError
+-- KeyMissing            no API key is configured
+-- KeyRejected           401, 403
+-- ModelUnknown          404
+-- ContextTooLong        the prompt does not fit
+-- RequestRejected       any other 400
+-- QuotaExhausted        429 that waiting does not cure
+-- EmbeddingInvalid      the embeddings endpoint returned something else than the vectors asked for
+-- CassetteError         a recording cannot be read, written, or lacks the call
+-- Transient             retried with backoff, then the next model
    +-- RateLimited       429
    +-- ServerFailed      500 and above
    +-- StreamCut         the answer broke off
    +-- Unreachable       no connection, or a timeout
"""

from engine.errors import EngineError


class ModelError(EngineError):
    """The base of what a model server does wrong."""


class KeyMissing(ModelError):
    """No API key is configured."""


class KeyRejected(ModelError):
    """The server does not accept the key."""


class ModelUnknown(ModelError):
    """The server has no such model."""


class ContextTooLong(ModelError):
    """The prompt is longer than the model can read."""

    of_request = True
    """Another request may be taken."""


class RequestRejected(ModelError):
    """The server calls the request invalid."""

    of_request = True
    """Another request may be taken."""
    parameter: str = ""
    """The parameter that this model does not support, if the server named one."""


class QuotaExhausted(ModelError):
    """The account has no credit left."""


class EmbeddingInvalid(ModelError):
    """The embeddings endpoint returned something else than the vectors asked for."""


class CassetteError(ModelError):
    """A recording cannot be read, written, or lacks the call."""


class Transient(ModelError):
    """An error that may go away by itself."""

    retry_after_s: float | None = None


class RateLimited(Transient):
    """429."""


class ServerFailed(Transient):
    """500 and above."""


class StreamCut(Transient):
    """The answer broke off before its end."""


class Unreachable(Transient):
    """No connection, or no byte in time."""
