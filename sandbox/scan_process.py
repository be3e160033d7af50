"""Holds the scanners' process: starts it, asks it, and ends it where a file crashes or hangs it."""

import contextlib
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

FILE_TIMEOUT_S = 10.0
START_TIMEOUT_S = 60.0
CODE = "import sys; sys.path[:] = sys.argv[1:]; from sandbox.scan_child import main; main()"
CHUNK = 65536


class ScanProcess:
    """One process for all scans of this one; scans take turns."""

    def __init__(self, file_timeout_s: float = FILE_TIMEOUT_S) -> None:
        """
        Args:
            file_timeout_s: seconds that one file may take.
        """
        self._file_timeout_s = file_timeout_s
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._read = b""

    def start(self) -> None:
        """Start the process, unless it runs; the first scan does not wait for it then."""
        with self._lock:
            self._running()

    def scan(
        self, files: Sequence[str], order: Mapping[str, Any]
    ) -> Iterator[tuple[str, list[dict[str, Any]] | None, str]]:
        """Scan files.

        Args:
            files: their paths.
            order: workspace, rules and language, as JSON values.

        Yields:
            A path with its findings; with None and the reason where the scanner crashed or hung on it.
        """
        with self._lock:
            waiting = list(files)
            try:
                while waiting:
                    for path, findings, why in self._ask(tuple(waiting), order):
                        waiting.pop(0)
                        yield path, findings, why
            finally:
                if waiting:
                    # Its answers are to a question that nobody asks any more.
                    self._end()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    @property
    def pid(self) -> int | None:
        """The process at work; None when there is none."""
        return self._child.pid if self._child is not None else None

    def _ask(
        self, files: Sequence[str], order: Mapping[str, Any]
    ) -> Iterator[tuple[str, list[dict[str, Any]] | None, str]]:
        """Answers, as far as they come; the last one is a failure's where the process failed."""
        try:
            child = self._running()
            assert child.stdin is not None
            child.stdin.write(json.dumps({**order, "files": list(files)}).encode() + b"\n")
            child.stdin.flush()
        except (OSError, EOFError, TimeoutError) as exc:
            self._end()
            yield files[0], None, f"the scanner does not start ({exc or type(exc).__name__})"
            return
        for path in files:
            try:
                answer = self._answer(child, self._file_timeout_s)
            except TimeoutError:
                self._end()
                yield path, None, f"the scanner was still busy with it after {self._file_timeout_s:g} s"
                return
            except (OSError, EOFError, ValueError):
                self._end()
                yield path, None, "the scanner crashed on it"
                return
            if answer.get("path") != path:
                self._end()
                yield path, None, "the scanner crashed on it"
                return
            yield path, answer["findings"], ""

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._child is not None and self._child.poll() is None:
            return self._child
        self._end()
        paths = [path or os.getcwd() for path in sys.path]
        # Nothing of a workspace may be imported, and the environment holds keys.
        self._child = subprocess.Popen(
            (sys.executable, "-I", "-c", CODE, *paths), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, cwd="/", env={"PATH": os.defpath, "LANG": "C.UTF-8"}, start_new_session=True,
        )  # fmt: skip
        self._answer(self._child, START_TIMEOUT_S)
        return self._child

    def _answer(self, child: "subprocess.Popen[bytes]", timeout_s: float) -> dict[str, Any]:
        """The next line of the process.

        Raises:
            TimeoutError: none came.
            EOFError: the process is gone.
        """
        assert child.stdout is not None
        until = time.monotonic() + timeout_s
        descriptor = child.stdout.fileno()
        while b"\n" not in self._read:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
                raise TimeoutError
            chunk = os.read(descriptor, CHUNK)
            if not chunk:
                raise EOFError
            self._read += chunk
        line, self._read = self._read.split(b"\n", 1)
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _end(self) -> None:
        child, self._child, self._read = self._child, None, b""
        if child is None:
            return
        child.kill()
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                # What was not written yet has nobody to read it.
                with contextlib.suppress(OSError):
                    stream.close()
        child.wait()
