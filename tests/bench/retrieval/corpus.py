"""The corpus of failures, as it was made once by `make_corpus`."""

import json
import lzma
import random
import re
from dataclasses import dataclass, replace
from pathlib import Path

from tests.bench.retrieval.mutants import HELD_OUT, KINDS

CORPUS = Path(__file__).with_name("corpus.json.xz")
ELSEWHERE = "/srv/build/41"
"""Where the projects of queries lie: a report's paths must not help."""


@dataclass(frozen=True)
class Failure:
    """A test that failed because of a bug that is known."""

    program: str
    language: str
    operator: str
    function: str
    line: int
    error_type: str
    report: str
    identifiers: tuple[str, ...]
    file: str

    @property
    def held_out(self) -> bool:
        """Whether it is asked about and not stored."""
        return self.operator in HELD_OUT

    @property
    def kind(self) -> str:
        """The kind of bug."""
        return KINDS[self.operator]


def read_corpus() -> list[Failure]:
    """All failures, program by program."""
    return [
        Failure(
            part["program"], part["language"], one["operator"], one["function"], one["line"], one["type"],
            _moved(one["report"]) if one["operator"] in HELD_OUT else one["report"],
            tuple(part["identifiers"]), part["file"],
        )
        for part in json.loads(lzma.decompress(CORPUS.read_bytes()))
        for one in part["failures"]
    ]  # fmt: skip


def _moved(report: str) -> str:
    return report.replace("/workspace", ELSEWHERE)


def renamed(failure: Failure, pool: list[str]) -> Failure:
    """The failure as it were if the project gave other names: to its file, functions, classes and variables."""
    chance = random.Random(failure.program)
    names = sorted({*failure.identifiers, failure.file.split(".")[0]}, key=lambda name: (-len(name), name))
    others = [name for name in pool if name not in failure.identifiers]
    new = dict(zip(names, chance.sample(others, len(names)), strict=True))
    pattern = re.compile(r"(?<![A-Za-z])(" + "|".join(map(re.escape, names)) + r")(?![A-Za-z0-9])")
    return replace(failure, report=pattern.sub(lambda found: new[found[1]], failure.report))
