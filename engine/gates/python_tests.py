"""What a Python test file holds to, by its syntax tree. Nothing of the file is ever run."""

import ast
from collections.abc import Iterable, Iterator, Sequence

from engine.gates.ledger import FileTests, TestFacts, weakest
from engine.gates.python_claims import dotted, last_name
from engine.gates.python_marks import assigned, body_skips, examples, marks, patches, tolerance, wrappers
from engine.gates.python_names import bound_in, doing, flat, plain_names, reaching
from engine.gates.python_reach import Function, strengths

_COLLECTION = ("collect_ignore", "collect_ignore_glob", "pytest_plugins")
_AROUND = frozenset(
    {"setUp", "tearDown", "setUpClass", "tearDownClass", "setUpModule", "tearDownModule", "asyncSetUp", "asyncTearDown"}
    | {f"{when}_{what}" for when in ("setup", "teardown") for what in ("module", "class", "method", "function")}
)
"""Functions that run around tests without being asked for."""
_JUDGING = ("__eq__", "__ne__", "__getattribute__", "__instancecheck__")
"""Methods that decide how comparisons in tests end."""
_HELPING = ("test", "tests", "testing", "helpers", "conftest", "checks", "asserts", "assertions")
"""Parts of the names of modules whose functions assert in a test's stead."""


def python_tests(path: str, source: bytes) -> FileTests:
    """The tests, fixtures, hooks and asserting functions of a file.

    Args:
        path: relative, as the runner names it.
        source: the file.
    """
    try:
        module = plain_names(ast.parse(source))
        reader = _Reader(path, module)
        reader.read(path, module.body, marks(assigned(module.body, "pytestmark")) | _module_skips(module), True)
        reader.finish(path, module)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return FileTests(broken=True)
    return FileTests(reader.found)


class _Reader:
    def __init__(self, path: str, module: ast.Module) -> None:
        self.found: dict[str, TestFacts] = {}
        self._conftest = path.rsplit("/", 1)[-1] == "conftest.py"
        self._lists = _lists(module)
        self._own: dict[str, tuple[int, ...]] = dict.fromkeys(_asserting_imports(module), (1, 0, 0, 0))
        self._own |= {
            node.name: (0, 0, 0, 0) for node in flat(module.body) if isinstance(node, Function | ast.ClassDef)
        }
        # Twice: one of these functions may call another that comes later.
        for _ in range(2):
            functions = [node for node in flat(module.body) if isinstance(node, Function)]
            self._own |= {node.name: strengths(node, self._own, self._lists) for node in functions}
        self._claimed = _claimed(module)

    def read(self, prefix: str, body: Sequence[ast.stmt], skips: frozenset[str], tests: bool, cases: int = 1) -> None:
        """Take what is defined in a module or a class.

        Args:
            prefix: the id of where it is defined.
            body: the statements.
            skips: what keeps all of it from counting.
            tests: whether functions that are called like tests are collected here.
            cases: with how many cases the class runs each of them.
        """
        for node in flat(body):
            if isinstance(node, Function):
                self._function(prefix, node, skips, tests, cases)
            elif isinstance(node, ast.ClassDef):
                inner = skips | marks(node.decorator_list) | marks(assigned(node.body, "pytestmark"))
                if any(isinstance(v, ast.Constant) and v.value is False for v in assigned(node.body, "__test__")):
                    inner |= {"__test__ = False"}
                collected = node.name.startswith("Test") or any("TestCase" in dotted(base) for base in node.bases)
                inner_cases = cases * (self._cases(node.decorator_list) or 1)
                self.read(f"{prefix}::{node.name}", node.body, inner, tests and collected, inner_cases)
        for name, statement in bound_in(body):
            if f"{prefix}::{name}" in self.found:
                # Bound to something else than the function: what runs under this name is not known.
                del self.found[f"{prefix}::{name}"]
            if name in _COLLECTION or (self._conftest and name.startswith(("pytest_", "*"))):
                self.found[f"{prefix}::{name}"] = TestFacts("hook", body=ast.dump(statement))

    def finish(self, path: str, module: ast.Module) -> None:
        """Take what the module does while it is imported, and the lists that its tests go through."""
        for label, body in (("(changes)", reaching(module.body)), ("(on import)", doing(module.body))):
            if body:
                self.found[f"{path}::{label}"] = TestFacts("hook", body=body)
        for name, length in self._lists.items():
            if name in self._claimed.looped:
                self.found.setdefault(f"{path}::{name}", TestFacts("support", cases=length))

    def _function(self, prefix: str, node: Function, skips: frozenset[str], tests: bool, cases: int) -> None:
        name = f"{prefix}::{node.name}"
        fixture = next((d for d in node.decorator_list if last_name(d) == "fixture"), None)
        autouse = isinstance(fixture, ast.Call) and any(k.arg == "autouse" for k in fixture.keywords)
        hook = autouse or node.name in (*_AROUND, *_JUDGING) or (self._conftest and node.name.startswith("pytest_"))
        if hook or fixture is not None:
            # A fixture that nobody asks for reaches every test, as a hook does.
            self._put(name, TestFacts("hook" if hook else "fixture", body=ast.dump(node)))
            return
        strength = strengths(node, self._own, self._lists)
        if not (tests and node.name.startswith("test")):
            judges = not sum(strength) and (node.name in self._claimed.names or prefix.count("::"))
            body = ast.dump(node) if judges and _answers(node) else ""
            if sum(strength) or body:
                self._put(name, TestFacts("support", strengths=strength, tolerance=tolerance(node), body=body))
            return
        known = self._cases(node.decorator_list)
        facts = TestFacts(
            strengths=strength,
            skips=skips | marks(node.decorator_list) | body_skips(node.body) | wrappers(node.decorator_list),
            cases=None if known is None else known * cases,
            given=any(last_name(d) == "given" for d in node.decorator_list),
            examples=examples(node.decorator_list),
            tolerance=tolerance(node),
            patches=patches(node),
        )
        self._put(name, facts)

    def _put(self, name: str, facts: TestFacts) -> None:
        """Keep the facts; of two definitions of one name it is not known which one runs, so the weaker one counts."""
        before = self.found.get(name)
        self.found[name] = facts if before is None else weakest(before, facts)

    def _cases(self, decorators: Iterable[ast.expr]) -> int | None:
        """The product of what it is parametrised with; None when some of it is computed."""
        product: int | None = 1
        for decorator in decorators:
            if not isinstance(decorator, ast.Call) or not dotted(decorator.func).endswith("parametrize"):
                continue
            values = [k.value for k in decorator.keywords if k.arg == "argvalues"] or decorator.args[1:2]
            count = self._length(values[0]) if values else None
            product = None if product is None or count is None else product * count
        return product

    def _length(self, node: ast.expr) -> int | None:
        if isinstance(node, ast.Name):
            return self._lists.get(node.id)
        if not isinstance(node, ast.List | ast.Tuple | ast.Set) or any(isinstance(e, ast.Starred) for e in node.elts):
            return None
        return sum(not (isinstance(e, ast.Call) and marks(k.value for k in e.keywords)) for e in node.elts)


class _Claimed:
    """Names that a file's assertions use, and names that its loops go through."""

    def __init__(self, names: set[str], looped: set[str]) -> None:
        self.names, self.looped = names, looped


def _claimed(module: ast.Module) -> _Claimed:
    names: set[str] = set()
    looped: set[str] = set()
    has_tests = False
    for node in ast.walk(module):
        has_tests = has_tests or (isinstance(node, Function) and node.name.startswith("test"))
        if isinstance(node, ast.Assert) or (isinstance(node, ast.Call) and last_name(node).startswith("assert")):
            names |= {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
        elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension) and isinstance(node.iter, ast.Name):
            looped.add(node.iter.id)
    if not has_tests:
        # A module that tests only import: any of its functions may be used in an assertion.
        names |= {node.name for node in ast.walk(module) if isinstance(node, Function)}
    return _Claimed(names, looped)


def _lists(module: ast.Module) -> dict[str, int]:
    found: dict[str, int] = {}
    for node in module.body:
        target = node.target if isinstance(node, ast.AnnAssign) else None
        targets = node.targets if isinstance(node, ast.Assign) else [target] if target is not None else []
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if isinstance(value, ast.List | ast.Tuple | ast.Set):
            found |= {one.id: len(value.elts) for one in targets if isinstance(one, ast.Name)}
    return found


def _asserting_imports(module: ast.Module) -> Iterator[str]:
    """Functions of other test modules, which may assert in a test's stead."""
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and (node.level or set((node.module or "").split(".")) & set(_HELPING)):
            yield from (alias.asname or alias.name for alias in node.names)


def _answers(node: Function) -> bool:
    """Whether a function gives something back."""
    return any(
        isinstance(inner, ast.Yield) or (isinstance(inner, ast.Return) and inner.value) for inner in ast.walk(node)
    )


def _module_skips(module: ast.Module) -> frozenset[str]:
    return body_skips([node for node in flat(module.body) if isinstance(node, ast.Expr | ast.Assign | ast.Raise)])
