"""What of a failure is masked, and how it is fingerprinted.

Measured: masking paths and addresses costs nothing, masking numbers or quoted names costs recall. So only what differs
between two occurrences of one failure goes: paths, addresses, ids, times, line numbers, durations, frames of Node.js.
"""

import hashlib
import re
from bisect import bisect
from collections.abc import Sequence

_MASKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]"), ""),
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "<uuid>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"\b0x[0-9a-fA-F]{4,}\b"), "<address>"),
    (re.compile(r"\bfile://(?:/[\w.@+~%-]+)*/"), ""),
    (re.compile(r"(?<![\w.<])(?:/[\w.@+~-]+){2,}(?=/)/|\b[A-Za-z]:\\(?:[^\\\s\"']+\\)+"), ""),
    (re.compile(r"(\.(?:py|js|mjs|cjs|ts)):\d+(?::\d+)?"), r"\1:N"),
    (re.compile(r"(\.py\", line )\d+"), r"\1N"),
    (re.compile(r"\bin \d+\.\d+s\b"), "in <duration>"),
    (re.compile(r"^[ \t]+at [^\n]*\bnode:[^\n]*(?:\n|\Z)", re.MULTILINE), ""),
)
_PYTEST_PLACE = re.compile(r"^([\w./\\ -]+\.py):\d+:(?: in ([\w<>]+)| ?(\w*)) *$", re.MULTILINE)
_PYTEST_DEF = re.compile(r"^ {0,8}(?:async )?def (\w+)\(", re.MULTILINE)
_PYTHON_FRAME = re.compile(r'^[ \t]*File "([^"]+)", line \d+, in ([\w<>.]+)', re.MULTILINE)
_NODE_FRAME = re.compile(r"^[ \t]+at (?:async )?([\w.$<>\[\] ]+?) \((?:file://)?([^()\s]+):\d+:\d+\)", re.MULTILINE)
_NODE_PLACE = re.compile(r"^[ \t]+at .*:\d+:\d+\)?$", re.MULTILINE)
_FOREIGN = re.compile(r"site-packages|node_modules|node:internal|/lib/python\d|^<|\bnode:")
_PYTEST_ERROR = re.compile(
    r"^E[ \t]+((?:[\w.]+\.)?[A-Z]\w*(?:Error|Exception|Exit|Failed|Warning|Interrupt)): ?(.*)$", re.M
)
_PYTEST_TYPE = re.compile(r"^[\w./\\ -]+\.py:\d+: ?([A-Za-z_]\w*) *$", re.MULTILINE)
_NODE_ERROR = re.compile(r"\A\s*(?:Uncaught )?([A-Z]\w*)(?: \[(\w+)\])?(?:: ?(.*))?$", re.MULTILINE)
_NODE_VALUES = re.compile(r"^(?:[+-] (?!actual\b|expected\b).*|.+ !== .+|.+ should .*)$", re.MULTILINE)
_NODE_VALUES_READ = 4
_ASSERT = re.compile(r"^E[ \t]+(assert .*)$", re.MULTILINE)
_ANY_ERROR = re.compile(
    r"^[ \t]*(?:Uncaught )?((?:[\w.]+\.)?[A-Z]\w*(?:Error|Exception))(?: \[\w+\])?: ?(.*)$", re.MULTILINE
)


def mask(text: str) -> str:
    """The text without what differs between two occurrences of the same failure."""
    for pattern, replacement in _MASKS:
        text = pattern.sub(replacement, text)
    return "\n".join(line.rstrip() for line in text.split("\n")).strip()


def error_of(report: str) -> tuple[str, str]:
    """(type, first line of the message) of the error in a test runner's report; empty when there is none."""
    errors = list(_PYTEST_ERROR.finditer(report))
    places = list(_PYTEST_TYPE.finditer(report))
    if places and not (errors and errors[-1].start() > places[-1].start()):
        # The type as pytest names it at the place: an exception of the project's own may be called anything.
        kind = places[-1][1]
        shown = re.compile(rf"^E[ \t]+(?:[\w.]+\.)?{kind}(?:: ?(.*))?$", re.MULTILINE)
        if found := list(shown.finditer(report)):
            return kind, (found[-1][1] or "").strip()
    if errors:
        return errors[-1][1].rpartition(".")[2], errors[-1][2].strip()
    if asserted := _ASSERT.search(report):
        return "AssertionError", asserted[1].strip()
    if (first := _NODE_ERROR.match(report)) and _NODE_PLACE.search(report):
        return first[1], _node_message(first[3] or "", report[first.end() :] if first[2] == "ERR_ASSERTION" else "")
    if found := list(_ANY_ERROR.finditer(report)):
        return found[-1][1].rpartition(".")[2], found[-1][2].strip()
    return "", ""


def _node_message(first: str, rest: str) -> str:
    """An assertion's first line says only that values differ: those that do are below it, before the frames."""
    above = _NODE_PLACE.split(rest, maxsplit=1)[0]
    values = [line.strip() for line in _NODE_VALUES.findall(above)[:_NODE_VALUES_READ]]
    return " ".join([first.strip(), *values]).strip()


def frames_of(report: str) -> tuple[str, ...]:
    """The project's own frames in a report, outermost first, as `file:function`; libraries are left out."""
    if frames := [(path, name) for path, name in _PYTHON_FRAME.findall(report) if not _FOREIGN.search(path)]:
        return _named(frames)
    if frames := [(path, name) for name, path in _NODE_FRAME.findall(report) if not _FOREIGN.search(path)]:
        return _named(list(reversed(frames)))
    functions = [(found.start(), found[1]) for found in _PYTEST_DEF.finditer(report)]
    frames = []
    for place in _PYTEST_PLACE.finditer(report):
        if not _FOREIGN.search(place[1]):
            above = bisect(functions, (place.start(), ""))
            frames.append((place[1], place[2] or (functions[above - 1][1] if above else "")))
    return _named(frames)


def _named(frames: list[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(f"{path.replace(chr(92), '/').rpartition('/')[2]}:{name}" for path, name in frames)


def signature(error_type: str, message: str) -> str:
    """The failure's one line: type and first line of the message, masked."""
    first = mask(message.strip().split("\n", 1)[0]) if message.strip() else ""
    return ": ".join(part for part in (error_type, first) if part)


def fingerprint(error_type: str, message: str, frames: Sequence[str]) -> bytes:
    """The key under which the same failure is found at once.

    Args:
        error_type: as `KeyError`.
        message: stands in for the place when there are no frames.
        frames: the project's own frames as `file:function`.

    Returns:
        sha256 of the type and the frames.
    """
    place = "\n".join(frames) if frames else signature(error_type, message)
    return hashlib.sha256(f"{error_type}\n{place}".encode("utf-8", "surrogatepass")).digest()
