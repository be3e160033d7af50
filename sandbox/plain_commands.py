"""Reads a line of shell as plain programs with plain words, or says why it is more than that.

A standing rule may only speak of what is certain before the shell runs: literal words, joined by `&&`, `||`, `;`, `|`
or line ends. Whatever the shell would compute, redirect, hide in another program's arguments, or give a new meaning to
is refused. Everything that is not known to be plain counts as not plain.
"""

from typing import TYPE_CHECKING

from sandbox.command_code import SHELLS, base_name
from sandbox.command_wrappers import is_wrapper

if TYPE_CHECKING:
    from tree_sitter import Node

JOINTS = frozenset({"program", "list", "pipeline", "&&", "||", ";", "|", "\n", "comment"})
STARTERS = SHELLS | {"ssh"}
"""Programs whose arguments are programs, beside the wrappers."""
SOMETIMES = frozenset({"find", "fd", "fdfind", "npm", "uv", "poetry", "pdm", "pipenv", "hatch", "rye", "pipx", "pnpm",
                       "bundle", "coverage", "hash", "yarn", "bun"})  # fmt: skip
"""Wrappers that do so only by some of their words."""
STARTING = ("run", "exec", "x", "dlx")
FD_ACTIONS = ("-x", "-X", "--exec", "--exec-batch")
MEANINGS = frozenset({"alias", "builtin", "coproc", "declare", "enable", "export", "hash", "local", "readonly", "set",
                      "shopt", "trap", "typeset", "unalias", "unset"})  # fmt: skip
"""Words that change what later words mean."""
FIND_ACTIONS = ("-exec", "-execdir", "-ok", "-okdir", "-delete", "-fprint", "-fprintf", "-fls", "-fprint0")
COMPUTED = frozenset("*?[]{}~\\`$!#<>|&;()'\"^")
"""Characters that an unquoted word of a rule may not hold."""
_REASONS = {
    "redirected_statement": "it redirects what a program reads or writes",
    "file_redirect": "it redirects what a program reads or writes",
    "herestring_redirect": "it redirects what a program reads or writes",
    "heredoc_redirect": "it redirects what a program reads or writes",
    "command_substitution": "it puts a command's output into its own words",
    "process_substitution": "it puts a command's output into its own words",
    "simple_expansion": "it uses a variable",
    "expansion": "it uses a variable",
    "variable_assignment": "it sets a variable",
    "declaration_command": "it changes what later words mean",
    "unset_command": "it changes what later words mean",
    "function_definition": "it defines a function",
    "subshell": "it groups commands",
    "compound_statement": "it groups commands",
    "&": "it leaves a program running in the background",
    "brace_expression": "the shell computes one of its words",
    "ansi_c_string": "the shell computes one of its words",
}


class NotPlain(ValueError):
    """The line is more than programs and words; the text says why, to go after "because"."""


def plain_programs(command: str) -> tuple[tuple[str, ...], ...]:
    """The programs of a line of shell, each with its words as it will get them.

    Args:
        command: the line, or several.

    Raises:
        NotPlain: something in it is computed, redirected, or starts another program.
    """
    import tree_sitter_bash
    from tree_sitter import Language, Parser

    if not all(letter.isprintable() or letter == "\n" for letter in command):
        raise NotPlain("it holds control characters")
    root = Parser(Language(tree_sitter_bash.language())).parse(command.encode()).root_node
    if root.has_error:
        raise NotPlain("it cannot be parsed as shell")
    programs: list[tuple[str, ...]] = []
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.type == "command":
            programs.append(_checked(tuple(_words(node))))
        elif node.type in JOINTS:
            waiting += reversed(node.children)
        else:
            raise NotPlain(_REASONS.get(node.type, "it is more than programs and words"))
    if not programs:
        raise NotPlain("it starts no program")
    return tuple(programs)


def _words(command: "Node") -> list[str]:
    words = []
    for child in command.children:
        if child.type == "command_name":
            child = child.children[0]
        words.append(_literal(child))
    return words


def _literal(node: "Node") -> str:
    text = (node.text or b"").decode()
    if node.type in ("word", "number"):
        if COMPUTED & set(text) or "\n" in text:
            raise NotPlain("the shell computes one of its words")
        return text
    if node.type == "raw_string":
        inside = text[1:-1]
    elif node.type == "string":
        if any(child.type not in ('"', "string_content") for child in node.children):
            raise NotPlain("it uses a variable or a substitution")
        inside = text[1:-1]
        if set("\\$`!") & set(inside):
            raise NotPlain("the shell computes one of its words")
    elif node.type == "concatenation":
        return "".join(_literal(child) for child in node.children)
    else:
        raise NotPlain(_REASONS.get(node.type, "the shell computes one of its words"))
    if "\n" in inside:
        raise NotPlain("one of its words has several lines")
    return inside


def _checked(words: tuple[str, ...]) -> tuple[str, ...]:
    name = words[0].rsplit("/", 1)[-1] if words else ""
    if not name:
        raise NotPlain("it starts no program")
    if name in SOMETIMES:
        starting = name not in ("find", "fd", "fdfind", "hash") and any(word in STARTING for word in words[1:4])
        if starting or (name == "hash" and words[1:2] != ("-r",)) or any(word in FD_ACTIONS for word in words):
            raise NotPlain(f"`{name}` starts other programs")
    elif name in STARTERS or base_name(name) in STARTERS or (is_wrapper(name) and name not in MEANINGS):
        raise NotPlain(f"`{name}` starts other programs")
    if name in MEANINGS:
        raise NotPlain("it changes what later words mean")
    if name == "find" and any(word in FIND_ACTIONS for word in words):
        raise NotPlain("`find` acts on what it finds")
    return words
