"""Lines of shell that stand in files, scripts and package.json: the command rules judge them."""

import json
from collections.abc import Iterator

from config.rules import SafetyRules
from sandbox.commands import judge_command
from sandbox.report import ScanFinding, Verdict
from sandbox.scan_findings import finding

SOFTER: dict[Verdict | None, Verdict] = {"blocked": "approval_required", "approval_required": "warning"}
"""A file may hold what a person runs one day, as a deployment: what an agent may not do at all is asked about."""


def script_findings(rules: SafetyRules, path: str, text: str) -> Iterator[ScanFinding]:
    """The findings of a script of shell."""
    yield from _judged(rules, path, text, "The script")


def package_findings(rules: SafetyRules, path: str, content: bytes) -> Iterator[ScanFinding]:
    """The findings of the scripts in a package.json, which `npm run` hands to a shell."""
    try:
        read = json.loads(content.decode("utf-8-sig"))
        scripts = read.get("scripts") or {}
        lines = [(name, line) for name, line in scripts.items() if isinstance(line, str)]
    except (ValueError, AttributeError):
        yield finding(rules, "cannot_be_parsed", "blocked", path, 1, "The file is no package.json that can be read.")
        return
    for name, line in lines:
        yield from _judged(rules, path, line, f"The script `{name[:40]}`")


def _judged(rules: SafetyRules, path: str, text: str, what: str) -> Iterator[ScanFinding]:
    judgement = judge_command(text, rules.commands)
    if verdict := SOFTER.get(judgement.verdict):
        yield finding(rules, "shell_command", verdict, path, 1, f"{what} is shell. {judgement.reason}")
