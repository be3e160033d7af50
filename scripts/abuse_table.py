"""Makes the table of the abuse suite in SECURITY.md from the report that the suite's last run left.

pytest tests/abuse -n 2 && python scripts/abuse_table.py
"""

import ast
import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SUITE, REPORT, PAGE = ROOT / "tests" / "abuse", ROOT / "build" / "abuse", ROOT / "SECURITY.md"
BEGIN, END = "<!-- abuse suite: begin -->", "<!-- abuse suite: end -->"
HEAD = "| Case | Attack | Expected | bubblewrap | Docker |\n| --- | --- | --- | --- | --- |\n"
Case = tuple[str, str, str]
"""Number, attack, what is expected."""


def declared_cases() -> list[Case]:
    """The cases as the tests declare them, in the order of their numbers, without running anything."""
    found: list[Case] = []
    for file in sorted(SUITE.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("abuse", "Elsewhere"):
                number, attack, expected = (ast.literal_eval(argument) for argument in node.args[:3])
                found.append((number, attack, expected))
    return sorted(found, key=_place)


def reported(folder: Path = REPORT) -> list[dict[str, Any]]:
    """What the suite's last run saw, of all its processes.

    Raises:
        SystemExit: it has not run yet.
    """
    files = sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime)
    if not files:
        raise SystemExit("There is no report: run `pytest tests/abuse -n 2` first.")
    run = files[-1].name.rpartition("-")[0]
    return [row for file in files if file.name.rpartition("-")[0] == run for row in json.loads(file.read_text("utf-8"))]


def table(rows: list[dict[str, Any]]) -> str:
    """The table: a row a case, what each backend saw in a column of its own."""
    from tests.abuse.cases import ELSEWHERE

    lines = []
    for number, attack, expected in declared_cases():
        mine = [row for row in rows if row["attack"] == attack]
        other = next((case for case in ELSEWHERE if case.attack == attack), None)
        if other is not None:
            columns = [f"`{other.file}`"] * 2
        elif on_host := _seen(mine, "host"):
            columns = [on_host, on_host]
        else:
            columns = [_seen(mine, backend) or "-" for backend in ("bubblewrap", "docker")]
        lines.append(f"| {' | '.join(map(_cell, (number, attack, expected, *columns)))} |\n")
    return HEAD + "".join(lines)


def cases_in(page: str) -> list[Case]:
    """The cases that a page's table lists."""
    body = page.partition(BEGIN)[2].partition(END)[0]
    rows = [line.strip("| ").split(" | ") for line in body.splitlines() if re.match(r"\| A?\d", line)]
    return [(row[0], row[1].replace("\\|", "|"), row[2].replace("\\|", "|")) for row in rows]


def _seen(rows: list[dict[str, Any]], backend: str) -> str:
    mine = [row for row in rows if row["backend"] == backend]
    if any(row["outcome"] != "passed" for row in mine):
        return "**FAILED**"
    told = sorted({what for row in mine for what in row["seen"]})
    return "; ".join(told) or ("as expected" if mine else "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _place(case: Case) -> tuple[bool, int, str]:
    return case[0].startswith("A"), int(case[0].lstrip("A")), case[1]


def main() -> None:
    """Write the table into the page."""
    sys.path.insert(0, str(ROOT))
    page = PAGE.read_text("utf-8")
    if BEGIN not in page:
        raise SystemExit(f"{PAGE.name} has no line {BEGIN}")
    before, rest = page.split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{table(reported())}{END}{rest.partition(END)[2]}", "utf-8")


if __name__ == "__main__":
    main()
