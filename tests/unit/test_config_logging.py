"""The log file: its shape, rotation, level, redaction, and a disk that says no."""

import json
import logging
import stat
from pathlib import Path
from typing import Any

import structlog

from config.logging import logging_to_file
from tests.config_fixtures import Files


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_line_has_the_documented_shape(files: Files) -> None:
    with logging_to_file(files.load()) as path, structlog.contextvars.bound_contextvars(task_id="abc-123", iteration=3):
        assert path == files.home / "logs" / "agent.log"
        structlog.get_logger("engine.runner").info("test_execution_complete", phase="testing", passed=8, failed=2)
    (line,) = lines(path)
    assert line.pop("timestamp").endswith("Z")
    assert list(line) == ["level", "task_id", "iteration", "phase", "event", "logger", "data"]
    assert line == {
        "level": "INFO",
        "task_id": "abc-123",
        "iteration": 3,
        "phase": "testing",
        "event": "test_execution_complete",
        "logger": "engine.runner",
        "data": {"passed": 8, "failed": 2},
    }


def test_plain_logging_lands_there_too(files: Files) -> None:
    with logging_to_file(files.load()) as path:
        logging.getLogger("sandbox.docker").warning("lost %s", "daemon", extra={"task_id": "t", "tries": 2})
        try:
            raise ValueError("key sk-0123456789abcdefghij")
        except ValueError:
            logging.getLogger("engine").exception("failed")
    assert path
    first, second = lines(path)
    assert (first["event"], first["task_id"], first["data"]) == ("lost daemon", "t", {"tries": 2})
    assert second["level"] == "ERROR"
    assert "ValueError: key [redacted]" in second["exception"]


def test_secrets_never_reach_the_file(files: Files) -> None:
    config = files.load(OPENAI_API_KEY="local-key-1", DATABASE_URL="postgresql://u:hunter2@h/d")
    with logging_to_file(config, ["from-keyring"]) as path:
        log = structlog.get_logger("engine")
        log.info("asked local-key-1", header={"authorization": "Bearer abcdefgh12345678", "x": ["from-keyring"]})
        log.warning("connect postgresql://u:hunter2@h/d")
    assert path
    text = path.read_text()
    for secret in ("local-key-1", "abcdefgh12345678", "from-keyring", "hunter2"):
        assert secret not in text


def test_level_and_text_format(files: Files) -> None:
    files.write("settings.yaml", "logging: {level: WARNING, format: text}\n")
    with logging_to_file(files.load()) as path:
        logging.getLogger("engine").info("quiet")
        structlog.get_logger("engine").warning("loud", task_id="t", n=1)
    assert path
    (line,) = path.read_text().splitlines()
    assert line.endswith("WARNING loud task_id='t' n=1")


def test_rotation_keeps_so_many_files(files: Files) -> None:
    files.write("settings.yaml", "logging: {max_size_mb: 1, backup_count: 2}\n")
    with logging_to_file(files.load()) as path:
        for number in range(5):
            logging.getLogger("engine").warning("x" * 500_000, extra={"n": number})
    assert path
    kept = sorted(path.parent.iterdir())
    assert [file.name for file in kept] == ["agent.log", "agent.log.1", "agent.log.2"]
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in kept)
    assert lines(path)[-1]["data"] == {"n": 4}


def test_a_place_that_cannot_be_written_stops_nothing(files: Files) -> None:
    files.write("settings.yaml", "logging: {log_dir: /dev/null/logs}\n")
    with logging_to_file(files.load()) as path:
        assert path is None
        logging.getLogger("engine").info("nowhere")


def test_nothing_is_left_behind(files: Files) -> None:
    before = (list(logging.getLogger().handlers), logging.getLogger("engine").level)
    with logging_to_file(files.load()):
        pass
    assert (list(logging.getLogger().handlers), logging.getLogger("engine").level) == before
