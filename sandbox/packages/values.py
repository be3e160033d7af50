"""The words of dependencies: what code wants, what a registry offers for it, what would be installed. Frozen values."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

Standing = Literal["allowed", "blocked", "approval_required", "unknown"]
Source = Literal["import", "requirement", "failure"]
"""Where a want was seen: in code, in the project's own files, in what the tests said."""


class Value(BaseModel):
    """A frozen value; fields that a newer Miracle wrote are kept."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Wanted(Value):
    """A package that the environment does not hold."""

    name: str
    """Of the distribution, as its registry writes it."""
    requirement: str = ""
    """With the versions that the project asks for; the name alone when it is empty."""
    imports: tuple[str, ...] = ()
    """The names that code imports it by."""
    places: tuple[str, ...] = ()
    """File and line, or the file that declares it."""
    source: Source = "import"
    standing: Standing = "unknown"
    reason: str = ""
    """Why it is refused, where it is blocked."""

    @property
    def declared(self) -> bool:
        """Whether the project's own files ask for it."""
        return self.source == "requirement"


class Package(Value):
    """One package of a resolution, with what a person should know of it."""

    name: str
    version: str
    direct: bool = False
    """Wanted itself; the others come with one that is."""
    size_bytes: int = 0
    """Of the archive; 0 while it is not known."""
    licence: str = ""
    released: datetime | None = None
    resembles: str = ""
    """The popular package that the name may be taken for."""
    from_source: bool = False
    """Nothing but a source archive: building it runs its code."""
    has_scripts: bool = False
    """It wants to run a script when it is installed, which is not done."""
    standing: Standing = "unknown"

    @property
    def pin(self) -> str:
        """The package at exactly this version."""
        return f"{self.name}=={self.version}"


class Refusal(Value):
    """A package that is not installed, and why: the agents are told."""

    name: str
    reason: str


class Resolution(Value):
    """All that would be installed, pinned and with hashes, or why that cannot be said."""

    packages: tuple[Package, ...] = ()
    lock: str = ""
    """What the installer is given: requirement lines with hashes, or a package-lock.json."""
    refused: tuple[Refusal, ...] = ()
    unreachable: str = ""
    """Why no registry answered; nothing was decided then."""


def canonical(name: str) -> str:
    """A Python distribution's name as all its spellings compare."""
    out: list[str] = []
    for char in name.strip().lower():
        if char in "-_.":
            if out and out[-1] != "-":
                out.append("-")
        else:
            out.append(char)
    return "".join(out)
