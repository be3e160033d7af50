"""Reads a line of shell by its syntax tree: the programs in it, what each of them reads, and what cannot be trusted."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.shell_parts import NOTHING, Code, Doubt, Part, Program, Stdin, Unreadable, Word
from sandbox.shell_tree import check_tree, merged
from sandbox.shell_variables import assigned, assignment, is_steering
from sandbox.shell_words import read_word

if TYPE_CHECKING:
    from tree_sitter import Node

COMPUTED = Stdin("computed")
EVALUATING = frozenset({"let", "unset", "read", "printf", "mapfile", "readarray", "getopts", "wait", "test", "["})
"""Builtins that may evaluate a word as arithmetic, in which an array's index may hold a substitution."""
REDIRECTS = ("file_redirect", "heredoc_redirect", "herestring_redirect")
_OPEN = re.compile(r"/dev/(null|zero|full|stdin|stdout|stderr|tty|fd/\d+)|/(tmp|workspace|dev/shm)(/.*)?")
_DELIMITER = re.compile(r"\\?[A-Za-z_][\w.-]*|'[\w .-]+'|\"[\w .-]+\"")
_ESCAPED = re.compile(r"\\([\\`$\"])")
_HIDDEN = re.compile(r"(?<!\\)(?:\\\\)*(?:`|\$\()")


@dataclass
class Line:
    """What stands in a line."""

    parts: list[Part] = field(default_factory=list)
    functions: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    """Files that the line writes by a redirection."""


def read_line(command: str, stdin: Stdin = NOTHING) -> Line:
    """The programs and doubts of a line of shell.

    Args:
        command: the line, or several.
        stdin: what its programs read where the line does not say.

    Raises:
        Unreadable: it is no shell, or another shell might read it another way.
    """
    line = Line()
    waiting = [(_parsed(_continued(command)), stdin)]
    while waiting:
        node, reads = waiting.pop()
        fed = _redirected(node, reads)
        line.parts += _found(node, fed, line)
        waiting += reversed(list(_children(node, fed)))
    return line


def _parsed(command: str) -> "Node":
    import tree_sitter_bash
    from tree_sitter import Language, Parser

    if "\0" in command or any(0xD800 <= ord(letter) < 0xE000 for letter in command):
        raise Unreadable("The command cannot be parsed as shell.")
    root = Parser(Language(tree_sitter_bash.language())).parse(command.encode()).root_node
    if root.has_error:
        raise Unreadable("The command cannot be parsed as shell.")
    check_tree(root, command.encode())
    return root


def _continued(command: str) -> str:
    """The line with continued lines joined as the shell joins them: not in comments and single quotes."""
    if "\\\n" not in command:
        return command
    kept: list[tuple[int, int]] = []
    waiting = [_parsed(command)]
    while waiting:
        node = waiting.pop()
        if node.type == "comment" and (node.text or b"").endswith(b"\\"):
            raise Unreadable("A comment ends like a line that goes on.")
        if node.type in ("raw_string", "heredoc_body"):
            kept.append((node.start_byte, node.end_byte))
        waiting += node.children
    found, raw, place = bytearray(), command.encode(), 0
    while place < len(raw):
        if raw[place : place + 1] == b"\\" and not any(start <= place < end for start, end in kept):
            pair = raw[place : place + 2]
            found += b"" if pair == b"\\\n" else pair
            place += 2
        else:
            found.append(raw[place])
            place += 1
    return found.decode()


def _children(node: "Node", stdin: Stdin) -> "Iterator[tuple[Node, Stdin]]":
    """The parts of a node, each with what it reads."""
    before: Node | None = None
    for child in node.children:
        if node.type == "pipeline" and before is not None:
            yield child, _said(before)
        else:
            yield child, COMPUTED if node.type == "heredoc_redirect" else stdin
        before = child if node.type == "pipeline" and child.is_named else before


def _said(node: "Node") -> Stdin:
    """What a stage of a pipeline writes, where that stands in the line."""
    if node.type != "command" or any(child.type in REDIRECTS for child in node.children):
        return COMPUTED
    words = _words(node)
    known = [word for word in words if word is not None]
    if len(known) != len(words) or known[0] not in ("echo", "printf") or set("\\%") & set("".join(known)):
        return COMPUTED
    return COMPUTED if known[1:2] and known[1].startswith("-") else Stdin("text", " ".join(known[1:]))


def _redirected(node: "Node", stdin: Stdin) -> Stdin:
    """What a statement reads after its own redirections."""
    for child in node.children:
        if child.type == "heredoc_redirect":
            stdin = _redirected(child, _document(child))
        elif child.type == "herestring_redirect":
            word = read_word(child.named_children[-1])
            stdin = COMPUTED if word is None else Stdin("text", word)
        elif child.type == "file_redirect" and any(part.type in ("<", "<&", "<>") for part in child.children):
            target = _target(child)
            stdin = COMPUTED if target is None or target.startswith(("/dev/", "/proc/")) else Stdin("file", target)
            stdin = NOTHING if target == "/dev/null" else stdin
    return stdin


def _document(heredoc: "Node") -> Stdin:
    """The text of a here-document."""
    body = next((part for part in heredoc.children if part.type == "heredoc_body"), None)
    if body is None:
        return Stdin("text")
    computed = any(part.type != "heredoc_content" for part in body.named_children)
    return COMPUTED if computed or (not _is_quoted(heredoc) and "\\" in _text(body)) else Stdin("text", _text(body))


def _is_quoted(heredoc: "Node") -> bool:
    """Whether nothing is replaced in a here-document."""
    return any(part.type == "heredoc_start" and set("'\"\\") & set(_text(part)) for part in heredoc.children)


def _target(redirect: "Node") -> Word:
    named = [child for child in redirect.named_children if child.type != "file_descriptor"]
    return read_word(named[0]) if named else ""


def _swallowed(redirect: "Node") -> "list[Node]":
    """Words of the command that stand behind a redirection: the grammar counts them to it."""
    if redirect.type == "file_redirect":
        return [child for child in redirect.named_children if child.type != "file_descriptor"][1:]
    if redirect.type == "heredoc_redirect":
        nested = [one for child in redirect.children if child.type in REDIRECTS for one in _swallowed(child)]
        return [*redirect.children_by_field_name("argument"), *nested]
    return []


def _text(node: "Node") -> str:
    return (node.text or b"").decode()


def _words(node: "Node") -> list[Word]:
    kept = [child for child in node.children if child.type not in (*REDIRECTS, "variable_assignment")]
    beside = node.parent.children if node.parent is not None and node.parent.type == "redirected_statement" else []
    for redirect in (*node.children, *beside):
        kept += _swallowed(redirect)
    return merged(kept)


def _found(node: "Node", stdin: Stdin, line: Line) -> Iterator[Part]:
    match node.type:
        case "command":
            program = Program(tuple(_words(node)), stdin)
            yield from _evaluated(program)
            yield program
        case "variable_assignment":
            name = _text(node.named_children[0])
            value = node.child_by_field_name("value")
            yield from assigned(name, "" if value is None else read_word(value))
        case "variable_name":
            if _is_set(node) and is_steering(_text(node)):
                yield Doubt(f"The command sets {_text(node)}, which changes what its words mean.")
        case "declaration_command":
            yield from _declared(node)
        case "function_definition":
            yield from _function(node, line)
        case "expansion" if _text(node).endswith("@P}"):
            yield Doubt("The command expands a variable's value as if it stood in the line.")
        case "file_redirect":
            yield from _written(node, line)
        case "heredoc_redirect":
            yield from _heredoc(node)
        case "command_substitution":
            if _text(node).startswith("`") and "\\" in _text(node):
                yield Doubt("A command in backticks holds escapes.")
                yield Code("shell", _ESCAPED.sub(r"\1", _text(node)[1:-1]), suspect=True)
        case "test_command":
            if any(_HIDDEN.search(_text(part)) for part in _below(node) if part.type == "raw_string"):
                yield Doubt("A test may evaluate a substitution in its words.")


def _evaluated(program: Program) -> Iterator[Part]:
    words = [word for word in program.words[1:] if word is not None]
    if program.name not in EVALUATING or (program.name == "printf" and not any(w.startswith("-v") for w in words)):
        return
    if any("$(" in word or "`" in word for word in words):
        yield Doubt(f"`{program.name}` may evaluate a substitution in its words.")
    if program.name not in ("test", "[") and any(is_steering(word.removeprefix("-v")) for word in words):
        yield Doubt("The command sets a variable that changes what its words mean.")


def _is_set(node: "Node") -> bool:
    """Whether a variable's name stands where it gets a value, but for plain assignments."""
    parent = node.parent
    if parent is None or parent.type in ("simple_expansion", "variable_assignment", "subscript", "unset_command"):
        return False
    return parent.type != "expansion" or any(child.type in (":=", "=") for child in parent.children)


def _declared(node: "Node") -> Iterator[Part]:
    for child in node.named_children:
        if child.type in ("variable_assignment", "variable_name"):
            continue
        word = read_word(child)
        found = assignment(word) if word else None
        if word is not None and word.startswith("-") and "n" in word:
            yield Doubt("The command gives a variable a second name.")
        if word is None or "$(" in word or "`" in word:
            yield Doubt("The command computes the name of a variable that it sets.")
        elif found:
            yield from assigned(*found)


def _function(node: "Node", line: Line) -> Iterator[Part]:
    named = node.child_by_field_name("name")
    name = _text(named) if named is not None else ""
    line.functions.add(name)
    inside = [part for part in _below(node) if part.type == "command_name" and read_word(part) == name]
    if inside:
        joint = any(part.type in ("&", "|", "|&") for part in _below(node))
        reason = f"`{name}` starts itself again and again."
        yield Doubt(reason, "blocked") if joint else Doubt(reason)


def _below(node: "Node") -> "Iterator[Node]":
    waiting = list(node.children)
    while waiting:
        child = waiting.pop()
        yield child
        waiting += child.children


def _written(node: "Node", line: Line) -> Iterator[Part]:
    target = _target(node)
    operators = {child.type for child in node.children if not child.is_named}
    if target is None:
        line.written.add("*")
        return
    if target.startswith(("/dev/tcp/", "/dev/udp/")):
        yield Doubt("The command opens a network connection.", "blocked")
    elif operators & {"<", "<&"}:
        return
    elif target.startswith("/dev/") and not _OPEN.fullmatch(target):
        yield Doubt(f"The command writes to the device {target}.", "blocked")
    elif is_outside(target):
        yield Doubt(f"The command writes to {target}, outside the worktree.")
    line.written.add(target.removeprefix("./"))


def is_outside(word: Word) -> bool:
    """Whether a path leads out of the worktree and of what else may be written."""
    if word is None:
        return False
    return (word.startswith(("/", "~")) and not _OPEN.fullmatch(word)) or ".." in word.split("/")


def _heredoc(node: "Node") -> Iterator[Part]:
    start = next((_text(part) for part in node.children if part.type == "heredoc_start"), "")
    if not _DELIMITER.fullmatch(start):
        raise Unreadable("The end of a here-document cannot be read.")
    if _is_quoted(node):
        return
    for body in (part for part in node.children if part.type == "heredoc_body"):
        plain = body.children or [body]
        if any(part.type in ("heredoc_content", "heredoc_body") and _HIDDEN.search(_text(part)) for part in plain):
            yield Doubt("A here-document holds a substitution.")
