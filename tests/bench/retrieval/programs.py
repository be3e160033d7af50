"""The programs of the corpus: each a file of source and, below a line that says so, its tests."""

import ast
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

FOLDER = Path(__file__).with_name("programs")
_TESTS = re.compile(r"^(?:#|//)@ tests\n", re.MULTILINE)
_JAVASCRIPT_NAME = re.compile(
    r"\b(?:function\*?|class|const|let|async|get|static)\s+#?([A-Za-z_]\w{2,})|^  #?(\w{3,})\(", re.M
)


@dataclass(frozen=True)
class Program:
    """A small program with its tests."""

    name: str
    suffix: str
    source: str
    tests: str

    @property
    def language(self) -> str:
        """As memory calls it."""
        return "python" if self.suffix == "py" else "node"

    @property
    def file(self) -> str:
        """Name of the source file."""
        return f"{self.name}.{self.suffix}"

    @property
    def test_file(self) -> str:
        """Name of the file of tests."""
        return f"test_{self.name}.py" if self.suffix == "py" else f"{self.name}.test.{self.suffix}"

    @cached_property
    def identifiers(self) -> tuple[str, ...]:
        """The names that the program gives, of three letters or more."""
        if self.language == "node":
            found = {name for pair in _JAVASCRIPT_NAME.findall(self.source) for name in pair}
            return tuple(sorted(name for name in found - {"function", "constructor"} if len(name) > 2))
        names = set()
        for node in ast.walk(ast.parse(self.source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.arg):
                names.add(node.arg)
            elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
                names.add(node.id if isinstance(node, ast.Name) else node.attr)
        return tuple(sorted(name for name in names if len(name) > 2 and not name.startswith("__") and name != "self"))


def programs() -> list[Program]:
    """All of them, by name."""
    found = []
    for path in sorted(FOLDER.glob("*.txt")):
        name, suffix, _ = path.name.split(".")
        source, tests = _TESTS.split(path.read_text(encoding="utf-8"))
        found.append(Program(name, suffix, source, tests))
    return found
