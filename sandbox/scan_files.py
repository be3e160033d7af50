"""The scan of one file: which scanner reads it, what that finds, and what no scanner can read. It fails closed."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from config.rules import SafetyRules
from sandbox.errors import MissingFile, UnreadableFile, UnsafePath
from sandbox.protocol import Language
from sandbox.report import ScanFinding, Verdict
from sandbox.safe_files import read_bytes
from sandbox.scan_bandit import bandit_issues
from sandbox.scan_findings import Mention, finding, is_test, judge_mentions
from sandbox.scan_javascript import DIALECTS, javascript_mentions
from sandbox.scan_python import Unreadable, python_mentions, python_source
from sandbox.scan_shell import package_findings, script_findings

PYTHON = (".py", ".pyw", ".pyi")
SHELL = (".sh", ".bash")
COMPILED = (".so", ".pyd", ".pyc", ".pyo", ".node", ".pth", ".wasm", ".egg-link", ".egg", ".whl", ".pyz",
            ".dll", ".dylib")  # fmt: skip
"""Files that run, or make things run, and that no scan can read."""
STARTERS = ("sitecustomize.py", "usercustomize.py")
"""Modules that Python imports by itself before any program."""
NOTEBOOK = ".ipynb"
PACKAGE = "package.json"
ARCHIVE = ".zip"
"""Python imports from these too."""
_SHELLS = re.compile(rb"[/ ](ba|da|a|z|k|mk)?sh\b")
_LIBRARY = re.compile(r"\.so(\.\d+)+$")
LIMIT = 2 * 2**20
KEPT = 2000
"""Files whose findings are kept: an iteration changes few of those that a run has changed."""
TEST_NOISE = ("LOW", "MEDIUM")

Kind = str


class FileScanner:
    """Scans files one by one, and knows again what it has seen."""

    def __init__(self, workspace: Path, rules: SafetyRules, language: Language, kept: dict[str, Any]) -> None:
        """
        Args:
            workspace: the folder.
            rules: what is blocked, what needs an approval.
            language: of the project; scripts whose first line does not tell are read as this.
            kept: findings by what they were made of; added to.
        """
        self._workspace, self._rules, self._language, self._kept = workspace, rules, language, kept
        self._salt = hashlib.sha256(rules.model_dump_json().encode()).digest()

    def scan(self, path: str) -> tuple[ScanFinding, ...]:
        """The findings of a file; of one that cannot be read or parsed, that it cannot."""
        kind = kind_of(path, self._language)
        if kind is None:
            return ()
        if kind == "compiled":
            return (unscanned(self._rules, path, "it runs, but it is no source text", "blocked"),)
        if kind == "archive":
            return (unscanned(self._rules, path, "Python can import from an archive"),)
        try:
            content = read_bytes(self._workspace, path, LIMIT)
        except UnreadableFile as exc:
            return (unscanned(self._rules, path, exc.title),)
        except MissingFile as exc:
            return (unscanned(self._rules, path, exc.title),)
        except UnsafePath as exc:
            return (unscanned(self._rules, path, exc.title, "blocked"),)
        digest = hashlib.sha256(self._salt + path.encode("utf-8", "surrogateescape") + b"\0" + content).hexdigest()
        if digest not in self._kept:
            if len(self._kept) >= KEPT:
                self._kept.clear()
            self._kept[digest] = tuple(self._judged(path, content, kind))
        found: tuple[ScanFinding, ...] = self._kept[digest]
        return found

    def _judged(self, path: str, content: bytes, kind: Kind) -> Iterator[ScanFinding]:
        read = _interpreter(content, self._language) if kind == "script" else kind
        if read is None:
            return
        try:
            if read == "python":
                yield from self._python(path, python_source(content))
            elif read == "notebook":
                yield from self._notebook(path, content)
            elif read == "package":
                yield from package_findings(self._rules, path, content)
            elif read == "shell":
                yield from script_findings(self._rules, path, content.decode("utf-8-sig"))
            else:
                dialect = DIALECTS.get(_ending(path), "javascript")
                content.decode("utf-8")
                mentions = javascript_mentions(content.removeprefix(b"\xef\xbb\xbf"), dialect)
                yield from judge_mentions(mentions, path, self._rules.node, self._rules, test=is_test(path))
        except (RecursionError, MemoryError):
            yield unscanned(self._rules, path, "it nests too deeply")
        except Unreadable as exc:
            yield unscanned(self._rules, path, str(exc))
        except UnicodeDecodeError:
            yield unscanned(self._rules, path, "it is not UTF-8")
        except Exception as exc:  # noqa: BLE001  a file that makes a scanner fail must not pass, whatever the failure is
            yield unscanned(self._rules, path, f"the scanner failed on it ({type(exc).__name__})")

    def _python(self, path: str, source: str) -> Iterator[ScanFinding]:
        mentions = python_mentions(source)
        if path.rsplit("/", 1)[-1] in STARTERS:
            text = "Python runs this file by itself before any program, which needs an approval."
            yield finding(self._rules, "runs_at_start", "approval_required", path, 1, text)
        yield from judge_mentions(mentions, path, self._rules.python, self._rules, test=is_test(path))
        if not any(mention.kind == "syntax" for mention in mentions):
            yield from self._bandit(path, source.encode("utf-8", "surrogatepass"))

    def _bandit(self, path: str, content: bytes) -> Iterator[ScanFinding]:
        issues, unread = bandit_issues({path: content})
        if unread:
            yield unscanned(self._rules, path, "bandit could not read through it")
        for issue in issues:
            # Asserts and processes are what tests are made of.
            if is_test(path) and issue.severity in TEST_NOISE:
                continue
            verdict = self._rules.bandit.get(issue.severity, "warning")
            yield finding(self._rules, f"bandit:{issue.test}", verdict, path, issue.line, issue.text)

    def _notebook(self, path: str, content: bytes) -> Iterator[ScanFinding]:
        """A notebook's cells, each as a file of its own; a finding's line is the number of its cell."""
        notebook = json.loads(content.decode("utf-8-sig"))
        if "worksheets" in notebook:
            raise Unreadable("it is a notebook of an old format")
        for number, cell in enumerate(notebook["cells"], 1):
            if cell.get("cell_type") in ("markdown", "raw"):
                continue
            lines = "".join(cell["source"]).splitlines()
            if any(_is_command(line) for line in lines):
                mention = [Mention("computed", "a command of the notebook", number)]
                yield from judge_mentions(mention, path, self._rules.python, self._rules, test=False)
            source = "\n".join("" if line.lstrip().startswith(("!", "%", "?")) else line for line in lines)
            found = self._python(path, source)
            yield from (one.model_copy(update={"line": number}) for one in found)


def _is_command(line: str) -> bool:
    """Whether a line of a notebook is no Python, or starts what is none."""
    return line.lstrip().startswith(("!", "%")) or line.rstrip().endswith("!") or "get_ipython" in line


def kind_of(path: str, language: Language) -> Kind | None:
    """Which scanner reads a path.

    Returns:
        `python`, `node`, `notebook`, `shell`, `package`, `script`, `compiled`, `archive`; None for what does not run.
    """
    name = path.rsplit("/", 1)[-1].lower().rstrip(" .")
    if name.endswith(COMPILED) or _LIBRARY.search(name):
        return "compiled"
    if name == PACKAGE:
        return "package"
    if name.endswith((*SHELL, ARCHIVE)):
        return "archive" if name.endswith(ARCHIVE) else "shell"
    if name.endswith(PYTHON):
        return "python"
    if name.endswith(NOTEBOOK):
        return "notebook"
    if _ending(name) in DIALECTS:
        return "node"
    return "script" if "." not in name.removeprefix(".") else None


def unscanned(rules: SafetyRules, path: str, why: str, verdict: Verdict = "approval_required") -> ScanFinding:
    """The finding of a file that nobody could look into."""
    return finding(rules, "cannot_be_scanned", verdict, path, 1, f"The file cannot be scanned: {why}.")


def _ending(path: str) -> str:
    name = path.rsplit("/", 1)[-1].lower()
    return f".{name.rsplit('.', 1)[-1]}" if "." in name else ""


def _interpreter(content: bytes, language: Language) -> Kind | None:
    """Which language a file without an ending is in, by its first line; None when it is no program."""
    line = content.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0]
    if not line.startswith(b"#!"):
        return None
    if b"python" in line:
        return "python"
    if b"node" in line:
        return "node"
    return "shell" if _SHELLS.search(line) else language
