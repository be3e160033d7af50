"""Which assertions of a JavaScript function can fail it, by its syntax tree."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from engine.gates.ledger import CLOSE, EXACT, TRUTH, WEAK

if TYPE_CHECKING:
    from tree_sitter import Node

_LEVELS = {
    **dict.fromkeys(("ok", "assert", "toBeTruthy", "toBeFalsy", "toBeDefined", "ifError", "toHaveBeenCalled"), TRUTH),
    **dict.fromkeys(("notEqual", "notStrictEqual", "notDeepEqual", "notDeepStrictEqual", "doesNotMatch"), WEAK),
    **dict.fromkeys(("doesNotThrow", "doesNotReject", "toBeNull", "toBeUndefined", "toBeNaN", "toBeInstanceOf"), WEAK),
    **dict.fromkeys(("throws", "rejects", "match", "toThrow", "toBeCloseTo", "toContain", "toMatch"), CLOSE),
    **dict.fromkeys(("toBeGreaterThan", "toBeLessThan", "toHaveLength", "toContainEqual", "toHaveProperty"), CLOSE),
    **dict.fromkeys(("toBeGreaterThanOrEqual", "toBeLessThanOrEqual", "toThrowError", "toBeTypeOf"), CLOSE),
    **dict.fromkeys(("toBeOneOf", "toSatisfy", "toHaveReturned", "toHaveBeenCalledOnce"), CLOSE),
    **dict.fromkeys(("equal", "strictEqual", "deepEqual", "deepStrictEqual", "partialDeepStrictEqual"), EXACT),
    **dict.fromkeys(("toBe", "toEqual", "toStrictEqual", "toMatchObject", "fail", "toHaveBeenCalledTimes"), EXACT),
    **dict.fromkeys(("toMatchSnapshot", "toMatchInlineSnapshot", "toMatchFileSnapshot", "eql"), EXACT),
    **dict.fromkeys(("toHaveBeenCalledWith", "toHaveBeenLastCalledWith", "toHaveBeenNthCalledWith"), EXACT),
    **dict.fromkeys(("toHaveReturnedWith", "toThrowErrorMatchingInlineSnapshot"), EXACT),
}
_COUNTED = ("expect.assertions", "expect.hasAssertions")
_EXPECT = ("expect(", "expect.soft(", "expect.poll(")
_CONSTANTS = ("true", "false", "number", "string", "null", "undefined")
_FUNCTIONS = ("arrow_function", "function_expression", "function_declaration", "method_definition")
_LEAVES = ("return_statement", "break_statement", "continue_statement")
_LOOPS = ("for_statement", "for_in_statement", "while_statement", "do_statement")
_TELLING = ("throw", "assert", "expect")
Own = Mapping[str, tuple[int, ...]]
Counted = tuple["Node", bool]


def strengths_and_skips(function: "Node", own: Own) -> tuple[tuple[int, ...], frozenset[str]]:
    """What is asserted within a function, a step weaker where it hangs on a condition; and what ends it early.

    Args:
        function: the function.
        own: functions of the same file by name, with the strengths of what they assert.
    """
    counts, skips = [0, 0, 0, 0], set()
    for call, perhaps in _calls(function, False, text(function)):
        name = text(call.child_by_field_name("function"))
        owner, _, last = name.rpartition(".")
        if last in ("skip", "todo") and owner in ("t", "ctx", "context", "test"):
            skips.add(f"{name}()")
        elif name in own:
            for at, count in enumerate(own[name]):
                counts[max(TRUTH, at - perhaps)] += bool(count)
        elif name in _COUNTED:
            counts[TRUTH] += 1
        elif last in _LEVELS and (not owner or "assert" in owner or owner.startswith(_EXPECT) or owner == "t"):
            level = WEAK if ".not." in f".{owner}." else _LEVELS[last]
            counts[max(TRUTH, level - perhaps)] += not _constant_claim(call)
    return tuple(counts), frozenset(skips)


def _calls(node: "Node", perhaps: bool, whole: str) -> Iterator[Counted]:
    """Every call that can run and whose failure is not swallowed, and whether it hangs on a condition."""
    for child in node.named_children:
        yield from _of(child, perhaps, whole)
        if child.type in (*_LEAVES, "throw_statement"):
            return
        if child.type == "if_statement":
            if _constant(child.child_by_field_name("condition")) is True and _leaves(child):
                return
            perhaps = perhaps or _leaves(child)


def _of(node: "Node", perhaps: bool, whole: str) -> Iterator[Counted]:
    if node.type == "if_statement":
        truth = _constant(node.child_by_field_name("condition"))
        for name, never in (("consequence", truth is False), ("alternative", truth is True)):
            part = node.child_by_field_name(name)
            if part is not None and not never:
                yield from _of(part, perhaps or truth is None, whole)
    elif node.type == "try_statement":
        yield from _try(node, perhaps, whole)
    elif _never_runs(node, whole):
        return
    elif node.type in ("ternary_expression", "binary_expression"):
        operator = text(node.child_by_field_name("operator"))
        yield from _calls(node, perhaps or node.type == "ternary_expression" or operator in ("&&", "||", "??"), whole)
    elif node.type == "call_expression":
        called = node.child_by_field_name("function")
        if text(called).endswith(".catch") and not any(word in text(node)[len(text(called)) :] for word in _TELLING):
            return
        yield node, perhaps
        yield from _calls(node, perhaps, whole)
    else:
        yield from _calls(node, perhaps, whole)


def _try(node: "Node", perhaps: bool, whole: str) -> Iterator[Counted]:
    handler, end = node.child_by_field_name("handler"), node.child_by_field_name("finalizer")
    swallows = handler is not None and not any(word in text(handler) for word in _TELLING)
    body = node.child_by_field_name("body")
    if body is not None and not swallows and not (end is not None and _leaves(end)):
        yield from _of(body, perhaps, whole)
    for part in (handler, end):
        if part is not None:
            yield from _of(part, perhaps or part is handler, whole)


def _constant(node: "Node | None") -> bool | None:
    """Whether a condition always holds or never does; None where that hangs on something."""
    inner = text(node).strip("() \n")
    if inner.startswith("!"):
        truth = {"true": True, "1": True, "false": False, "0": False}.get(inner[1:].strip("() "))
        return None if truth is None else not truth
    return {"true": True, "1": True, "false": False, "0": False, "null": False, "undefined": False, "''": False}.get(
        inner
    )


def _never_runs(node: "Node", whole: str) -> bool:
    if node.type in _LOOPS:
        return _never(node)
    return node.type in ("function_declaration", "variable_declarator") and _is_uncalled(node, whole)


def _never(node: "Node") -> bool:
    """Whether a loop's body never runs."""
    if node.type == "do_statement":
        return False
    over = node.child_by_field_name("right") or node.child_by_field_name("condition")
    return text(over).replace(" ", "") == "[]" or _constant(over) is False


def _is_uncalled(node: "Node", whole: str) -> bool:
    """Whether it makes a function that nothing else within the test names."""
    if node.type == "variable_declarator":
        value = node.child_by_field_name("value")
        if value is None or value.type not in _FUNCTIONS:
            return False
    return whole.count(text(node.child_by_field_name("name"))) < 2


def _leaves(node: "Node") -> bool:
    """Whether a way out of the function or loop lies in a statement, not in a function within."""
    waiting = list(node.named_children)
    while waiting:
        inner = waiting.pop()
        if inner.type in _LEAVES:
            return True
        if inner.type not in _FUNCTIONS:
            waiting += inner.named_children
    return False


def _constant_claim(node: "Node") -> bool:
    if (value := _expected_of(node)) is not None:
        # A constant is always what it is, whatever is said of it.
        return value.type in _CONSTANTS
    arguments = node.child_by_field_name("arguments")
    given = arguments.named_children if arguments is not None else []
    same = len(given) > 1 and text(given[0]) == text(given[1])
    return same or (bool(given) and all(one.type in _CONSTANTS for one in given[:2]))


def _expected_of(node: "Node") -> "Node | None":
    """The value of `expect(value).not.toBe(other)`; None where nothing is expected so."""
    inner: Node | None = node
    while inner is not None:
        called = inner.child_by_field_name("function")
        if inner.type == "call_expression" and text(called) in ("expect", "expect.soft", "expect.poll"):
            arguments = inner.child_by_field_name("arguments")
            return arguments.named_children[0] if arguments is not None and arguments.named_children else None
        inner = called or inner.child_by_field_name("object")
    return None


def text(node: "Node | None") -> str:
    """The source of a node."""
    return (node.text or b"").decode("utf-8", "replace") if node is not None else ""
