"""What happens to the packages that a run needs: seen to be missing, looked up, installed."""

from typing import Literal

from engine.agent_events import EventBody
from sandbox.packages.values import Package, Refusal, Wanted
from sandbox.protocol import Language


class DependenciesFound(EventBody):
    """An iteration needs packages that its environment does not hold."""

    kind: Literal["dependencies_found"] = "dependencies_found"
    phase_id: str
    number: int
    wanted: tuple[Wanted, ...]


class DependenciesResolved(EventBody):
    """What would be installed for them, pinned and with hashes; or what will not be, and why."""

    kind: Literal["dependencies_resolved"] = "dependencies_resolved"
    phase_id: str
    number: int
    wanted: tuple[str, ...]
    """The names that were looked up."""
    sources: tuple[str, ...] = ()
    """Packages that may be built from their source archive."""
    beside: tuple[str, ...] = ()
    """Pins of what was installed then, and stays."""
    packages: tuple[Package, ...] = ()
    lock: str = ""
    refused: tuple[Refusal, ...] = ()


class DependenciesInstalled(EventBody):
    """The run's tests have an environment that holds these packages; it takes the place of the one before."""

    kind: Literal["dependencies_installed"] = "dependencies_installed"
    phase_id: str
    number: int
    language: Language
    packages: tuple[Package, ...]
    lock: str
    sources: tuple[str, ...] = ()
    fingerprint: str = ""


DependencyEvent = DependenciesFound | DependenciesResolved | DependenciesInstalled
