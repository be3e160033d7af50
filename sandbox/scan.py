"""The scan that runs before any code does: syntax trees and bandit against the safety rules. It fails closed."""

import asyncio
import atexit
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from config.rules import SafetyRules
from sandbox.protocol import Language
from sandbox.report import ScanFinding
from sandbox.scan_files import kind_of, unscanned
from sandbox.scan_process import ScanProcess

ORDER = ("blocked", "approval_required", "warning")


async def scan(
    workspace: Path,
    files: Sequence[str],
    rules: SafetyRules,
    language: Language,
    process: ScanProcess | None = None,
) -> tuple[ScanFinding, ...]:
    """Scan files of a workspace, in a process of its own.

    A file that no scanner can read, that cannot be parsed, or that makes a scanner crash or hang is a finding that
    needs an approval; a link, a device and a compiled module are blocked.

    Args:
        workspace: the folder.
        files: paths in it; what is neither Python nor JavaScript nor TypeScript is passed over, unless it would be
            executed.
        rules: what is blocked, what needs an approval.
        language: of the project; scripts whose first line does not tell are read as this.
        process: the scanners' process; the one that all scans of this process share when None.

    Returns:
        The findings, blocked ones first.
    """
    wanted = [path for path in dict.fromkeys(files) if kind_of(path, language) is not None]
    if not wanted:
        return ()
    held = process or _shared()
    found = await asyncio.to_thread(lambda: list(_findings(held, workspace, wanted, rules, language)))
    return tuple(sorted(found, key=lambda item: (ORDER.index(item.verdict), item.path, item.line)))


async def warm_scan() -> None:
    """Start the scanners ahead of the first scan."""
    await asyncio.to_thread(_warm)


def _warm() -> None:
    try:
        _shared().start()
    except (OSError, EOFError, TimeoutError):
        # The scan itself says so, file by file.
        _shared().close()


@functools.cache
def _shared() -> ScanProcess:
    process = ScanProcess()
    atexit.register(process.close)
    return process


def _findings(
    process: ScanProcess, workspace: Path, files: Sequence[str], rules: SafetyRules, language: Language
) -> Iterator[ScanFinding]:
    order: dict[str, Any] = {
        "workspace": str(workspace.absolute()),
        "rules": rules.model_dump(mode="json", exclude={"commands", "needs"}),
        "language": language,
    }
    for path, findings, why in process.scan(files, order):
        if findings is None:
            yield unscanned(rules, path, why)
        else:
            yield from (ScanFinding.model_validate(one) for one in findings)
