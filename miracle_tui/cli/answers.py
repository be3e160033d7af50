"""A person's prepared answers to the reprompter's questions, from a file."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from miracle_tui.cli.problems import BadInput

MAX_BYTES = 1_000_000


@dataclass(frozen=True)
class Answers:
    """Answers in order, or by words of the question."""

    in_order: tuple[str, ...] = ()
    by_words: tuple[tuple[str, str], ...] = ()

    def to(self, questions: tuple[str, ...]) -> tuple[str, ...]:
        """An answer for each question; empty where there is none, which skips the question."""
        if self.by_words:
            return tuple(self._by_words(question) for question in questions)
        return (self.in_order + ("",) * len(questions))[: len(questions)]

    def _by_words(self, question: str) -> str:
        asked = question.casefold()
        return next((answer for words, answer in self.by_words if words.casefold() in asked), "")


def read_answers(path: Path) -> Answers:
    """Read a YAML or JSON file (a list, or question to answer), or a text file with one answer a line.

    Raises:
        BadInput: it cannot be read, or holds something else.
    """
    hint = "Give a list of answers, a mapping of words of the question to the answer, or one answer a line."
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadInput(f"{path} is over {MAX_BYTES:,} bytes long", hint)
        text = path.read_text(encoding="utf-8-sig")
    except OSError as exc:
        raise BadInput(f"The answers in {path} cannot be read: {exc.strerror}", "Correct --answers.") from exc
    except UnicodeDecodeError as exc:
        raise BadInput(f"{path} is not UTF-8 text", hint) from exc
    if path.suffix.lower() in (".yaml", ".yml", ".json"):
        return _from_value(path, _parsed(path, text, hint), hint)
    return Answers(in_order=tuple(line.strip() for line in text.splitlines() if line.strip()))


def _parsed(path: Path, text: str, hint: str) -> Any:
    if path.suffix.lower() == ".json":
        try:
            return json.loads(text)
        except (json.JSONDecodeError, RecursionError) as exc:
            line = f", line {exc.lineno}" if isinstance(exc, json.JSONDecodeError) else ""
            raise BadInput(f"{path}{line}: is not valid JSON", hint) from exc
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as exc:
        line = f", line {exc.problem_mark.line + 1}" if exc.problem_mark else ""
        raise BadInput(f"{path}{line}: is not valid YAML", hint) from exc
    except (yaml.YAMLError, RecursionError, ValueError) as exc:
        raise BadInput(f"{path}: is not usable YAML", hint) from exc


def _from_value(path: Path, value: Any, hint: str) -> Answers:
    plain = (str, int, float, bool)
    if isinstance(value, list) and all(isinstance(item, plain) for item in value):
        return Answers(in_order=tuple(_text(item) for item in value))
    if isinstance(value, dict) and all(isinstance(item, plain) for item in value.values()):
        return Answers(by_words=tuple((str(words), _text(answer)) for words, answer in value.items()))
    raise BadInput(f"{path}: does not hold answers", hint)


def _text(value: Any) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
