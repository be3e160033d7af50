"""The scan that runs before any code does: syntax trees and bandit against the safety rules. It fails closed."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

from config.rules import SafetyRules
from sandbox.errors import UnsafePath
from sandbox.protocol import Language
from sandbox.report import ScanFinding
from sandbox.safe_files import read_bytes
from sandbox.scan_bandit import bandit_issues, load_bandit
from sandbox.scan_findings import finding, is_test, judge_mentions
from sandbox.scan_javascript import javascript_mentions
from sandbox.scan_python import python_mentions

PYTHON = (".py", ".pyw", ".pyi")
JAVASCRIPT = (".js", ".mjs", ".cjs", ".jsx")
COMPILED = (".so", ".pyd", ".pyc", ".node", ".pth")
"""Files that run, or make things run, and that no scan can read."""
LIMIT = 2 * 2**20
TEST_NOISE = ("LOW", "MEDIUM")


async def scan(
    workspace: Path, files: Sequence[str], rules: SafetyRules, language: Language
) -> tuple[ScanFinding, ...]:
    """Scan files of a workspace.

    A file that cannot be scanned is blocked. A plain syntax error is only a warning, named `syntax_error`: such a file
    cannot run, and its tests say so better.

    Args:
        workspace: the folder.
        files: paths in it; what is neither Python nor JavaScript is passed over, unless it would be executed.
        rules: what is blocked, what needs an approval.
        language: of the project; scripts whose first line does not tell are read as this.

    Returns:
        The findings, blocked ones first.
    """
    found = await asyncio.to_thread(lambda: list(_scan(workspace, files, rules, language)))
    order = ("blocked", "approval_required", "warning")
    return tuple(sorted(found, key=lambda item: (order.index(item.verdict), item.path, item.line)))


async def warm_scan() -> None:
    """Load the scanners ahead of the first scan."""
    await asyncio.to_thread(load_bandit)


def _scan(workspace: Path, files: Sequence[str], rules: SafetyRules, language: Language) -> Iterator[ScanFinding]:
    python: dict[str, bytes] = {}
    for path in dict.fromkeys(files):
        kind = _kind(path, language)
        if kind is None:
            continue
        if kind == "compiled":
            yield finding(rules, "cannot_be_scanned", "blocked", path, 1, "The file runs, but it is no source text.")
            continue
        try:
            content = read_bytes(workspace, path, LIMIT)
            kind = _interpreter(content, language) if kind == "script" else kind
            if kind is None:
                continue
            mentions = javascript_mentions(content) if kind == "node" else python_mentions(content.decode("utf-8"))
        except UnsafePath as exc:
            yield _unscanned(rules, path, exc.title)
        except (RecursionError, MemoryError):
            yield _unscanned(rules, path, "it nests too deeply")
        except UnicodeDecodeError:
            yield _unscanned(rules, path, "it is not UTF-8")
        else:
            own = rules.node if kind == "node" else rules.python
            yield from judge_mentions(mentions, path, own, rules, test=is_test(path))
            if kind == "python" and not any(mention.kind == "syntax" for mention in mentions):
                python[path] = content
    if python:
        yield from _bandit(python, rules)


def _bandit(sources: dict[str, bytes], rules: SafetyRules) -> Iterator[ScanFinding]:
    issues, unread = bandit_issues(sources)
    for path in unread:
        yield _unscanned(rules, path, "bandit could not read through it")
    for issue in issues:
        # Asserts and processes are what tests are made of.
        if is_test(issue.path) and issue.severity in TEST_NOISE:
            continue
        verdict = rules.bandit.get(issue.severity, "warning")
        yield finding(rules, f"bandit:{issue.test}", verdict, issue.path, issue.line, issue.text)


def _kind(path: str, language: Language) -> str | None:
    name = path.rsplit("/", 1)[-1].lower()
    if name.endswith(COMPILED):
        return "compiled"
    if name.endswith(PYTHON):
        return "python"
    if name.endswith(JAVASCRIPT):
        return "node"
    return "script" if "." not in name else None


def _interpreter(content: bytes, language: Language) -> Language | None:
    """Which language a file without an ending is in, by its first line; None when it is no program."""
    line = content.split(b"\n", 1)[0]
    if not line.startswith(b"#!"):
        return None
    if b"python" in line:
        return "python"
    return "node" if b"node" in line else language


def _unscanned(rules: SafetyRules, path: str, why: str) -> ScanFinding:
    return finding(rules, "cannot_be_scanned", "blocked", path, 1, f"The file cannot be scanned: {why}.")
