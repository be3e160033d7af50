"""The table of every configuration key, made from the models: `python -m config.reference` writes it into the docs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from config.documents import FILES, Key, dotted
from config.stack import MODELS, leaves
from config.tighten import RULES, free

PAGE = Path(__file__).parents[1] / "docs" / "configuration.md"
BEGIN, END = "<!-- keys: begin -->", "<!-- keys: end -->"


def reference() -> str:
    """One Markdown section a file, one row a key: name, default, whether a project may set it, meaning."""
    return "\n".join(line for root in MODELS for line in _section(root))


def with_reference(page: str) -> str:
    """A page with the text between its two marks replaced by the reference."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{reference()}\n{END}{rest.partition(END)[2]}"


def _section(root: str) -> Iterator[str]:
    yield from (f"### {FILES[root]}", "", "| Key | Default | A project may | Meaning |", "| --- | --- | --- | --- |")
    for key, info in leaves(MODELS[root], (root,)):
        meaning = (info.description or "").replace("|", "\\|").replace("\n", " ")
        yield f"| `{dotted(key[1:])}` | {_default(info)} | {_project(key)} | {meaning} |"
    yield ""


def _default(info: FieldInfo) -> str:
    value: Any = info.get_default(call_default_factory=True)
    if value in (None, "", (), {}) or isinstance(value, SecretStr):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, dict):
        return ", ".join(f"`{name}: {item}`" for name, item in value.items())
    if isinstance(value, tuple):
        return ", ".join(f"`{item}`" for item in value)
    return f"`{value}`"


_WORDS = {
    "lower": "lower it",
    "less_memory": "lower it",
    "higher": "raise it",
    "grow": "add",
    "shrink": "remove",
    "narrow": "choose",
}


def _project(key: Key) -> str:
    rule = RULES.get(dotted(key))
    if rule is None:
        return ""
    return "set it" if rule is free else _WORDS.get(rule.__name__, "tighten it")


if __name__ == "__main__":
    PAGE.write_text(with_reference(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
