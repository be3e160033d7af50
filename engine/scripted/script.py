"""Scripts: what a scripted model says, session by session, for one goal.

ScriptError(ModelError)   a script is missing or malformed
"""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from engine.llm.errors import ModelError

GOALS = Path(__file__).parent / "goals"


class ScriptError(ModelError):
    """A script is missing or malformed."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ScriptedCall(_Part):
    """One function call: its arguments as a mapping, or raw text that may be malformed."""

    name: str
    arguments: dict[str, Any] | None = None
    """Of `used_memories`, `shown: WORDS` stands for the first memory in the prompt that says so, if there is one."""
    raw: str | None = None

    @model_validator(mode="after")
    def _one_form(self) -> "ScriptedCall":
        if (self.arguments is None) == (self.raw is None):
            raise ValueError("give either `arguments` or `raw`")
        return self

    @property
    def text(self) -> str:
        """The arguments as the model writes them."""
        return self.raw if self.raw is not None else json.dumps(self.arguments, ensure_ascii=False)


class Turn(_Part):
    """One answer of the model."""

    text: str = ""
    calls: tuple[ScriptedCall, ...] = ()


class Session(_Part):
    """The answers of one agent at one place of the run; what is left out matches everything."""

    role: str
    phase: str | None = None
    iteration: int | None = None
    visit: int | None = None
    """Which session of the role in the phase, counted from 1."""
    when: str | None = None
    """Text that the conversation must contain, such as a failing assertion."""
    turns: tuple[Turn, ...] = Field(min_length=1)

    def fits(self, place: "Place") -> bool:
        """Whether this session can serve a place of the run: a later visit may fall back on an earlier one."""
        return (
            self.role == place.role
            and self.phase in (None, place.phase)
            and self.iteration in (None, place.iteration)
            and (self.visit is None or self.visit <= place.visit)
            and (self.when is None or self.when in place.conversation)
        )

    def precision(self, place: "Place") -> tuple[bool, bool, bool, int, int]:
        """Sorts the sessions that fit a place: the most precise one is the greatest."""
        return (
            self.visit in (None, place.visit),
            self.phase is not None,
            self.visit is not None,
            sum(part is not None for part in (self.iteration, self.when)),
            self.visit or 0,
        )


class Place(_Part):
    """Where in a run a call stands, as its headers and messages tell."""

    role: str
    phase: str = ""
    iteration: int = 0
    visit: int = 1
    turn: int = 0
    """Answers that the conversation already has."""
    conversation: str = Field(default="", repr=False)


class Script(_Part):
    """A goal, and the model that works on it."""

    name: str
    title: str
    goal: str
    description: str
    language: Literal["python", "node"]
    project_type: Literal["web_app", "data_pipeline", "cli_tool", "library", "script"]
    featured: bool = False
    """Whether `miracle demo` offers it."""
    files: dict[str, str] = Field(default_factory=dict)
    """An existing repository's files; none means that the goal starts in an empty folder."""
    verify: str | None = None
    """The acceptance check that no agent can edit."""
    sessions: tuple[Session, ...] = Field(min_length=1)

    def turn_at(self, place: Place) -> Turn | None:
        """What the model says at a place: None without a session, the last turn again once all are used up."""
        fitting = [session for session in self.sessions if session.fits(place)]
        if not fitting:
            return None
        turns = max(fitting, key=lambda session: session.precision(place)).turns
        return turns[min(place.turn, len(turns) - 1)]


@lru_cache(maxsize=32)
def load_script(name_or_path: str) -> Script:
    """A script by the name of a packaged goal, or by its file.

    Raises:
        ScriptError: There is none, or it is malformed; the title names file, line and key.
    """
    packaged = GOALS / f"{name_or_path}.yaml"
    path = packaged if packaged.is_file() else Path(name_or_path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        known = ", ".join(sorted(file.stem for file in GOALS.glob("*.yaml")))
        raise ScriptError(f"No script {name_or_path!r}", f"Give a YAML file, or one of: {known}.") from error
    return parse_script(text, path)


def list_scripts() -> tuple[Script, ...]:
    """All packaged goals, the featured ones first."""
    scripts = [load_script(path.stem) for path in sorted(GOALS.glob("*.yaml"))]
    return tuple(sorted(scripts, key=lambda script: (not script.featured, script.name)))


def parse_script(text: str, path: Path) -> Script:
    """A script from its YAML.

    Raises:
        ScriptError: It is malformed; the title names file, line and key.
    """
    import yaml

    # The parser in C is ten times as fast, and not in every build of the package.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        content = yaml.load(text, Loader=loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or "not YAML"
        raise ScriptError(f"{path}:{line}: {problem}", "Correct the YAML of this line.") from error
    try:
        return Script.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "(the whole file)"
        line = _line_of(yaml.compose(text, Loader=loader), first["loc"])
        raise ScriptError(f"{path}:{line}: {key}: {first['msg']}", "Correct this key.") from error


def _line_of(node: Any, location: tuple[int | str, ...]) -> int:
    """The line of the innermost part of a location that the document really has."""
    import yaml

    line: int = node.start_mark.line + 1 if node is not None else 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == part), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line
