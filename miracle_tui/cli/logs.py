"""The log of a command: everything into the log file, warnings to stderr as well."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.config import Config
from config.logging import OURS, logging_to_file
from config.secrets import every_secret, redact
from miracle_tui.cli.inert import one_line


@contextmanager
def command_log(config: Config, *, to_stderr: bool = True) -> Iterator[Path | None]:
    """Log while the context is open.

    Args:
        config: the configuration in force.
        to_stderr: whether Miracle's own warnings also go to stderr, a line each.

    Yields:
        The log file, or None where it cannot be written.
    """
    with logging_to_file(config) as path:
        if path is None:
            _keep_stdout_clean()
        handler = logging.StreamHandler(sys.stderr)
        handler.setLevel(logging.WARNING)
        handler.setFormatter(_Line(every_secret(config, Path())))
        handler.addFilter(_is_news)
        if to_stderr:
            logging.getLogger().addHandler(handler)
        try:
            yield path
        finally:
            logging.getLogger().removeHandler(handler)
            handler.close()


def _is_news(record: logging.LogRecord) -> bool:
    """Miracle's own records, but for the end of a run's work, which the command itself reports."""
    return record.name.partition(".")[0] in OURS and record.name != "engine.fleet"


def _keep_stdout_clean() -> None:
    """Without a log file nobody configured structlog, which prints on stdout by itself."""
    import structlog

    structlog.configure(
        processors=[structlog.stdlib.render_to_log_kwargs],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


class _Line(logging.Formatter):
    """A record as one harmless line without secrets."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        super().__init__()
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        said = record.msg if isinstance(record.msg, dict) else {"event": record.getMessage()}
        cause = f": {error}" if (error := said.get("error")) else ""
        return f"{record.levelname.lower()}: {one_line(redact(str(said.get('event', '')) + cause, self._secrets), 400)}"
