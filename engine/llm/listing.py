"""The models that a server lists: the cheapest question that needs a valid key."""

from engine.llm.connection import Connection
from engine.llm.errors import ModelError, ModelUnknown, RequestRejected
from engine.llm.translate import translated

_FIX = "Check api.base_url in openai.yaml (or --base-url): it should end where `/models` begins."


async def listed_models(connection: Connection) -> list[str]:
    """The names of the models that the server lists for the connection's key.

    Raises:
        KeyRejected: the server does not accept the key.
        ModelError: it cannot be reached, fails, or lists nothing.
    """
    client = await connection.client()
    import openai

    try:
        page = await client.models.list()
        # A server that answers with a page of HTML gets through the client as plain text.
        return [str(model.id) for model in page.data]
    except (openai.APIError, ValueError, AttributeError, TypeError) as error:
        raise _failure(error, connection) from error


def _failure(error: Exception, connection: Connection) -> ModelError:
    known = translated(error, connection.place("/models"))
    if known is None or isinstance(known, ModelUnknown):
        return RequestRejected(f"{connection.host} lists no models", _FIX)
    return known
