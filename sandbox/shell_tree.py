"""Checks a syntax tree against its text: the grammar splits words and passes over letters where shells do not."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sandbox.shell_parts import Globbed, Unreadable, Word
from sandbox.shell_words import read_word

if TYPE_CHECKING:
    from tree_sitter import Node

WORDS = frozenset({"word", "number", "raw_string", "string", "ansi_c_string", "translated_string", "concatenation",
                   "simple_expansion", "expansion", "command_substitution", "process_substitution",
                   "arithmetic_expansion", "brace_expression", "command_name", "variable_assignment"})  # fmt: skip
PARENTS = frozenset({"file_redirect", "declaration_command", "array", "for_statement", "case_statement", "case_item",
                     "herestring_redirect", "heredoc_redirect", "unset_command"})  # fmt: skip
"""Where words stand beside each other."""


def check_tree(root: "Node", text: bytes) -> None:
    """See that the tree holds all of the text, and no word in two.

    Raises:
        Unreadable: it does not, so a shell would read the line another way.
    """
    end = 0
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if not node.children:
            if not _is_space(text[end : node.start_byte]):
                raise Unreadable("The command cannot be read for certain.")
            end = max(end, node.end_byte)
            continue
        for before, after in zip(node.children, node.children[1:], strict=False):
            touching = before.end_byte == after.start_byte and before.type in WORDS and after.type in WORDS
            if touching and (node.type in PARENTS or before.type == "variable_assignment"):
                raise Unreadable("The command cannot be read for certain.")
        waiting += reversed(node.children)
    if not _is_space(text[end:]):
        raise Unreadable("The command cannot be read for certain.")


def _is_space(between: bytes) -> bool:
    """Whether nothing stands there; the grammar loses a lone `-` before a here-document, which means what is read."""
    return between.replace(b"\\\n", b"").strip(b" \t\n\r") in (b"", b"-")


def merged(nodes: "Iterable[Node]") -> list[Word]:
    """The words of a command; nodes that touch are one."""
    words: list[Word] = []
    end = -1
    for node in nodes:
        word = read_word(node)
        if node.start_byte == end:
            before = words.pop()
            whole = None if before is None or word is None else f"{before}{word}"
            globbed = isinstance(before, Globbed) or isinstance(word, Globbed)
            words.append(Globbed(whole) if whole is not None and globbed else whole)
        else:
            words.append(word)
        end = node.end_byte
    return words
