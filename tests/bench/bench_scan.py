"""How long the scan of 50 files takes, the first time and again. Run it with `make bench`."""

import asyncio
import tempfile
import time
from pathlib import Path

from config.load import load_config
from sandbox.scan import scan, warm_scan
from tests.bench.measuring import load_now, quantile, spread, verdict

BOUND_S = 1.5
FILES = 50
ROUNDS = 8
FUNCTION = '''

def step_{n}(values: list[int], limit: int = {n}) -> dict[str, int]:
    """Count the values below a limit."""
    found: dict[str, int] = {{}}
    for place, value in enumerate(values):
        if value < limit and place % 2:
            found[f"v{{value}}"] = found.get(f"v{{value}}", 0) + 1
    return {{name: count for name, count in sorted(found.items()) if count > 1}}
'''
"""Eight lines of code; a file has eight such functions."""


def write_files(folder: Path, number: int) -> list[str]:
    """Files of about 80 lines, no two alike, in Python and every fifth in TypeScript."""
    names = []
    for file in range(FILES):
        if file % 5:
            text = "import os\nimport re\n" + "".join(FUNCTION.format(n=f"{number}{file}{n}") for n in range(8))
        else:
            text = "".join(f"export const f{number}_{n} = (x: number): number => x + {file};\n" for n in range(80))
        names.append(f"part_{file}.{'py' if file % 5 else 'ts'}")
        (folder / names[-1]).write_text(text)
    return names


async def main() -> None:
    rules = load_config(None, {}).rules
    await warm_scan()
    print(load_now())
    fresh: list[float] = []
    again: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(1, ROUNDS + 1):
            names = write_files(Path(folder), number)
            for times in (fresh, again):
                began = time.perf_counter()
                await scan(Path(folder), names, rules, "python")
                times.append(time.perf_counter() - began)
    print(f"scan of {FILES} files: {spread(fresh)}; again, unchanged: {spread(again)}")
    # Other work on the machine only ever makes a scan longer.
    print(verdict(f"scan of {FILES} files, at best", quantile(fresh, 0), BOUND_S))


if __name__ == "__main__":
    asyncio.run(main())
