"""Red then green: whether a new test fails, as it should, on the code as it was before its phase. Pure.

A test that passes there proves nothing about the work. One that fails by an assertion does, and so does one whose call
made the code under test raise. What the phase adds cannot be called on its base at all: a test that fails because a
module, a name or a parameter is missing which the phase brings is not comparable, and passes with that note.
"""

import ast
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from engine.gates.ledger import test_of
from engine.integrity_events import TestOnBase
from engine.workspace.testfiles import is_test_file
from sandbox.report import CaseResult

ASSERTIONS = frozenset({"AssertionError", "Failed", "ERR_ASSERTION", "FlakyFailure"})
MISSING = frozenset(
    {
        *("ImportError", "ModuleNotFoundError", "AttributeError", "NameError", "TypeError", "FileNotFoundError"),
        *("SyntaxError", "ReferenceError", "ERR_MODULE_NOT_FOUND", "MODULE_NOT_FOUND"),
    }
)
"""What a name that is not there yet can end in."""
NEVER_THE_CODE = MISSING - {"TypeError", "FileNotFoundError"}
"""Errors that say nothing about behaviour, wherever they are raised."""
_PLACE = re.compile(r"^(\S[^:\n]*):(\d+): (\w+)\s*$", re.MULTILINE)
_ERROR_LINE = re.compile(r"^(?:E\s+)?((?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*)(?: \[(\w+)\])?(?:: (.*))?$", re.MULTILINE)
_NODE_PLACE = re.compile(r"\(?(?:file://)?/workspace/([^\s():]+):\d+:\d+\)?")
_QUOTED = re.compile(r"""['"`]([^'"`\s]+)['"`]|([A-Za-z_$][\w$]*)\(\)|([A-Za-z_$][\w$.]*) is not""")
_EXCEPTION = re.compile(r"(?:Error|Exception|Failed|Exit|Interrupt|Warning|Failure|Iteration|Group)$")
_SHOWN = 160


@dataclass(frozen=True)
class Failure:
    """How a test failed: the kind of error, what it says, and the file that raised it."""

    kind: str
    message: str
    path: str = ""


def judge(
    tests: Collection[str], cases: Iterable[CaseResult], introduced: Collection[str], *, ended: bool = True
) -> tuple[TestOnBase, ...]:
    """How each new test ended on the base.

    Args:
        tests: the new tests.
        cases: what the runner reported there.
        introduced: names of modules, functions, classes, parameters and files that the phase brings.
        ended: False when the tests were stopped at the time limit.
    """
    by_test: dict[str, list[CaseResult]] = {}
    files: dict[str, CaseResult] = {}
    for case in cases:
        by_test.setdefault(test_of(case.id), []).append(case)
        files[case.id] = case
    results = []
    for test in sorted(tests):
        path = test.split("::", 1)[0].split(" > ", 1)[0]
        seen = by_test.get(test) or _computed(test, by_test) or ([files[path]] if path in files else [])
        verdicts = [_judge_case(test, case, introduced) for case in seen]
        if not verdicts:
            told = ("red", "does not end there") if not ended else ("broken", "was not run there")
            verdicts = [TestOnBase.model_validate({"test": test, "verdict": told[0], "detail": told[1]})]
        # A parametrised test is red when one of its cases is: the others keep what was right already.
        results.append(min(verdicts, key=lambda one: ("red", "new", "broken", "passes").index(one.verdict)))
    return tuple(results)


def _computed(test: str, by_test: Mapping[str, list[CaseResult]]) -> list[CaseResult]:
    """The cases of a JavaScript test whose title has parts that are computed when it runs."""
    fixed = re.split(r"\$\{[^}]*\}+", test)
    if len(fixed) == 1:
        return []
    title = re.compile(".*".join(map(re.escape, fixed)), re.DOTALL)
    return [case for name, cases in by_test.items() if title.fullmatch(name) for case in cases]


def _judge_case(test: str, case: CaseResult, introduced: Collection[str]) -> TestOnBase:
    if case.outcome in ("passed", "xpassed"):
        return TestOnBase(test=test, verdict="passes", detail="passes without the phase's work")
    if case.outcome in ("skipped", "xfailed"):
        return TestOnBase(test=test, verdict="broken", detail=f"is {case.outcome} without the phase's work")
    failure = failure_of(case.message)
    shown = f"{failure.kind}: {failure.message}"[:_SHOWN].rstrip(": ")
    if failure.kind in ASSERTIONS:
        return TestOnBase(test=test, verdict="red", detail=shown)
    if failure.kind in MISSING and (name := _introduced(failure.message, introduced)):
        return TestOnBase(test=test, verdict="new", detail=f"not comparable: {name} is new")
    if failure.path and not is_test_file(failure.path) and failure.kind not in NEVER_THE_CODE:
        return TestOnBase(test=test, verdict="red", detail=f"the code under test raised {shown}")
    return TestOnBase(test=test, verdict="broken", detail=f"fails by no assertion there, but with {shown}")


def failure_of(message: str) -> Failure:
    """What a runner's report of a failure tells: pytest's long form, or a stack of Node.js."""
    places = _PLACE.findall(message)
    kinds = [found for found in _ERROR_LINE.findall(message) if _EXCEPTION.search(found[0]) or found[1]]
    kind, text = "", ""
    if kinds:
        name, code, text = kinds[-1] if message.lstrip().startswith(("E ", "def ", "Import")) or places else kinds[0]
        kind = code or name.rsplit(".", 1)[-1]
    if places:
        path, _, last = places[-1]
        if last != kind:
            # An assertion that pytest explains is not named in the lines that begin with E.
            text = next((line[1:].strip() for line in message.splitlines() if line.startswith("E ")), "")
        return Failure(last, text, path)
    code = re.search(r"code: '(\w+)'", message)
    found = _NODE_PLACE.search(message)
    if code and code.group(1) in ASSERTIONS | MISSING:
        kind = code.group(1)
    return Failure(kind or "an error", text, found.group(1) if found else "")


def _introduced(message: str, introduced: Collection[str]) -> str:
    """The name in the message that the phase brings; empty when it brings none of them."""
    for groups in _QUOTED.findall(message):
        for name in groups:
            stem = re.sub(r"\.(?:[mc]?[jt]sx?|py)$", "", name.rsplit("/", 1)[-1])
            for part in (name, stem, *reversed(stem.split("."))):
                if part and part in introduced:
                    return str(name)
    return ""


def names_in(path: str, source: bytes) -> frozenset[str]:
    """What a source file defines, so that two versions of it tell which names are new.

    Args:
        path: relative.
        source: the file.

    Returns:
        Qualified names: `f`, `C.method`, `f(parameter)`; for anything but Python its words.
    """
    if not path.endswith(".py"):
        return frozenset(re.findall(r"[A-Za-z_$][\w$]*", source.decode("utf-8", "replace")))
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    found: set[str] = set()
    waiting: list[tuple[str, ast.AST]] = [("", node) for node in module.body]
    while waiting:
        prefix, node = waiting.pop()
        inner = prefix
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(f"{prefix}{node.name}")
            inner = f"{prefix}{node.name}."
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            every = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
            found |= {f"{prefix}{node.name}({argument.arg})" for argument in every}
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(prefix + (node.id if isinstance(node, ast.Name) else node.attr))
        if isinstance(node, ast.alias):
            found.add(prefix + (node.asname or node.name).split(".")[0])
        waiting += [(inner, child) for child in ast.iter_child_nodes(node)]
    return frozenset(found)


def introduced_names(before: Mapping[str, bytes], now: Mapping[str, bytes]) -> frozenset[str]:
    """The names that the newer files bring.

    Args:
        before: the phase's base: source by path, for the files that differ.
        now: the same of its newest checkpoint; tests are not among them.
    """
    names: set[str] = set()
    for path, source in now.items():
        new = names_in(path, source) - names_in(path, before.get(path, b""))
        for qualified in new:
            head, _, parameter = qualified.rstrip(")").partition("(")
            # A function whose parameters changed is new to whoever calls it with them.
            names |= {head.rsplit(".", 1)[-1], parameter or head.rsplit(".", 1)[-1]}
        if path not in before:
            parts = path.split("/")
            stem = parts[-1].rsplit(".", 1)[0]
            names |= {parts[-1], stem, *(folder for folder in parts[:-1] if not _has_folder(before, folder))}
    return frozenset(names)


def _has_folder(files: Mapping[str, bytes], folder: str) -> bool:
    return any(folder in path.split("/")[:-1] for path in files)


def imports_new(source: bytes, brought: Collection[str], present: Collection[str]) -> str:
    """The module that a Python test file imports at its top and that the phase brings; empty when there is none.

    Such a file cannot even be read on the base, so nothing needs to run to know it.

    Args:
        source: the test file.
        brought: paths of the files that the phase brings.
        present: paths of the base.
    """
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    for node in module.body:
        named = []
        if isinstance(node, ast.Import):
            named = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            named = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in named:
            if _is_module(name, brought) and not _is_module(name, present):
                return name
    return ""


def _is_module(name: str, paths: Collection[str]) -> bool:
    """Whether one of the files is the module or package of this name, wherever its folder of sources is."""
    ends = (f"/{name.replace('.', '/')}.py", f"/{name.replace('.', '/')}/__init__.py")
    return any(f"/{path}".endswith(ends) for path in paths)
