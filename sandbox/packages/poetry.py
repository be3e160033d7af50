"""What the tables of Poetry and Pipenv say, as requirements in Python's common form."""

import re
from collections.abc import Iterator
from typing import Any

_ELSEWHERE = frozenset({"git", "path", "url", "file", "develop"})
"""Keys of a dependency that no registry has by name."""
_RELEASE = re.compile(r"\d+(?:\.\d+)*")
_CONSTRAINT = re.compile(r"(\^|~(?!=)|)\s*(v?[0-9][\w.+!-]*(?:\.\*)?)")


def poetry_requirements(table: object) -> list[str]:
    """Requirements of one table of dependencies; those of a group's table are read the same way.

    Args:
        table: name to a version, or to a table with `version`, `extras`, `markers` and `optional`.

    Returns:
        One requirement for each package of a registry; what is optional is left out.
    """
    return list(_lines(table)) if isinstance(table, dict) else []


def _lines(table: dict[str, Any]) -> Iterator[str]:
    for name, wish in table.items():
        # Several tables for one package stand for several Pythons; the first is as good as any.
        first = wish[0] if isinstance(wish, list) and wish else wish
        told = first if isinstance(first, dict) else {"version": first}
        if name.lower() == "python" or told.get("optional") or _ELSEWHERE & told.keys():
            continue
        extras = told.get("extras")
        named = f"{name}[{','.join(map(str, extras))}]" if isinstance(extras, list) and extras else name
        markers = told.get("markers")
        yield f"{named}{_versions(told.get('version'))}" + (f"; {markers}" if isinstance(markers, str) else "")


def _versions(wish: object) -> str:
    """A constraint in the common form; empty where it allows everything, or cannot be said in it."""
    if not isinstance(wish, str) or "|" in wish:
        return ""
    parts = [part.strip() for part in wish.split(",")]
    return ",".join(said for part in parts if (said := _version(part)))


def _version(part: str) -> str:
    if part in ("", "*"):
        return ""
    match = _CONSTRAINT.fullmatch(part)
    if match is None:
        return part
    sign, version = match[1], match[2].removeprefix("v")
    release = _RELEASE.match(version)
    if not sign or release is None:
        return f"=={version}"
    numbers = [int(number) for number in release[0].split(".")]
    return f">={version},<{_next(numbers, sign)}"


def _next(numbers: list[int], sign: str) -> str:
    """The first release that is too new: after the first part that is not 0, or for `~` after the second part."""
    if sign == "~":
        at = min(1, len(numbers) - 1)
    else:
        at = next((place for place, number in enumerate(numbers) if number), len(numbers) - 1)
    return ".".join(map(str, [*numbers[:at], numbers[at] + 1]))
