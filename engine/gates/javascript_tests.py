"""What a JavaScript test file holds to, by its syntax tree: node:test with node:assert, and what looks like it."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.gates.javascript_calls import FIXTURES, TestCall, filled, test_call
from engine.gates.javascript_reach import Own, strengths_and_skips, text
from engine.gates.ledger import FileTests, TestFacts

if TYPE_CHECKING:
    from tree_sitter import Language, Node

_KEPT_OUT = ("skip", "only", "todo")
_PATCHED = re.compile(r"(?:mock|jest|vi)\.(?:method|module|mock|spyOn|property|getter|setter)\([^,)]*,?[^,)]*")
_SHADOWED = frozenset({"assert", "expect", "test", "it", "describe", "suite"})
_CHANGING = (
    "Object.assign",
    "Object.defineProperty",
    "Object.defineProperties",
    "Reflect.set",
    "mock.method",
    "mock.module",
)
_HELD = ("arrow_function", "function_expression")


def javascript_tests(path: str, source: bytes) -> FileTests:
    """The tests and what is run around them.

    Args:
        path: relative, as the runner names it.
        source: the file.
    """
    from tree_sitter import Parser

    root = Parser(_language(path)).parse(source).root_node
    found: dict[str, TestFacts] = {}
    try:
        own = _supports(root)
        found |= {f"{path} > {name}": TestFacts("support", strengths=one) for name, one in own.items() if sum(one)}
        _read(root, path, frozenset(), found, own)
    except RecursionError:
        return FileTests(broken=True)
    if changes := "\n".join(_changes(root)):
        found[f"{path} > (changes)"] = TestFacts("hook", body=changes)
    return FileTests(found, root.has_error)


def _language(path: str) -> "Language":
    from tree_sitter import Language

    if path.endswith((".ts", ".mts", ".cts", ".tsx")):
        import tree_sitter_typescript

        made = tree_sitter_typescript.language_tsx if path.endswith("x") else tree_sitter_typescript.language_typescript
        return Language(made())
    import tree_sitter_javascript

    return Language(tree_sitter_javascript.language())


def _supports(root: "Node") -> Own:
    """The functions of the file that tests may call, with what they assert."""
    own: dict[str, tuple[int, ...]] = {}
    for node in root.named_children:
        made = node.named_children if node.type in ("lexical_declaration", "variable_declaration") else [node]
        for one in made:
            value = one.child_by_field_name("value")
            if one.type == "function_declaration" or (value is not None and value.type in _HELD):
                own[text(one.child_by_field_name("name"))] = strengths_and_skips(one, {})[0]
    return own


def _changes(root: "Node") -> Iterator[str]:
    """What the file changes of others while it is loaded, and names of the test library that it takes for its own."""
    waiting = list(reversed(root.named_children))
    while waiting:
        node = waiting.pop()
        if node.type in (*_HELD, "function_declaration", "class_declaration"):
            continue
        if _reaches(node):
            yield text(node)
        waiting += reversed(node.named_children)


def _reaches(node: "Node") -> bool:
    if node.type == "assignment_expression":
        left = text(node.child_by_field_name("left"))
        return ("." in left or "[" in left) and not left.startswith(("module.exports", "exports."))
    if node.type == "call_expression":
        return text(node.child_by_field_name("function")) in _CHANGING
    if node.type != "variable_declarator" or text(node.child_by_field_name("name")) not in _SHADOWED:
        return False
    return not text(node.child_by_field_name("value")).startswith(("require(", "await import("))


def _read(node: "Node", prefix: str, skips: frozenset[str], found: dict[str, TestFacts], own: Own) -> None:
    waiting = list(reversed(node.named_children))
    while waiting:
        inner = waiting.pop()
        if inner.type == "call_expression" and (made := test_call(inner)) is not None:
            _test(inner, made, prefix, skips, found, own)
        elif inner.type == "call_expression" and text(inner.child_by_field_name("function")) in FIXTURES:
            name = f"{prefix} > {text(inner.child_by_field_name('function'))}"
            found[_free(name, found)] = TestFacts("fixture", body=text(inner))
        elif inner.type == "function_declaration" and text(inner.child_by_field_name("name")) in own:
            continue
        else:
            waiting += reversed(inner.named_children)


def _test(
    node: "Node", made: TestCall, prefix: str, skips: frozenset[str], found: dict[str, TestFacts], own: Own
) -> None:
    arguments = node.child_by_field_name("arguments")
    given = arguments.named_children if arguments is not None else []
    title = _title(given[0]) if given else "<anonymous>"
    name = f"{prefix} > {filled(title) if made.table else title}"
    marks = {*skips, *made.marks}
    for option in (one for one in given if one.type == "object"):
        for pair in option.named_children:
            key, value = text(pair.child_by_field_name("key")), text(pair.child_by_field_name("value"))
            marks |= {f"{key}: {value}"} if key in _KEPT_OUT and value not in ("false", "undefined") else set()
    function = next((one for one in given if one.type in ("arrow_function", "function_expression")), None)
    if made.group:
        if function is not None:
            _read(function, name, frozenset(marks), found, own)
        return
    strengths: tuple[int, ...] = (0, 0, 0, 0)
    within, patches = frozenset({"todo"}), frozenset[str]()
    if function is not None:
        strengths, within = strengths_and_skips(function, own)
        patches = frozenset(one.group(0)[:200] for one in _PATCHED.finditer(text(function)))
    elif named := [one for one in given[1:] if text(one) in own]:
        # A function of the file that is handed over by its name.
        strengths, within = own[text(named[0])], frozenset()
    found[_free(name, found)] = TestFacts(
        strengths=strengths, skips=frozenset(marks) | within, cases=made.cases, patches=patches
    )


def _title(node: "Node") -> str:
    written = text(node)
    # A title that is computed is known by what it is computed from, as a template's part is.
    return written[1:-1] if node.type in ("string", "template_string") else f"${{{written}}}"


def _free(name: str, found: dict[str, TestFacts]) -> str:
    """The name, numbered where there is one like it."""
    number = 1
    while (unique := name if number == 1 else f"{name} ({number})") in found:
        number += 1
    return unique
