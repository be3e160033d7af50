"""What a JavaScript test file holds to, by its syntax tree: node:test with node:assert, and what looks like it."""

from typing import TYPE_CHECKING

from engine.gates.ledger import CLOSE, EXACT, TRUTH, WEAK, FileTests, TestFacts

if TYPE_CHECKING:
    from tree_sitter import Node

_TESTS = ("test", "it", "describe", "suite")
_GROUPS = ("describe", "suite")
_KEPT_OUT = ("skip", "only", "todo")
_FIXTURES = ("before", "after", "beforeEach", "afterEach")
_LEVELS = {
    **dict.fromkeys(("ok", "assert", "toBeTruthy", "toBeFalsy", "toBeDefined", "ifError"), TRUTH),
    **dict.fromkeys(("notEqual", "notStrictEqual", "notDeepEqual", "notDeepStrictEqual", "doesNotMatch"), WEAK),
    **dict.fromkeys(("doesNotThrow", "doesNotReject", "toBeNull", "toBeInstanceOf"), WEAK),
    **dict.fromkeys(("throws", "rejects", "match", "toThrow", "toBeCloseTo", "toContain", "toMatch"), CLOSE),
    **dict.fromkeys(("toBeGreaterThan", "toBeLessThan", "toHaveLength"), CLOSE),
    **dict.fromkeys(("equal", "strictEqual", "deepEqual", "deepStrictEqual", "partialDeepStrictEqual"), EXACT),
    **dict.fromkeys(("toBe", "toEqual", "toStrictEqual", "toMatchObject", "fail"), EXACT),
}


def javascript_tests(path: str, source: bytes) -> FileTests:
    """The tests and what is run around them.

    Args:
        path: relative, as the runner names it.
        source: the file.
    """
    import tree_sitter_javascript
    from tree_sitter import Language, Parser

    root = Parser(Language(tree_sitter_javascript.language())).parse(source).root_node
    found: dict[str, TestFacts] = {}
    _read(root, path, frozenset(), found)
    return FileTests(found, root.has_error)


def _read(node: "Node", prefix: str, skips: frozenset[str], found: dict[str, TestFacts]) -> None:
    waiting = list(reversed(node.named_children))
    while waiting:
        inner = waiting.pop()
        if inner.type == "call_expression" and (kind := _test_kind(inner)) is not None:
            _test(inner, kind, prefix, skips, found)
        elif inner.type == "call_expression" and _text(inner.child_by_field_name("function")) in _FIXTURES:
            name = f"{prefix} > {_text(inner.child_by_field_name('function'))}"
            found[_free(name, found)] = TestFacts("fixture", body=_text(inner))
        elif inner.type == "function_declaration":
            strengths, _ = _body(inner)
            if sum(strengths):
                name = f"{prefix} > {_text(inner.child_by_field_name('name'))}"
                found[_free(name, found)] = TestFacts("support", strengths=strengths)
        else:
            waiting += reversed(inner.named_children)


def _test(node: "Node", kind: str, prefix: str, skips: frozenset[str], found: dict[str, TestFacts]) -> None:
    arguments = node.child_by_field_name("arguments")
    given = arguments.named_children if arguments is not None else []
    name = f"{prefix} > {_title(given[0]) if given else '<anonymous>'}"
    marks = set(skips)
    label = kind.partition(".")[2]
    marks |= {label} if label in _KEPT_OUT else set()
    for option in (one for one in given if one.type == "object"):
        for pair in option.named_children:
            key, value = _text(pair.child_by_field_name("key")), _text(pair.child_by_field_name("value"))
            marks |= {f"{key}: {value}"} if key in _KEPT_OUT and value not in ("false", "undefined") else set()
    function = next((one for one in given if one.type in ("arrow_function", "function_expression")), None)
    if kind.split(".", 1)[0] in _GROUPS:
        if function is not None:
            _read(function, name, frozenset(marks), found)
        return
    strengths, within = _body(function) if function is not None else ((0, 0, 0, 0), frozenset({"todo"}))
    found[_free(name, found)] = TestFacts(strengths=strengths, skips=frozenset(marks) | within)


def _test_kind(node: "Node") -> str | None:
    name = _text(node.child_by_field_name("function"))
    first, _, last = name.partition(".")
    return name if first in _TESTS and (not last or last in _KEPT_OUT) else None


def _body(node: "Node") -> tuple[tuple[int, ...], frozenset[str]]:
    """What is asserted within a function, and what in it ends the test early."""
    counts, skips = [0, 0, 0, 0], set()
    waiting = [node]
    while waiting:
        inner = waiting.pop()
        if inner.type == "try_statement" and _swallows(inner):
            continue
        waiting += inner.named_children
        if inner.type != "call_expression":
            continue
        name = _text(inner.child_by_field_name("function"))
        owner, _, last = name.rpartition(".")
        if last in ("skip", "todo") and owner in ("t", "ctx", "context", "test"):
            skips.add(f"{name}()")
        elif last in _LEVELS and (not owner or "assert" in owner or owner.startswith("expect(") or owner == "t"):
            counts[WEAK if ".not." in f".{owner}." else _LEVELS[last]] += not _constant_claim(inner)
    return tuple(counts), frozenset(skips)


def _swallows(node: "Node") -> bool:
    """Whether a failure within the block is caught and not thrown again."""
    handler = node.child_by_field_name("handler")
    return handler is not None and not any(word in _text(handler) for word in ("throw", "assert", "expect"))


def _constant_claim(node: "Node") -> bool:
    arguments = node.child_by_field_name("arguments")
    given = arguments.named_children if arguments is not None else []
    return bool(given) and all(one.type in ("true", "false", "number", "string", "null") for one in given[:2])


def _title(node: "Node") -> str:
    text = _text(node)
    # A title that is computed is known by what it is computed from, as a template's part is.
    return text[1:-1] if node.type in ("string", "template_string") else f"${{{text}}}"


def _free(name: str, found: dict[str, TestFacts]) -> str:
    """The name, numbered where there is one like it."""
    number = 1
    while (unique := name if number == 1 else f"{name} ({number})") in found:
        number += 1
    return unique


def _text(node: "Node | None") -> str:
    return (node.text or b"").decode("utf-8", "replace") if node is not None else ""
