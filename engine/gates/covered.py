"""Which lines a diff adds, for the coverage of what changed. Pure."""

import re
from collections.abc import Mapping

from sandbox.scan_findings import is_test

MOST_FILES = 200
_HUNK = re.compile(r"@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@")


def measured_lines(diff: str, endings: tuple[str, ...] = (".py",)) -> Mapping[str, frozenset[int]]:
    """The lines that a unified diff adds to source files that are no tests: path to line numbers in the new file.

    Args:
        diff: as git makes it.
        endings: of the files.
    """
    found: dict[str, set[int]] = {}
    path, line, within = "", 0, False
    for text in diff.splitlines():
        if text.startswith("diff --git "):
            path, within = "", False
        elif not within and text.startswith("+++ "):
            path = text[6:].split("\t")[0] if text.startswith("+++ b/") else ""
        elif (hunk := _HUNK.match(text)) is not None:
            line, within = int(hunk.group(1)), True
        elif within and text.startswith("+"):
            found.setdefault(path, set()).add(line)
            line += 1
        elif within and not text.startswith(("-", "\\")):
            line += 1
    wanted = [path for path in found if path.endswith(endings) and not is_test(path)]
    return {path: frozenset(found[path]) for path in wanted[:MOST_FILES]}
