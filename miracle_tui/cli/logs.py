"""The log file, and on stderr the warnings that a headless person needs to see."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from config.config import Config
from config.secrets import known_secrets, redact
from miracle_tui.cli.inert import one_line
from miracle_tui.cli.problems import LOG_NAME

OWN = ("miracle_tui", "widgets", "engine", "memory", "sandbox", "config")
"""The packages whose records are kept from INFO on; the libraries' begin at WARNING."""


def log_folder(config: Config) -> Path:
    """Where the log files are."""
    configured = config.settings.logging.log_dir
    return Path(configured).expanduser() if configured else config.paths.logs


@contextmanager
def logging_to_file(config: Config, *, to_stderr: bool = True) -> Iterator[Path]:
    """Log to the configured file while the context is open; secrets are blacked out.

    Args:
        config: the configuration in force.
        to_stderr: whether warnings also go to stderr, as a line each.

    Yields:
        The log file; where its folder cannot be written there is none, and warnings go to stderr.
    """
    settings = config.settings.logging
    path = log_folder(config) / LOG_NAME
    secrets = known_secrets(config)
    handlers: list[logging.Handler] = []
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = RotatingFileHandler(
            path, maxBytes=settings.max_size_mb * 10**6, backupCount=settings.backup_count, encoding="utf-8", delay=True
        )
        file.setFormatter(_JsonFormatter(secrets) if settings.format == "json" else _TextFormatter(secrets))
        handlers.append(file)
    except OSError:
        to_stderr = True
    if to_stderr:
        stderr = logging.StreamHandler(sys.stderr)
        stderr.setLevel(logging.WARNING)
        stderr.setFormatter(_LineFormatter(secrets))
        handlers.append(stderr)
    with _installed(handlers, settings.level):
        yield path


@contextmanager
def _installed(handlers: list[logging.Handler], level: str) -> Iterator[None]:
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.WARNING)
    for name in OWN:
        logging.getLogger(name).setLevel(level)
    for handler in handlers:
        root.addHandler(handler)
    _bridge_structlog()
    try:
        yield
    finally:
        root.setLevel(before)
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()


def _bridge_structlog() -> None:
    """Send structlog's events to the standard library's handlers; by itself it prints on stdout."""
    import structlog

    structlog.configure(
        processors=[structlog.stdlib.render_to_log_kwargs],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


class _Redacting(logging.Formatter):
    def __init__(self, secrets: tuple[str, ...], template: str | None = None) -> None:
        super().__init__(template)
        self._secrets = secrets

    def clean(self, text: str) -> str:
        return redact(text, self._secrets)


class _TextFormatter(_Redacting):
    def __init__(self, secrets: tuple[str, ...]) -> None:
        super().__init__(secrets, "%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return self.clean(super().format(record))


class _LineFormatter(_Redacting):
    def format(self, record: logging.LogRecord) -> str:
        return f"{record.levelname.lower()}: {one_line(self.clean(record.getMessage()), 400)}"


class _JsonFormatter(_Redacting):
    def format(self, record: logging.LogRecord) -> str:
        import json

        values: dict[str, Any] = {
            "at": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        usual = vars(logging.makeLogRecord({}))
        values |= {name: value for name, value in vars(record).items() if name not in usual and name not in values}
        if record.exc_info:
            values["exception"] = self.formatException(record.exc_info)
        return self.clean(json.dumps(values, default=str))
