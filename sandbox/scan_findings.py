"""How a scanner's discovery becomes a finding: names against rules, verdict to severity."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from config.rules import LanguageRules, SafetyRules
from sandbox.report import ScanFinding, Verdict

TEST_MODULES = frozenset({"subprocess", "socket", "pickle", "os", "urllib.request", "http.client", "multiprocessing",
                          "shutil", "node:child_process", "child_process", "net", "https"})  # fmt: skip
"""Modules that tests need to drive a program from outside; they run in the sandbox, with the network off."""
OPERATIONS: dict[str, frozenset[str]] = {
    "network_request": frozenset({"requests", "httpx", "aiohttp", "urllib.request", "http.client", "ftplib", "smtplib",
                                  "telnetlib", "https", "http2", "tls", "undici", "fetch"}),
    "subprocess_call": frozenset({"subprocess", "pty", "os.system", "os.popen", "asyncio.subprocess"}),
    "spawn_process": frozenset({"child_process", "cluster"}),
    "install_dependency": frozenset({"pip", "ensurepip", "npm"}),
}  # fmt: skip
"""What an operation of `approval_required_operations` looks like in code."""
OUTSIDE = "file_access_outside_workspace"
UNKNOWN_REACH = {"dynamic": "dynamic_import", "computed": "computed_access", "handed": "module_as_value",
                 "detects": "detects_tests", "equals": "equals_anything"}  # fmt: skip
"""Mentions that could be of anything, or that only tests should make -> their rule."""
TEST_FOLDERS = ("tests", "test", "__tests__")


@dataclass(frozen=True)
class Mention:
    """A name that code uses."""

    kind: str
    """`import`, `function`, `attribute`, `path`, `dynamic`, `computed`, `handed` or `syntax`."""
    name: str
    line: int


def judge_mentions(
    mentions: Iterable[Mention], path: str, language: LanguageRules, rules: SafetyRules, *, test: bool
) -> Iterator[ScanFinding]:
    """The findings of one file.

    Args:
        mentions: what the file uses.
        path: the file.
        language: the rules of its language.
        rules: all rules, for the severities.
        test: whether it is a test file, which may use what a test needs.
    """
    seen: set[tuple[str, int]] = set()
    judged: dict[tuple[str, str], tuple[Verdict, str] | None] = {}
    for mention in mentions:
        named = (mention.kind, mention.name)
        if named not in judged:
            judged[named] = _verdict(mention, language, test=test)
        found = judged[named]
        if found is None:
            continue
        verdict, rule = found
        if (rule, mention.line) not in seen:
            seen.add((rule, mention.line))
            yield finding(rules, rule, verdict, path, mention.line, _message(mention, verdict))


def finding(rules: SafetyRules, rule: str, verdict: Verdict, path: str, line: int, message: str) -> ScanFinding:
    """A finding with the severity that its verdict has in the rules."""
    severity = rules.severity_levels.get(verdict, verdict)
    return ScanFinding(rule=rule, verdict=verdict, severity=severity, path=path, line=line, message=message)


def is_test(path: str) -> bool:
    """Whether a path is a test's by its name or folder."""
    parts = path.split("/")
    name = parts[-1]
    return (
        name.startswith("test_")
        or name == "conftest.py"
        or name.rsplit(".", 1)[0].endswith(("_test", ".test", "-test", ".spec"))
        or any(part in TEST_FOLDERS for part in parts[:-1])
    )


def _is_test_module(name: str) -> bool:
    """Whether an import is of a file that may use what only a test may: that would lend its rights to any code."""
    parts = [part for part in name.replace("/", ".").split(".") if part]
    return bool(parts) and (
        parts[0] in (*TEST_FOLDERS, "conftest") or (name.startswith(".") and parts[-1] == "conftest")
    )


def _verdict(mention: Mention, language: LanguageRules, *, test: bool) -> tuple[Verdict, str] | None:
    if mention.kind == "syntax":
        # It would not run, and an agent mends it sooner than a person can be asked.
        return "blocked", "cannot_be_parsed"
    if mention.kind in UNKNOWN_REACH:
        return None if test else ("approval_required", UNKNOWN_REACH[mention.kind])
    if mention.kind == "attribute":
        rule = next((rule for rule in language.approval_attributes if fnmatchcase(mention.name, rule)), None)
        return ("approval_required", f"approval_attribute:{rule}") if rule and not test else None
    if mention.kind == "path":
        wanted = OUTSIDE in language.approval_required_operations and not test
        return ("approval_required", OUTSIDE) if wanted else None
    if mention.kind == "import":
        if not test and _is_test_module(mention.name):
            return "approval_required", "imports_tests"
        if test and any(_within(mention.name, module) for module in TEST_MODULES):
            return None
        blocked, approval = language.blocked_imports, language.approval_imports
        if rule := next((rule for rule in blocked if _within(mention.name, rule)), None):
            return "blocked", f"blocked_import:{rule}"
        if rule := next((rule for rule in approval if _within(mention.name, rule)), None):
            return None if test else ("approval_required", f"approval_import:{rule}")
    else:
        if rule := next((rule for rule in language.blocked_functions if fnmatchcase(mention.name, rule)), None):
            return "blocked", f"blocked_function:{rule}"
        if rule := next((rule for rule in language.approval_functions if fnmatchcase(mention.name, rule)), None):
            return None if test else ("approval_required", f"approval_function:{rule}")
    return None if test else _operation(mention, language)


def _operation(mention: Mention, language: LanguageRules) -> tuple[Verdict, str] | None:
    for operation in language.approval_required_operations:
        if any(_within(mention.name, name) for name in OPERATIONS.get(operation, ())):
            return "approval_required", operation
    return None


def _within(name: str, rule: str) -> bool:
    """Whether a module is the rule's, or lies in it."""
    return fnmatchcase(name, rule) or name.startswith((f"{rule}.", f"{rule}/"))


def _message(mention: Mention, verdict: Verdict) -> str:
    if mention.kind == "syntax":
        return f"The file cannot be parsed, so nobody knows what it does: {mention.name}"
    what = {
        "import": f"imports {mention.name}",
        "function": f"uses {mention.name}",
        "attribute": f"reaches into the interpreter by {mention.name}",
        "dynamic": f"imports by a computed name ({mention.name})",
        "computed": f"reaches a function by a computed name ({mention.name})",
        "handed": f"hands on the whole of {mention.name}, so that its functions can be called under any name",
        "detects": f"looks at how it is being tested ({mention.name})",
        "equals": f"equals everything that it is compared with ({mention.name})",
        "path": f"names a path outside the workspace ({mention.name})",
    }[mention.kind]
    rule = {"blocked": "which is blocked", "approval_required": "which needs an approval", "warning": "which is risky"}
    return f"The code {what}, {rule[verdict]}."
