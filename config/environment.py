"""What the environment and a person's own `.env` say about the configuration."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.documents import Key
from config.errors import ConfigError, ConfigFileError

VARIABLES: dict[str, Key] = {
    "OPENAI_API_KEY": ("openai", "api", "key"),
    "OPENAI_BASE_URL": ("openai", "api", "base_url"),
    "OPENAI_ORG_ID": ("openai", "api", "organization"),
    "DATABASE_URL": ("database", "postgresql", "url"),
    "DB_PASSWORD": ("database", "postgresql", "password"),
    "LOG_LEVEL": ("settings", "logging", "level"),
}
"""Well-known variables to the keys they set."""

NESTED = re.compile(r"MIRACLE_(SETTINGS|DATABASE|OPENAI|RULES|DEPENDENCIES)((?:__[A-Za-z0-9]+(?:_[A-Za-z0-9]+)*)+)")
"""`MIRACLE_SETTINGS__SANDBOX__CPU_LIMIT` is settings.sandbox.cpu_limit."""

REFERENCE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


class Unset(ValueError):
    """A text names a variable that is neither set nor has a default."""


def expand(text: str, environ: Mapping[str, str]) -> str | None:
    """Replace `${NAME}` and `${NAME:-default}`; `$${` stands for `${`.

    Returns:
        The text, or None where it is nothing but one unset variable: the key counts as absent.

    Raises:
        Unset: an unset variable without a default stands in the middle of other text.
    """
    whole = REFERENCE.fullmatch(text)
    if whole and whole[1] and whole[2] is None and not environ.get(whole[1]):
        return None

    def replace(match: re.Match[str]) -> str:
        if match[1] is None:
            return "${"
        value = environ.get(match[1]) or match[2]
        if value is None:
            raise Unset(f"the variable {match[1]} is not set")
        return value

    return REFERENCE.sub(replace, text)


def read_dotenv(path: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment with the variables of a `.env` file below it: what is set in the process wins.

    Raises:
        ConfigFileError: the file is no UTF-8 text or refers to a variable that is not set.
    """
    merged = dict(environ)
    if not path.is_file():
        return merged
    from dotenv.parser import parse_stream

    try:
        with path.open(encoding="utf-8") as stream:
            bindings = list(parse_stream(stream))
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigFileError(path, "", None, f"cannot be read: {exc}") from exc
    for binding in bindings:
        if binding.error:
            raise ConfigFileError(path, "", binding.original.line, "should be NAME=value")
        if binding.key is None or binding.value is None or binding.key in environ:
            continue
        try:
            merged[binding.key] = expand(binding.value, merged) or ""
        except Unset as exc:
            raise ConfigFileError(path, binding.key, binding.original.line, str(exc)) from exc
    return merged


def environment_layer(environ: Mapping[str, str]) -> dict[Key, tuple[str, Any]]:
    """The keys that the environment sets.

    Returns:
        Key to the variable's name and its value, read as YAML where it is one of `MIRACLE_...__...`.

    Raises:
        ConfigError: a variable's value is broken YAML.
    """
    found: dict[Key, tuple[str, Any]] = {}
    for name, key in VARIABLES.items():
        if value := environ.get(name):
            found[key] = (name, value.upper() if name == "LOG_LEVEL" else value)
    for name, value in environ.items():
        if match := NESTED.fullmatch(name):
            key = (match[1].lower(), *(part.lower() for part in match[2].split("__")[1:]))
            found[key] = (name, _read_value(name, value))
    return found


def _read_value(name: str, text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as exc:
        raise ConfigError(
            f"{name}: its value cannot be read as YAML", f"Correct the variable, or run `unset {name}`."
        ) from exc
