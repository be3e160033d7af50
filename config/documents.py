"""Configuration files as plain values, with the line of every key."""

import json
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.errors import ConfigFileError

Key = tuple[str, ...]
"""The path of a key from the top: ("settings", "sandbox", "cpu_limit")."""

FILES = {
    "settings": "settings.yaml",
    "database": "database.yaml",
    "openai": "openai.yaml",
    "prompts": "system_prompts.yaml",
    "rules": "safety_rules.yaml",
    "dependencies": "allowed_deps.json",
}
"""Root of the configuration to the file that holds it, in every folder."""

MAX_BYTES = 1_000_000
MAX_DEPTH = 8


@dataclass(frozen=True)
class Document:
    """One configuration file."""

    path: Path
    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[Key, int] = field(default_factory=dict)
    """Key, the file's root included, to the line on which it stands."""

    def line(self, key: Key) -> int | None:
        """The line of a key, or of the nearest key above it that the file has."""
        return next((self.lines[key[:end]] for end in range(len(key), 0, -1) if key[:end] in self.lines), None)


def dotted(key: Key) -> str:
    """A key as a person writes it."""
    return ".".join(key)


def read_document(path: Path, root: str, *, packaged: bool = False) -> Document | None:
    """Read a YAML or JSON file.

    Args:
        path: the file.
        root: the part of the configuration that the file holds; begins every key.
        packaged: it is Miracle's own, and may be parsed in C: ten times as quick, but no match for hostile nesting.

    Returns:
        What it says, or None where there is no such file.

    Raises:
        ConfigFileError: the file cannot be read or parsed; names the line where there is one.
    """
    text = _read(path)
    if text is None:
        return None
    if path.suffix == ".json":
        values, lines = _parse_json(path, root, text, packaged)
    else:
        values, lines = _parse_yaml(path, root, text, packaged)
    if values is None:
        values = {}
    if not isinstance(values, dict):
        raise ConfigFileError(path, "", 1, f"should hold keys and values, not a {type(values).__name__}")
    return Document(path, values, lines)


def _read(path: Path) -> str | None:
    """The file's text. Anything but a regular file is refused: opening a pipe in a project would never return."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ConfigFileError(path, "", None, "is not a file")
        if status.st_size > MAX_BYTES:
            raise ConfigFileError(path, "", None, f"is {status.st_size:,} bytes long; at most {MAX_BYTES:,} are read")
        return path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as exc:
        raise ConfigFileError(path, "", None, f"cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise ConfigFileError(path, "", None, f"is not UTF-8 text (byte {exc.start})") from exc


def _parse_json(path: Path, root: str, text: str, packaged: bool) -> tuple[Any, dict[Key, int]]:
    try:
        values = json.loads(text)
    except json.JSONDecodeError as exc:
        raise ConfigFileError(path, "", exc.lineno, f"is not valid JSON: {exc.msg}") from exc
    except (RecursionError, ValueError) as exc:
        raise ConfigFileError(path, "", None, f"is not usable JSON: {exc}") from exc
    # JSON is YAML but for tabs, which JSON only allows between tokens.
    _, lines = _parse_yaml(path, root, text.replace("\t", " "), packaged)
    return values, lines


def _parse_yaml(path: Path, root: str, text: str, packaged: bool) -> tuple[Any, dict[Key, int]]:
    import yaml

    loader: Any = None
    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text) if packaged else yaml.SafeLoader(text)
        node = loader.get_single_node()
        lines: dict[Key, int] = {}
        if node is not None:
            _walk(path, node, (root,), lines, set())
        return (None if node is None else loader.construct_document(node)), lines
    except yaml.MarkedYAMLError as exc:
        line = exc.problem_mark.line + 1 if exc.problem_mark else None
        raise ConfigFileError(path, "", line, f"is not valid YAML: {exc.problem}") from exc
    except (yaml.YAMLError, RecursionError, ValueError) as exc:
        raise ConfigFileError(path, "", None, f"is not usable YAML: {exc}") from exc
    finally:
        if loader:
            loader.dispose()


def _walk(path: Path, node: Any, key: Key, lines: dict[Key, int], seen: set[int]) -> None:
    """Note the line of every key below a node; refuse what would make one key mean two things, or grow without end."""
    import yaml

    line = node.start_mark.line + 1
    if id(node) in seen:
        raise ConfigFileError(path, dotted(key[1:]), line, "aliases (`*name`) are not supported")
    seen.add(id(node))
    if len(key) > MAX_DEPTH:
        raise ConfigFileError(path, dotted(key[1:]), line, "is nested too deeply")
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            lines[(*key, str(index))] = item.start_mark.line + 1
            _walk(path, item, (*key, str(index)), lines, seen)
    if not isinstance(node, yaml.MappingNode):
        return
    for name, value in node.value:
        at = name.start_mark.line + 1
        if not isinstance(name, yaml.ScalarNode) or name.tag != "tag:yaml.org,2002:str":
            raise ConfigFileError(path, dotted(key[1:]), at, "a key should be plain text; put it in quotes")
        below = (*key, name.value)
        if below in lines:
            raise ConfigFileError(path, dotted(below[1:]), at, f"stands twice, first on line {lines[below]}")
        lines[below] = at
        _walk(path, value, below, lines, seen)
