"""The process that searches: a pattern that never ends, or that eats memory, takes only this process with it.

Started by `search` with a JSON object on stdin; writes one JSON list `[path, line, text]` for each match.
Imports only what starts fast.
"""

import json
import re
import resource
import sys
from pathlib import Path

from engine.tools.globs import compiled
from engine.workspace.git import shown
from engine.workspace.outline import walk_files
from sandbox.errors import UnsafePath
from sandbox.safe_files import read_bytes

MAX_FILE_BYTES = 2 * 2**20
MEMORY_BYTES = 512 * 2**20
LINE_LENGTH = 300
MAX_LINE = 100_000
"""Characters of a line that are looked at: minified files have lines of a megabyte."""
TEXT_PROBE = 8192


def main() -> None:
    """Search as told, until the end or until the reader has enough."""
    told = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pattern = re.compile(told["pattern"], re.IGNORECASE if told["ignore_case"] else 0)
    wanted = compiled(told["files"])
    root = Path(told["root"])
    left = int(told["limit"])
    for found in walk_files(root):
        if found.link or found.size > MAX_FILE_BYTES or not wanted.fullmatch(found.path):
            continue
        try:
            content = read_bytes(root, found.path, MAX_FILE_BYTES)
        except UnsafePath:
            continue
        if b"\0" not in content[:TEXT_PROBE]:
            left -= _search(pattern, shown(found.path), content.decode("utf-8", "replace"), left)
        if left <= 0:
            return


def _search(pattern: "re.Pattern[str]", path: str, text: str, limit: int) -> int:
    matches = 0
    for number, line in enumerate(text.split("\n"), 1):
        if pattern.search(line[:MAX_LINE]):
            sys.stdout.write(json.dumps([path, number, line.rstrip()[:LINE_LENGTH]]) + "\n")
            matches += 1
            if matches >= limit:
                break
    sys.stdout.flush()
    return matches
