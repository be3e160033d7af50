"""The lines that tell of packages: needed, looked up, installed."""

from collections.abc import Callable
from typing import Any

from config.amounts import plural
from engine.dependency_events import DependenciesFound, DependenciesInstalled, DependenciesResolved
from engine.state import State
from miracle_tui.cli.inert import one_line

SHOWN = 10


def _found(event: DependenciesFound, state: State) -> list[str]:
    lines = []
    for one in event.wanted[:SHOWN]:
        places = f" ({one_line(', '.join(one.places[:3]))})" if one.places else ""
        if one.standing == "blocked":
            lines.append(f"  ✗ {one_line(one.name)} is refused: {one_line(one.reason)}{places}")
        else:
            lines.append(f"  · needs the package {one_line(one.name)}{places}")
    return lines + ([f"  · and {len(event.wanted) - SHOWN} more"] if len(event.wanted) > SHOWN else [])


def _resolved(event: DependenciesResolved, state: State) -> list[str]:
    lines = [f"  · {plural(len(event.packages), 'package')} looked up"] if event.packages else []
    return lines + [f"  ! {one_line(one.name)} is not installed: {one_line(one.reason)}" for one in event.refused]


def _installed(event: DependenciesInstalled, state: State) -> list[str]:
    direct = ", ".join(one_line(package.pin) for package in event.packages if package.direct)
    others = sum(not package.direct for package in event.packages)
    return [f"  ✓ installed {direct}" + (f", and {others} that come with it" if others else "")]


DEPENDENCY_LINES: dict[type, Callable[[Any, State], list[str]]] = {
    DependenciesFound: _found,
    DependenciesResolved: _resolved,
    DependenciesInstalled: _installed,
}
