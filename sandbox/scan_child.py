"""The scanners' own process: reads orders from stdin, a line of JSON each, and answers a line for each file.

Files that agents wrote are parsed here and not in the app, so that one that crashes a parser or keeps it busy for ever
costs this process and nothing else. It ends when its stdin does.
"""

import json
import resource
import sys
from pathlib import Path
from typing import Any

MEMORY = 2 * 2**30
"""Bytes of data that the scanners may take."""


def main() -> None:
    """Scan what is asked for, until nobody asks any more."""
    from config.rules import SafetyRules
    from sandbox.scan_bandit import load_bandit
    from sandbox.scan_files import FileScanner

    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    load_bandit()
    kept: dict[str, Any] = {}
    _say({"ready": True})
    for line in sys.stdin:
        order = json.loads(line)
        rules = SafetyRules.model_validate(order["rules"])
        scanner = FileScanner(Path(order["workspace"]), rules, order["language"], kept)
        for path in order["files"]:
            found = scanner.scan(path)
            _say({"path": path, "findings": [one.model_dump() for one in found]})


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
