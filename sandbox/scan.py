"""The scan that runs before any code does: syntax trees and bandit against the safety rules. It fails closed."""

import asyncio
import atexit
import functools
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from config.rules import SafetyRules
from sandbox.protocol import Language
from sandbox.report import ScanFinding
from sandbox.scan_files import kind_of, unscanned
from sandbox.scan_process import ScanProcess

ORDER = ("blocked", "approval_required", "warning")
MANY = 16
"""Files from which on starting a second process pays."""


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
        process: the scanners' process; when None those that all scans of this process share, one or, for many files,
            two side by side.

    Returns:
        The findings, blocked ones first.
    """
    wanted = [path for path in dict.fromkeys(files) if kind_of(path, language) is not None]
    if not wanted:
        return ()
    held = (process,) if process else _shared_for(len(wanted))
    shares: list[list[str]] = [[] for _ in held]
    for path in wanted:
        # The same process each time: it knows again what it has read before.
        shares[zlib.crc32(path.encode("utf-8", "surrogateescape")) % len(held)].append(path)
    work = [(one, share) for one, share in zip(held, shares, strict=True) if share]
    groups = await asyncio.gather(
        *(asyncio.to_thread(_findings, one, workspace, share, rules, language) for one, share in work)
    )
    found = [finding for group in groups for finding in group]
    return tuple(sorted(found, key=lambda item: (ORDER.index(item.verdict), item.path, item.line)))


async def warm_scan() -> None:
    """Start the scanners ahead of the first scan."""
    await asyncio.to_thread(_warm)


def _warm() -> None:
    try:
        _shared(0).start()
    except (OSError, EOFError, TimeoutError):
        # The scan itself says so, file by file.
        _shared(0).close()


def _shared_for(files: int) -> tuple[ScanProcess, ...]:
    side_by_side = 2 if files > MANY and (os.cpu_count() or 1) > 1 else 1
    return tuple(_shared(number) for number in range(side_by_side))


@functools.cache
def _shared(number: int) -> ScanProcess:
    process = ScanProcess()
    atexit.register(process.close)
    return process


def _findings(
    process: ScanProcess, workspace: Path, files: Sequence[str], rules: SafetyRules, language: Language
) -> list[ScanFinding]:
    found: list[ScanFinding] = []
    order: dict[str, Any] = {
        "workspace": str(workspace.absolute()),
        "rules": rules.model_dump(mode="json", exclude={"needs"}),
        "language": language,
    }
    for path, findings, why in process.scan(files, order):
        if findings is None:
            found.append(unscanned(rules, path, why))
        else:
            found += (ScanFinding.model_validate(one) for one in findings)
    return found
