"""Fit the offline embedder's table of inverse document frequencies.

The corpus is failure reports in the form that pytest prints, made from functions of the standard library and the
exceptions that they raise. The table is shipped frozen: fit it anew only with a new name in `memory/offline.py`.

    python scripts/fit_idf.py
"""

import random
import re
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from memory.hashed_ngrams import BUCKETS, IDF_TABLE, features
from memory.normalise import mask

REPORTS = 2000
_RAISE = re.compile(r"^\s+raise (\w+(?:Error|Exception|Exit|Warning))\((?:f?[\"'](.+?)[\"'])?")
_DEF = re.compile(r"^\s*(?:async )?def (\w+)")
_BUILT_IN = (
    "AssertionError: assert {a} == {b}",
    "AssertionError: assert {name}({a}) == {b}\n +  where {b} = {name}({a})",
    "TypeError: {name}() missing 1 required positional argument: '{word}'",
    "TypeError: unsupported operand type(s) for +: 'int' and 'str'",
    "AttributeError: 'NoneType' object has no attribute '{word}'",
    "KeyError: '{word}'",
    "IndexError: list index out of range",
    "NameError: name '{word}' is not defined",
    "ValueError: invalid literal for int() with base 10: '{word}'",
    "ModuleNotFoundError: No module named '{word}'",
    "ImportError: cannot import name '{name}' from '{word}'",
    "ZeroDivisionError: division by zero",
    "RecursionError: maximum recursion depth exceeded",
    "SyntaxError: invalid syntax",
    "FileNotFoundError: [Errno 2] No such file or directory: '{word}.txt'",
)


def main() -> None:
    """Write the table beside the embedder."""
    reports = list(corpus(random.Random(1)))
    seen = np.zeros(BUCKETS)
    for report in reports:
        buckets = np.unique(features(mask(report)) & np.uint64(BUCKETS - 1)).astype(np.int64)
        seen[buckets] += 1
    idf = np.log((1 + len(reports)) / (1 + seen)) + 1
    step = float(idf.max()) / 255
    np.savez_compressed(IDF_TABLE, quantised=np.round(idf / step).astype(np.uint8), step=np.float64(step))
    print(f"{len(reports)} reports, {int((seen > 0).sum())} buckets, {IDF_TABLE.stat().st_size} bytes")


def corpus(chance: random.Random) -> Iterator[str]:
    """Reports made from the standard library's source, the same in every run of one Python version."""
    pieces = [piece for path in sorted(sources()) for piece in functions(path)]
    chance.shuffle(pieces)
    for module, name, lines, error in pieces[:REPORTS]:
        words = re.findall(r"[a-z_]{3,}", " ".join(lines)) or ["value"]
        if not error:
            error = chance.choice(_BUILT_IN).format(
                name=name,
                word=chance.choice(words),
                a=chance.randint(-9, 99),
                b=chance.choice(("None", "[]", "'x'", "3")),
            )
        yield report(module, name, lines, error)


def sources() -> Iterator[Path]:
    """The standard library's own modules, without its tests."""
    root = Path(sysconfig.get_path("stdlib"))
    for path in root.rglob("*.py"):
        if not {"test", "tests", "site-packages", "idlelib", "lib2to3", "encodings"} & set(
            path.relative_to(root).parts
        ):
            yield path


def functions(path: Path) -> Iterator[tuple[str, str, list[str], str]]:
    """(module, function, the first lines of its body, the exception that it raises or nothing)."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    starts = [(number, found[1]) for number, line in enumerate(lines) if (found := _DEF.match(line))]
    for number, name in starts:
        body = lines[number : number + 14]
        raised = next((found for line in body if (found := _RAISE.match(line))), None)
        yield path.stem, name, body, f"{raised[1]}: {raised[2] or name}" if raised else ""


def report(module: str, name: str, lines: list[str], error: str) -> str:
    """A failure as pytest prints it."""
    source = "\n".join(f"    {line}" for line in lines)
    shown = "\n".join(f"E   {line}" for line in error.splitlines())
    kind = error.split(":", 1)[0]
    return (
        f"____ test_{name} ____\n\n    def test_{name}():\n>       result = {name}()\n\n"
        f"tests/test_{module}.py:12: \n_ _ _ _ _ _\n\n{source}\n{shown}\n\n{module}.py:34: {kind}\n"
        f"=== short test summary info ===\nFAILED tests/test_{module}.py::test_{name} - {error.splitlines()[0]}\n"
    )


if __name__ == "__main__":
    main()
