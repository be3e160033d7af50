"""Bandit as a library: on explicit files, deaf to `# nosec` and to any configuration of the project."""

import logging
import tempfile
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_loading = threading.Lock()


@dataclass(frozen=True)
class BanditIssue:
    """A place that bandit warns of."""

    path: str
    line: int
    test: str
    severity: str
    """`HIGH`, `MEDIUM` or `LOW`."""
    text: str


def load_bandit() -> None:
    """Import bandit, which takes a third of a second and warns of its own plugins' loader."""
    with _loading, warnings.catch_warnings(), _without_formatters():
        warnings.simplefilter("ignore", DeprecationWarning)
        import bandit.core.manager  # noqa: F401


@contextmanager
def _without_formatters() -> Iterator[None]:
    """Keep it out of the log that SARIF, a format of reports nobody asks for, lacks its package; nothing else."""
    logger = logging.getLogger("stevedore.extension")
    logger.addFilter(_is_no_format)
    try:
        yield
    finally:
        logger.removeFilter(_is_no_format)


def _is_no_format(record: logging.LogRecord) -> bool:
    return not (record.args and isinstance(record.args, tuple) and record.args[0] == "sarif")


def bandit_issues(sources: Mapping[str, bytes]) -> tuple[list[BanditIssue], list[str]]:
    """Run bandit over copies of the files, away from whatever configuration lies beside them.

    Args:
        sources: path to content.

    Returns:
        The issues, and the paths that bandit could not read through.
    """
    load_bandit()
    from bandit.core.config import BanditConfig
    from bandit.core.manager import BanditManager

    with tempfile.TemporaryDirectory(prefix="miracle-scan-") as folder:
        copies: dict[str, str] = {}
        for number, (path, content) in enumerate(sources.items()):
            copy = Path(folder, f"{number}.py")
            copy.write_bytes(content)
            copies[str(copy)] = path
        manager = BanditManager(BanditConfig(), "file", ignore_nosec=True, quiet=True)
        manager.discover_files(list(copies))
        manager.run_tests()
        issues = [
            BanditIssue(copies[str(issue.fname)], issue.lineno, issue.test_id, issue.severity, issue.text)
            for issue in manager.get_issue_list()
        ]
        skipped = [copies[str(name)] for name, _ in manager.get_skipped()]
        unread = set(copies) - set(map(str, manager.files_list))
    return issues, [*skipped, *(copies[name] for name in unread)]
