"""Layers of configuration on top of each other, each value with the place that set it."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from config.database import Database
from config.documents import Document, Key, dotted
from config.errors import ConfigError, ConfigFileError
from config.openai import OpenAI
from config.rules import Dependencies, SafetyRules
from config.settings import Section, Settings

NO_AGENTS = ("default", "embedding")
"""What `models` of `openai.yaml` names besides the agents."""

MODELS: dict[str, type[Section]] = {
    "settings": Settings,
    "database": Database,
    "openai": OpenAI,
    "rules": SafetyRules,
    "dependencies": Dependencies,
}
"""Root of the configuration to its type; the prompts are a plain mapping of texts."""

SYNONYMS: dict[Key, Key] = {
    ("rules", "node", "blocked_modules"): ("rules", "node", "blocked_imports"),
    ("rules", "python", "severity_levels"): ("rules", "severity_levels"),
    ("settings", "orchestrator", "circuit_breaker", "warning_threshold"): (
        "settings",
        "orchestrator",
        "warning_threshold",
    ),
    ("settings", "orchestrator", "circuit_breaker", "hard_stop"): ("settings", "orchestrator", "max_iterations"),
}
"""Second names of keys."""


@dataclass(frozen=True)
class Origin:
    """The place that set a value: a line of a file, a variable, or the command line."""

    label: str
    path: Path | None = None
    line: int | None = None
    hint: str = ""

    def error(self, key: Key, problem: str) -> ConfigError:
        """The error for a value of this origin."""
        if self.path:
            return ConfigFileError(self.path, dotted(key[1:]), self.line, problem)
        return ConfigError(f"{self.label}: {dotted(key)}: {problem}", self.hint)


@dataclass
class Stack:
    """The values of all layers so far; a later layer wins, mappings are merged, lists are replaced."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[Key, Origin] = field(default_factory=dict)

    def copy(self) -> "Stack":
        """A stack that can be added to without touching this one."""
        return Stack(_copy(self.values), dict(self.origins))

    def put(self, key: Key, value: Any, origin: Origin) -> None:
        """Set a value; a mapping is merged into what is there."""
        if isinstance(value, Mapping) and (value or is_section(key)):
            for name, item in value.items():
                self.put((*key, str(name)), item, origin)
            return
        place = self.values
        for name in key[:-1]:
            below = place.get(name)
            if not isinstance(below, dict):
                below = place[name] = {}
            place = below
        place[key[-1]] = value
        self.origins[key] = origin

    def get(self, key: Key) -> Any:
        """The value of a key, or None."""
        place: Any = self.values
        for name in key:
            place = place.get(name) if isinstance(place, dict) else None
        return place

    def origin(self, key: Key) -> Origin:
        """Where a key was set: its own origin, that of a key above it, or of one below it."""
        for end in range(len(key), 0, -1):
            if found := self.origins.get(key[:end]):
                return found
        return next((origin for at, origin in self.origins.items() if at[: len(key)] == key), Origin("packaged"))

    def validate(self) -> dict[str, Section]:
        """The typed configuration by root.

        Raises:
            ConfigError: an unknown key or a wrong value, with the place that set it.
        """
        self._check_prompts()
        if unknown := set(self.values) - {*MODELS, "prompts"}:
            root = min(unknown)
            raise self.origin((root,)).error((root,), f"unknown key{_suggestion(root, [*MODELS, 'prompts'])}")
        models: dict[str, Section] = {}
        for root, model in MODELS.items():
            try:
                models[root] = model.model_validate(self.values.get(root, {}))
            except ValidationError as exc:
                raise self._translated(root, exc) from None
        return models

    def check_agents(self, agents: Sequence[str]) -> None:
        """Refuse a model or a prompt for an agent that does not exist.

        Args:
            agents: the names of those that do.

        Raises:
            ConfigError: with the place that names it.
        """
        for key, known in ((("prompts",), agents), (("openai", "models"), (*agents, *NO_AGENTS))):
            for name in self.get(key) or ():
                if name not in known:
                    problem = f"unknown agent{_suggestion(name, [*known])}; known are {', '.join(known)}"
                    raise self.origin((*key, name)).error((*key, name), problem)

    def _check_prompts(self) -> None:
        prompts = self.values.get("prompts", {})
        if not isinstance(prompts, dict):
            raise self.origin(("prompts",)).error(("prompts",), "should hold keys and values")
        for name, prompt in prompts.items():
            if not isinstance(prompt, str) or not prompt.strip():
                raise self.origin(("prompts", name)).error(("prompts", name), "should be text that is not empty")

    def _translated(self, root: str, failure: ValidationError) -> ConfigError:
        """The first of pydantic's errors, in our words; never with the value, which may be a secret."""
        error = failure.errors(include_url=False, include_input=False, include_context=False)[0]
        key = (root, *(str(part) for part in error["loc"]))
        problem = error["msg"].removeprefix("Value error, ").replace("Input should be", "should be")
        if error["type"] == "extra_forbidden":
            problem = f"unknown key{_suggestion(key[-1], known_keys(key[:-1]))}"
        elif error["type"] == "model_type":
            problem = "should hold keys and values"
        return self.origin(key).error(key, problem)


def flatten(document: Document, root: str) -> Iterator[tuple[Key, Any, int | None]]:
    """The keys of a document that hold values, synonyms resolved: (key, value, line).

    A section or mapping that is left empty says nothing.
    """

    def walk(value: Any, key: Key) -> Iterator[tuple[Key, Any, int | None]]:
        if isinstance(value, dict) and (value or is_section(key)):
            for name, item in value.items():
                yield from walk(item, (*key, name))
        elif value is not None or not is_section(key):
            yield _first_name(key), value, document.line(key)

    return walk(document.values, (root,))


def _first_name(key: Key) -> Key:
    """A key with a second name replaced by the first, whether it is the key's own or that of a key above it."""
    for end in range(len(key), 0, -1):
        if first := SYNONYMS.get(key[:end]):
            return (*first, *key[end:])
    return key


def leaves(model: type[BaseModel], key: Key) -> Iterator[tuple[Key, Any]]:
    """Every key of a model that holds a value, and its field."""
    for name, info in model.model_fields.items():
        section = info.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            yield from leaves(section, (*key, name))
        else:
            yield (*key, name), info


def known_keys(key: Key) -> list[str]:
    """The names that may stand below a section."""
    model = _annotation(key)
    return list(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []


def is_section(key: Key) -> bool:
    """Whether a key holds other keys rather than a value."""
    annotation = _annotation(key)
    return annotation is dict or (isinstance(annotation, type) and issubclass(annotation, BaseModel))


def _annotation(key: Key) -> Any:
    if key[0] == "prompts":
        return dict if len(key) == 1 else str
    model: Any = MODELS.get(key[0])
    for name in key[1:]:
        if isinstance(model, type) and issubclass(model, BaseModel) and name in model.model_fields:
            model = model.model_fields[name].annotation
        else:
            return None
    if getattr(model, "__origin__", None) is dict and get_args(model):
        return dict
    return model


def _suggestion(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _copy(value: Any) -> Any:
    return {name: _copy(item) for name, item in value.items()} if isinstance(value, dict) else value
