"""Make the corpus: run the tests of the programs' mutants, and keep what they say.

    python -P -m tests.bench.retrieval.make_corpus [PROGRAM ...]

It takes some minutes and gives the same corpus as long as programs, operators and test runners stay as they are. With
names only those programs are run again, and the rest of the corpus is kept.
"""

import json
import lzma
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from multiprocessing import Pool
from pathlib import Path
from typing import Any

from tests.bench.retrieval.corpus import CORPUS
from tests.bench.retrieval.failing import failures_of
from tests.bench.retrieval.mutants import HELD_OUT, Mutant
from tests.bench.retrieval.mutants_javascript import JavaScriptMutants
from tests.bench.retrieval.mutants_python import PythonMutants
from tests.bench.retrieval.programs import Program, programs

MUTANTS = {"python": 36, "node": 24}
"""Mutants of a program that are run."""
FAILURES = 2
"""Failing tests of a mutant that are kept."""
PROCESSES = 3
SHIFT = 7
"""Lines by which the programs of held-out mutants lie lower: a report's line numbers must not help."""


def chosen(program: Program, chance: random.Random) -> list[Mutant]:
    """Some mutants of the program: operators take turns, so that common ones do not crowd out rare ones."""
    source = program.source
    made = PythonMutants(source).all() if program.language == "python" else JavaScriptMutants(source).all()
    by_operator: dict[str, list[Mutant]] = {}
    for mutant in made:
        by_operator.setdefault(mutant.operator, []).append(mutant)
    for mutants in by_operator.values():
        chance.shuffle(mutants)
    picked: list[Mutant] = []
    while by_operator and len(picked) < MUTANTS[program.language]:
        for operator in sorted(by_operator):
            picked.append(by_operator[operator].pop())
            if not by_operator[operator]:
                del by_operator[operator]
    return picked[: MUTANTS[program.language]]


def failures(program: Program, folder: Path) -> Iterator[dict[str, Any]]:
    """The failures of a program's mutants."""
    comment = "#" if program.language == "python" else "//"
    mutants = chosen(program, random.Random(program.name))
    moved = f"{comment} moved\n" * SHIFT
    sources = [moved + one.source if one.operator in HELD_OUT else one.source for one in mutants]
    for mutant, found in zip(mutants, failures_of(program, sources, folder), strict=True):
        seen: set[str] = set()
        for test, kind, report in found:
            if len(seen) < FAILURES and report not in seen:
                seen.add(report)
                yield {
                    "operator": mutant.operator, "function": mutant.function, "line": mutant.line, "test": test,
                    "type": kind, "report": report,
                }  # fmt: skip


def part_of(program: Program) -> dict[str, Any]:
    """What the corpus holds of a program."""
    with tempfile.TemporaryDirectory(prefix="miracle-mutants-") as place:
        found = list(failures(program, Path(place)))
    kinds = Counter(one["type"] for one in found)
    print(f"{program.file}: {len(found)} failures, {dict(kinds.most_common(4))}", file=sys.stderr, flush=True)
    return {
        "program": program.name, "language": program.language, "identifiers": program.identifiers,
        "file": program.file, "failures": found,
    }  # fmt: skip


def main() -> None:
    """Write the corpus."""
    wanted = set(sys.argv[1:]) or {program.name for program in programs()}
    with Pool(PROCESSES) as pool:
        made = pool.map(part_of, [program for program in programs() if program.name in wanted], chunksize=1)
    kept = json.loads(lzma.decompress(CORPUS.read_bytes())) if sys.argv[1:] else []
    corpus = sorted(
        [*made, *(one for one in kept if one["program"] not in wanted)], key=lambda one: str(one["program"])
    )
    packed = lzma.compress(json.dumps(corpus, ensure_ascii=False).encode("utf-8", "surrogatepass"), preset=9)
    CORPUS.write_bytes(packed)
    print(f"{sum(len(one['failures']) for one in corpus)} failures, {len(packed)} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
