"""Takes a sandbox's output apart: plain text, and the framed reports of a test runner's plugin.

A frame is `RS nonce ":" json US`. It may stand anywhere in a line, since progress dots come before it, and it may
be cut anywhere between two reads.
"""

import codecs
import json
from typing import Any

from pydantic import ValidationError

from sandbox.protocol import Output, TestEvent
from sandbox.report import CaseResult

OPEN, CLOSE = b"\x1e", b"\x1f"
KINDS = ("collected", "started", "case", "finished", "coverage")
MAX_FRAME = 256 * 1024
"""Bytes after which an open frame is taken for text."""


class FrameParser:
    """An incremental parser of one execution's output."""

    def __init__(self, nonce: str) -> None:
        """
        Args:
            nonce: secret of the frames; empty when none are expected, and all output is text.
        """
        self._mark = OPEN + nonce.encode() + b":" if nonce else b""
        self._held = b""
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def feed(self, chunk: bytes) -> list[Output | TestEvent]:
        """Take a piece of output; an unfinished frame at its end is held back."""
        if not self._mark:
            return self._text(chunk)
        self._held += chunk
        found: list[Output | TestEvent] = []
        while True:
            start = self._held.find(self._mark)
            if start < 0:
                break
            end = self._held.find(CLOSE, start)
            if end < 0:
                if len(self._held) - start > MAX_FRAME:
                    start += 1
                found += self._text(self._held[:start])
                self._held = self._held[start:]
                return found
            found += self._text(self._held[:start])
            body = self._held[start + len(self._mark) : end]
            event = parse_event(body)
            found += [event] if event else self._text(body)
            self._held = self._held[end + 1 :]
        keep = self._possible_start()
        found += self._text(self._held[: len(self._held) - keep])
        self._held = self._held[len(self._held) - keep :]
        return found

    def flush(self) -> list[Output | TestEvent]:
        """What was held back, at the end of the output."""
        text = self._decoder.decode(self._held, final=True)
        self._held = b""
        return [Output(text)] if text else []

    def _possible_start(self) -> int:
        """How many bytes at the end may be the beginning of a mark."""
        start = self._held.rfind(OPEN)
        tail = self._held[start:] if start >= 0 else b""
        return len(tail) if tail and self._mark.startswith(tail) else 0

    def _text(self, raw: bytes) -> list[Output | TestEvent]:
        text = self._decoder.decode(raw) if raw else ""
        return [Output(text)] if text else []


def parse_event(body: bytes) -> TestEvent | None:
    """The report in a frame, or None when it is none: what comes out of a sandbox may say anything."""
    try:
        fields: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict) or fields.get("kind") not in KINDS:
        return None
    try:
        case = CaseResult.model_validate(fields["case"]) if "case" in fields else None
        ran, missing = (tuple(int(line) for line in fields.get(name, ())) for name in ("ran", "missing"))
        return TestEvent(fields["kind"], int(fields.get("count", 0)), case, str(fields.get("name", "")), ran, missing)
    except (ValidationError, TypeError, ValueError):
        return None
