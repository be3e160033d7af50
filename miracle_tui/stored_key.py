"""The API key of the system's keyring, for the app and the command line alike."""

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.config import Config


def with_stored_key(config: "Config") -> "Config":
    """The configuration with the keyring's API key, where no file or variable gives one. May block on the keyring."""
    if config.openai.api.key is not None:
        return config
    from pydantic import SecretStr

    from config.secrets import api_key

    key = api_key(config)
    if not key:
        return config
    api = config.openai.api.model_copy(update={"key": SecretStr(key)})
    return replace(config, openai=config.openai.model_copy(update={"api": api}))
