"""Reads a word of shell as the program will get it: quotes, escapes and ANSI-C strings taken off."""

import re
from typing import TYPE_CHECKING

from sandbox.shell_parts import Globbed, Word

if TYPE_CHECKING:
    from tree_sitter import Node

_COMPUTED = re.compile(r"\$[A-Za-z_{(\[0-9@*#?!$'\"-]|`")
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{1,2}|u[0-9A-Fa-f]{1,4}|U[0-9A-Fa-f]{1,8}|[0-7]{1,3}|c.|.)", re.DOTALL)
_SINGLE = {"a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def read_word(node: "Node") -> Word:
    """A word as the shell passes it on; `Globbed` when it is a pattern, None when it is computed."""
    pieces = list(_pieces(node))
    if any(piece is None for piece in pieces):
        return None
    text = "".join(piece[0] for piece in pieces if piece)
    bare = "".join(piece[0] if piece[1] else "x" for piece in pieces if piece)
    if "{" in bare and ("," in bare or ".." in bare):
        return None
    return Globbed(text) if set("*?[") & set(bare) and text != "[" else text


def _pieces(node: "Node") -> "list[tuple[str, bool] | None]":
    """The parts of a word: its text, and whether the shell still looks for patterns in it; None for a computed part."""
    text = (node.text or b"").decode("utf-8", "replace")
    match node.type:
        case "word" | "number" | "{" | "}" | "[" | "]" | "variable_name" | "test_operator":
            return _bare(text)
        case "raw_string":
            return [(text[1:-1], False)]
        case "string":
            return [_quoted(node, text[1:-1])]
        case "translated_string":
            return [None] if node.named_child_count != 1 else _pieces(node.named_children[0])
        case "ansi_c_string":
            return [_ansi_c(text[2:-1])]
        case "$":
            return [(text, False)]
        case "concatenation" | "command_name":
            return [piece for child in node.children for piece in _pieces(child)]
        case _:
            return [None]


def _bare(text: str) -> "list[tuple[str, bool] | None]":
    found: list[tuple[str, bool] | None] = []
    place = 0
    while place < len(text):
        if text[place] == "\\" and place + 1 < len(text):
            found.append((text[place + 1], False))
            place += 2
            continue
        if _COMPUTED.match(text, place):
            return [None]
        found.append((text[place], True))
        place += 1
    return found


def _quoted(node: "Node", inside: str) -> tuple[str, bool] | None:
    if any(child.type.endswith(("expansion", "substitution")) for child in node.children):
        return None
    found = []
    place = 0
    while place < len(inside):
        if inside[place] == "\\" and inside[place + 1 : place + 2] in ("$", "`", '"', "\\"):
            place += 1
        elif _COMPUTED.match(inside, place) and inside[place + 1 : place + 2] not in ("'", '"'):
            return None
        found.append(inside[place])
        place += 1
    return "".join(found), False


def _ansi_c(inside: str) -> tuple[str, bool] | None:
    def plain(found: re.Match[str]) -> str:
        code = found[1]
        if code[0] in "xuU" and len(code) > 1:
            return chr(min(int(code[1:], 16), 0x10FFFF))
        if code[0] in "01234567":
            return chr(int(code, 8) & 0xFF)
        if code[0] == "c" and len(code) > 1:
            return chr(ord(code[1]) & 0x1F)
        return _SINGLE.get(code, code)

    text = _ESCAPE.sub(plain, inside)
    return None if "\0" in text else (text, False)
