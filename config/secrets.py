"""Secrets: where the API key comes from, and how no secret leaves the process by accident."""

import io
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr

from config.config import Config
from config.errors import SecretError
from config.forms import replace_known
from config.shapes import redact_shapes
from config.signing import kept_seed

SERVICE = "miracle"
SECRET_NAME = re.compile(
    r"(?i)(?:token|secret|passw(?:or)?d|passphrase|api_?key|access_?key|secret_?key|private_?key|credentials?|_auth)s?\Z"
)
"""Names of variables that hold a secret."""
DISTINCT = 8
"""Shortest value of a variable that is taken for a secret by the variable's name alone."""
ENV_FILE_BYTES = 65_536
EXAMPLES = ("example", "sample", "template", "dist", "defaults")
"""Endings of `.env` files that are committed and hold no secret."""


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Replace known secrets, in whatever form, and whatever has the shape of a key by `[redacted]`.

    Args:
        text: any text that leaves the process: an event, a log line, a prompt, a report.
        secrets: values known to be secret, as `every_secret` gives them.
    """
    return redact_shapes(replace_known(text, secrets))


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
        if "://" in secret and (password := _password_of(secret)):
            found += [password, unquote(password)]
    return tuple(dict.fromkeys(found))


def every_secret(config: Config, *folders: Path, environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """All that is known to be secret: in configuration, environment and `.env` files, and the signing key. Reads files.

    Args:
        config: the configuration in force.
        folders: whose `.env` files are read, besides the person's own: the project's.
        environ: the process environment.
    """
    found = [*known_secrets(config), *kept_seed(config.paths), *named_secrets(environ)]
    for folder in (config.paths.config, *folders):
        found += dotenv_secrets(folder)
    return tuple(dict.fromkeys(found))


def named_secrets(variables: Mapping[str, str]) -> tuple[str, ...]:
    """Values whose variable is named like a secret, and passwords inside of URLs."""
    found = [value for name, value in variables.items() if SECRET_NAME.search(name) and _distinct(value)]
    for value in variables.values():
        if "://" in value and (password := _password_of(value)) and _distinct(password):
            found += [password, unquote(password)]
    return tuple(dict.fromkeys(found))


def dotenv_secrets(folder: Path) -> tuple[str, ...]:
    """The secrets of a folder's `.env` files; a file that is huge or no text is passed over."""
    variables: dict[str, str] = {}
    try:
        found = sorted(path for path in folder.glob(".env*") if path.is_file() and not path.is_symlink())
    except OSError:
        return ()
    files = [path for path in found if not path.name.endswith(EXAMPLES)]
    for place, path in enumerate(files[:20]):
        try:
            if path.stat().st_size > ENV_FILE_BYTES:
                continue
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        from dotenv.parser import parse_stream

        for binding in parse_stream(io.StringIO(text)):
            if binding.key and binding.value:
                variables[f"{place} {binding.key}"] = binding.value
    return named_secrets(variables)


def _distinct(value: str) -> bool:
    """Whether a value can be replaced wherever it stands: no word, path or number that means something else, too."""
    if len(value) < DISTINCT or value[0] in "/~." or any(char.isspace() for char in value):
        return False
    return not (value.isdigit() or (value.isalpha() and (value.islower() or value.isupper() or value.istitle())))


def _password_of(url: str) -> str:
    try:
        return urlsplit(url).password or ""
    except ValueError:
        return ""


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
