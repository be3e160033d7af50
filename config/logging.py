"""The log file: one JSON object a line, rotated, without secrets.

    {"timestamp": "2025-01-13T10:30:45.123456Z", "level": "INFO", "task_id": "abc-123", "iteration": 3,
     "phase": "testing", "event": "test_execution_complete", "data": {"passed": 8, "failed": 2}}

Code logs by `logging.getLogger(__name__)` or by structlog; both end here. structlog comes in when logging is
configured, not before, since it costs time and imports what the layers below the widgets must not.
"""

import logging
import os
from collections.abc import Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO, Any

from config.config import Config
from config.secrets import every_secret, redact, redact_value

FILE = "agent.log"
OURS = ("miracle_tui", "widgets", "engine", "memory", "sandbox", "config", "miracle")
FRONT = ("timestamp", "level", "task_id", "iteration", "phase", "event", "logger", "exception")
"""What stands at the top level of a line; everything else goes under `data`."""

Fields = MutableMapping[str, Any]


@contextmanager
def logging_to_file(config: Config, secrets: Iterable[str] = ()) -> Iterator[Path | None]:
    """Write the log to its file for as long as the block lasts.

    Args:
        config: where and what to log.
        secrets: values to redact besides those of the configuration, such as a key from the keyring.

    Yields:
        The log file, or None where it cannot be written: a full disk must not stop a run.
    """
    settings = config.settings.logging
    path = Path(settings.log_dir).expanduser() / FILE if settings.log_dir else config.paths.logs / FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handler = _PrivateFile(
            path, maxBytes=settings.max_size_mb * 2**20, backupCount=settings.backup_count, encoding="utf-8"
        )
    except OSError:
        yield None
        return
    known = (*every_secret(config, Path()), *secrets)
    handler.setFormatter(_formatter(settings.format, known))
    root = logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in OURS}
    root.addHandler(handler)
    for name in OURS:
        logging.getLogger(name).setLevel(settings.level)
    try:
        yield path
    finally:
        root.removeHandler(handler)
        handler.close()
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


class _PrivateFile(RotatingFileHandler):
    """A rotating file that only its owner can read, and whose own failures stay silent: stderr belongs to the app."""

    def _open(self) -> IO[Any]:  # type: ignore[override]
        return open(
            self.baseFilename, self.mode, encoding=self.encoding, opener=lambda name, flags: os.open(name, flags, 0o600)
        )

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the base class names it
        pass


def _formatter(kind: str, secrets: tuple[str, ...]) -> logging.Formatter:
    import structlog

    def clean(_logger: Any, _method: str, fields: Fields) -> Fields:
        return {key: redact_value(value, secrets) for key, value in fields.items()}

    before: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        structlog.processors.UnicodeDecoder(),
    ]
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    render = structlog.processors.JSONRenderer(ensure_ascii=False) if kind == "json" else _as_text
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*before, _without_formatted],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, clean, _shape, render],
    )


def _without_formatted(_logger: Any, _method: str, fields: Fields) -> Fields:
    """Drop what another handler's formatter left on the same record."""
    return {name: value for name, value in fields.items() if name not in ("message", "asctime")}


def _shape(_logger: Any, _method: str, fields: Fields) -> Fields:
    """Order the fields as the module's docstring shows them."""
    shaped = {name: fields[name] for name in FRONT if name in fields}
    shaped["level"] = str(shaped.get("level", "info")).upper()
    shaped["data"] = {name: value for name, value in fields.items() if name not in FRONT}
    return shaped


def _as_text(_logger: Any, _method: str, fields: Fields) -> str:
    front = " ".join(str(fields[name]) for name in ("timestamp", "level", "event") if name in fields)
    rest = {name: fields[name] for name in ("task_id", "iteration", "phase") if name in fields} | fields["data"]
    line = " ".join([front, *(f"{name}={value!r}" for name, value in rest.items())])
    return redact(f"{line}\n{fields['exception']}" if "exception" in fields else line)
