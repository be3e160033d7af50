"""Secrets: where the API key comes from, and how no secret leaves the process by accident."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr

from config.config import Config
from config.errors import SecretError

SERVICE = "miracle"
REDACTED = "[redacted]"
SHORTEST = 6
"""Known secrets shorter than this are not replaced: they would take ordinary words with them."""

PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        r"\bsk-[A-Za-z0-9_-]{16,}",
        r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,})",
        r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
        r"\bxox[abeprs]-[A-Za-z0-9-]{10,}",
        r"\bAIza[A-Za-z0-9_-]{35}",
        r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}",
        r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----[\s\S]{0,16384}?(?:-----END [A-Z ]{0,20}PRIVATE KEY-----|\Z)",
    )
)
"""Shapes of keys that are replaced whole."""

NAMED = re.compile(
    r"""(?ix)
    ( \b (?:authorization|x-api-key) ["']? \s* [:=] \s* ["']? (?:(?:bearer|basic|token)\s+)?
    | \b bearer \s+
    | aws_secret_access_key ["']? \s* [:=] \s* ["']?
    )
    [A-Za-z0-9_.~+/=-]{12,}
    """
)
"""A name that says that a secret follows; the name stays."""

URL_PASSWORD = re.compile(r"(\b[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s:/@\"']{0,256}:)[^\s/@\"']{1,256}(?=@)")


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Replace known secrets and whatever has the shape of a key by `[redacted]`.

    Args:
        text: any text that leaves the process: an event, a log line, a prompt, a report.
        secrets: values known to be secret, as `known_secrets` gives them.
    """
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= SHORTEST:
            text = text.replace(secret, REDACTED)
    for pattern in PATTERNS:
        text = pattern.sub(REDACTED, text)
    text = NAMED.sub(rf"\1{REDACTED}", text)
    return URL_PASSWORD.sub(rf"\1{REDACTED}", text)


def redact_value(value: Any, secrets: Iterable[str] = ()) -> Any:
    """The same for every text inside nested lists and mappings."""
    known = tuple(secrets)
    if isinstance(value, str):
        return redact(value, known)
    if isinstance(value, Mapping):
        return {key: redact_value(item, known) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact_value(item, known) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact(str(value), known)


def redact_texts(value: Any, clean: Callable[[str], str]) -> Any:
    """JSON with every text inside it cleaned; keys stay."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {key: redact_texts(item, clean) for key, item in value.items()}
    return [redact_texts(item, clean) for item in value] if isinstance(value, list | tuple) else value


def known_secrets(config: Config) -> tuple[str, ...]:
    """Every secret value of the configuration, the password inside the database's URL included."""
    found: list[str] = []
    for model in (config.settings, config.database, config.openai):
        found += _secrets_in(model)
    for secret in tuple(found):
        if "://" in secret and (password := urlsplit(secret).password):
            found += [password, unquote(password)]
    return tuple(dict.fromkeys(found))


def _secrets_in(model: BaseModel) -> list[str]:
    found: list[str] = []
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, SecretStr) and value.get_secret_value():
            found.append(value.get_secret_value())
        elif isinstance(value, BaseModel):
            found += _secrets_in(value)
    return found


def api_key(config: Config) -> str | None:
    """The key for the configured model server: from the configuration, else from the keyring.

    The keyring holds one key a server, so that a key never goes to a server that it was not stored for. A keyring that
    is missing or locked counts as empty. May block while the system asks the person to unlock it.
    """
    if config.openai.api.key:
        return config.openai.api.key.get_secret_value() or None
    import keyring
    from keyring.errors import KeyringError

    try:
        return keyring.get_password(SERVICE, _server(config)) or None
    except KeyringError:
        return None


def store_api_key(config: Config, key: str) -> None:
    """Keep a key for the configured model server in the system's keyring.

    Raises:
        SecretError: there is no keyring, or it will not take the key.
    """
    import keyring
    from keyring.errors import KeyringError

    try:
        keyring.set_password(SERVICE, _server(config), key)
    except KeyringError as exc:
        raise SecretError(
            "The system's keyring cannot keep the key",
            f"Set OPENAI_API_KEY in the environment, or write it into {config.paths.config / '.env'}.",
        ) from exc


def forget_api_key(config: Config) -> bool:
    """Remove the key for the configured model server from the keyring.

    Returns:
        Whether there was one.
    """
    import keyring
    from keyring.errors import KeyringError

    try:
        keyring.delete_password(SERVICE, _server(config))
    except KeyringError:
        return False
    return True


def _server(config: Config) -> str:
    return urlsplit(config.openai.api.base_url).netloc.rpartition("@")[2] or config.openai.provider
