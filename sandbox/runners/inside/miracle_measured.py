"""The lines of a few files that tests run, seen by coverage's own tracer without the rest of coverage.

It runs inside the sandbox. Importing coverage, making a configuration and a parser takes longer than most test suites;
the tracer alone is there at once, and costs nothing in files that nobody asked about.
"""

import json
import os
import sys
import threading
from collections.abc import Iterator
from importlib.machinery import PathFinder
from importlib.util import module_from_spec, spec_from_file_location
from types import CodeType, FrameType
from typing import Any

MOST_LINES = 20_000


class Measured:
    """Coverage of the files that the environment names; of none where it names none, or the tracer is not there."""

    def __init__(self) -> None:
        self._paths: list[str] = json.loads(os.environ.pop("MIRACLE_MEASURED", "[]"))
        self._wanted = {os.path.join(os.getcwd(), path) for path in self._paths}
        self._ran: dict[str, set[int]] = {}
        self._known: dict[str, Any] = {}
        self._tracers: list[Any] = []
        self._made = _tracer_module() if self._paths else None

    def start(self) -> None:
        """Begin, in this thread and in those to come."""
        if self._made is not None:
            threading.settrace(self._in_thread)
            self._trace()

    def stop(self) -> Iterator[tuple[str, list[int], list[int]]]:
        """(path, lines that ran, lines that could have run and did not) of each file, once."""
        tracers, self._tracers = self._tracers, []
        if not tracers:
            return
        threading.settrace(None)
        for tracer in tracers:
            tracer.stop()
        for path in self._paths:
            full = os.path.join(os.getcwd(), path)
            lines = executable_lines(full)
            if 0 < len(lines) <= MOST_LINES:
                ran = lines & self._ran.get(full, set())
                yield path, sorted(ran), sorted(lines - ran)

    def _trace(self) -> Any:
        assert self._made is not None
        tracer = self._made.CTracer()
        tracer.data, tracer.trace_arcs, tracer.file_tracers = self._ran, False, {}
        tracer.should_trace, tracer.should_trace_cache = self._disposition, self._known
        tracer.check_include = tracer.disable_plugin = tracer.warn = _nothing
        tracer.lock_data = tracer.unlock_data = _nothing
        tracer.concur_id_func = tracer.should_start_context = tracer.switch_context = None
        self._tracers.append(tracer)
        return tracer.start()

    def _in_thread(self, frame: FrameType, event: str, arg: Any) -> Any:
        """The first event of a new thread puts its tracer in place."""
        sys.settrace(None)
        trace = self._trace()
        return trace(frame, event, arg) if trace else None

    def _disposition(self, filename: str, frame: FrameType) -> Any:
        assert self._made is not None
        made = self._made.CFileDisposition()
        made.original_filename = made.canonical_filename = filename
        made.source_filename = os.path.join(os.getcwd(), filename) if filename in self._paths else filename
        made.trace = made.source_filename in self._wanted
        made.reason, made.file_tracer, made.has_dynamic_filename = "", None, False
        return made


def executable_lines(path: str) -> set[int]:
    """The lines of a file that hold code; none of a file that is no Python."""
    try:
        with open(path, "rb") as file:
            source = file.read()
        code = compile(source, path, "exec", dont_inherit=True)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    text = source.splitlines()
    return {line for line in _lines(code) if line <= len(text) and not text[line - 1].lstrip().startswith(b"#")}


def _lines(code: CodeType) -> Iterator[int]:
    waiting = [code]
    while waiting:
        one = waiting.pop()
        yield from (line for _, _, line in one.co_lines() if line)
        waiting += [constant for constant in one.co_consts if isinstance(constant, CodeType)]


def _tracer_module() -> Any:
    """Coverage's tracer, from where the test tools are; None where there is none for this Python."""
    tools = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "python", "coverage")
    found = PathFinder.find_spec("tracer", [tools])
    if found is None or not found.origin or found.origin.endswith(".py"):
        return None
    spec = spec_from_file_location("coverage.tracer", found.origin)
    if spec is None or spec.loader is None:
        return None
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except ImportError:
        return None
    return module


def _nothing(*_: object) -> None:
    return None
