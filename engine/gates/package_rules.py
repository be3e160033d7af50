"""Standing rules for packages: a name with the versions that a person allowed for good. Pure."""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from engine.task import Value

SOURCE = "source archive: "
"""What the subject of the question about a source archive begins with; no rule answers it."""


class Pin(NamedTuple):
    """A package of a question."""

    language: str
    name: str
    version: str


class PackagePattern(Value):
    """A package at one version, at later ones of the same major version, or at any."""

    kind: Literal["package"] = "package"
    language: str
    name: str
    exact: str = ""
    """The one version."""
    since: str = ""
    """The oldest of the versions, up to the next major one; any version where both are empty."""

    def allows(self, pin: Pin) -> bool:
        """Whether the pattern covers a package."""
        if (pin.language, pin.name) != (self.language, self.name):
            return False
        if self.exact:
            return pin.version == self.exact
        if not self.since:
            return True
        version, since = numbers_of(pin.version), numbers_of(self.since)
        return bool(version and since) and version[0] == since[0] and version >= since

    def describe(self) -> str:
        """The pattern in a line."""
        if self.exact:
            versions = self.exact
        elif self.since:
            versions = f"{self.since} and later, before {numbers_of(self.since)[0] + 1}"
        else:
            versions = "any version"
        return f"{self.language} package {self.name}, {versions}"


def pins_of(subject: str) -> tuple[Pin, ...]:
    """The packages that a question is about; none where it is about a source archive or cannot be read."""
    found = []
    for line in subject.split("\n"):
        match = re.fullmatch(r"(python|node) (\S+)==(\S+)", line)
        if match is None:
            return ()
        found.append(Pin(*match.groups()))
    return tuple(found)


def patterns_for(pins: Sequence[Pin]) -> dict[Literal["exact", "like", "any"], tuple[PackagePattern, ...]]:
    """The patterns that may be made of packages, by how much they allow."""
    exact = tuple(PackagePattern(language=pin.language, name=pin.name, exact=pin.version) for pin in pins)
    like = tuple(PackagePattern(language=pin.language, name=pin.name, since=pin.version) for pin in pins)
    anything = tuple(PackagePattern(language=pin.language, name=pin.name) for pin in pins)
    readable = all(numbers_of(pin.version) for pin in pins)
    return {"exact": exact, **({"like": like} if readable else {}), "any": anything}


def numbers_of(version: str) -> tuple[int, ...]:
    """The release numbers of a version; empty for a pre-release and for what is no number."""
    match = re.fullmatch(r"v?(\d+(?:\.\d+)*)(?:\.post\d+|\+\S+)?", version)
    return tuple(int(part) for part in match[1].split(".")) if match else ()
