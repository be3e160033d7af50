"""A model call as lines of plain text, each with a style: what the model was told, and what it said."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len

from widgets.inert import inert, inert_line

if TYPE_CHECKING:
    from engine.calls import Call
    from engine.llm.protocol import Message, ToolCall

ROLE_STYLES = {
    "system": "$text-secondary bold",
    "user": "$text-primary bold",
    "assistant": "$text-accent bold",
    "tool": "$text-warning bold",
    "answer": "$text-success bold",
    "error": "$text-error bold",
}
_NAMES = {"system": "SYSTEM", "user": "TOLD", "assistant": "SAID", "tool": "TOOL RESULT"}
_INDENT = "  "


class PromptLine(NamedTuple):
    """A line of the view."""

    text: str
    style: str = ""
    heading: str = ""
    """What begins here, for the list of parts; empty within a part."""


@dataclass
class _Page:
    width: int
    lines: list[PromptLine] = field(default_factory=list)

    def head(self, name: str, aside: str, style: str) -> None:
        if self.lines:
            self.lines.append(PromptLine(""))
        title = f"━━ {name} "
        rest = f" {aside}" if aside else ""
        rule = "━" * max(2, self.width - cell_len(title) - cell_len(rest))
        self.lines.append(PromptLine(f"{title}{rule}{rest}", style, heading=name))

    def text(self, text: str, style: str = "", indent: str = "") -> None:
        for line in inert(text).expandtabs(4).split("\n"):
            section = line.startswith("## ") and not indent
            for piece in wrapped(line, max(8, self.width - len(indent))):
                self.lines.append(PromptLine(indent + piece, "$text-primary bold" if section else style))


def wrapped(line: str, width: int) -> list[str]:
    """A line cut into pieces of at most `width` cells, at spaces where there are any."""
    if line.isascii() and len(line) <= width:
        return [line]
    pieces: list[str] = []
    while line:
        end = _fitting(line, width)
        if end < len(line):
            space = line.rfind(" ", 1, end + 1)
            end = space + 1 if space > end // 2 else end
        pieces.append(line[:end].rstrip())
        line = line[end:]
    return pieces or [""]


def _fitting(line: str, width: int) -> int:
    """How many characters fit into `width` cells; at least one."""
    head = line[: width + 1]
    if head.isascii():
        return max(1, min(width, len(line)))
    cells = 0
    for place, character in enumerate(head):
        cells += cell_len(character)
        if cells > width:
            return max(1, place)
    return max(1, len(head))


def prompt_lines(call: Call, messages: Sequence[Message], width: int) -> list[PromptLine]:
    """Everything that the model was told in this call, then its answer. For a long call not quick: use a thread.

    Args:
        call: the call.
        messages: what the model was told, as the server got it.
        width: cells of a line.
    """
    page = _Page(max(20, width))
    _facts(page, call)
    for number, message in enumerate(messages):
        _message(page, number, message)
    _answer(page, call)
    return page.lines


def _facts(page: _Page, call: Call) -> None:
    """Who asks whom, how full the prompt is, and what it is made of."""
    turn = f", iteration {call.iteration}" if call.iteration else ""
    page.text(f"{call.role} asks {call.model}{turn}", "bold $foreground")
    answer = call.answer
    taken = answer.usage.input_tokens if answer else call.prompt_tokens
    told = (
        [f"{taken:,} tokens in" + (f" of {call.budget_tokens:,} allowed" if call.budget_tokens else "")]
        if taken
        else []
    )
    if answer is not None:
        told.append(f"{answer.usage.output_tokens:,} out")
        told += [f"{answer.usage.cached_tokens:,} cached"] if answer.usage.cached_tokens else []
        told.append("price unknown" if answer.cost_usd is None else f"${answer.cost_usd:.4f}")
        told += [f"{answer.duration_s:.1f} s"] if answer.duration_s else []
    if told:
        page.text(" · ".join(told), "$foreground-muted")
    if call.sections:
        parts = [f"{part.name} {part.tokens:,}{' (cut)' if part.cut else ''}" for part in call.sections]
        page.text("made of " + " · ".join(parts), "$foreground-muted")


def _message(page: _Page, number: int, message: Message) -> None:
    told = {0: "SYSTEM", 1: "PROMPT"}.get(number, _NAMES[message.role]) if message.role != "assistant" else "SAID"
    size = len(message.content) + sum(len(call.arguments) for call in message.tool_calls)
    page.head(told, f"{size:,} characters", ROLE_STYLES[message.role])
    quiet = "$foreground-muted" if message.role in ("system", "assistant") else "$foreground"
    if message.content:
        page.text(message.content, quiet)
    for call in message.tool_calls:
        _tool_call(page, call)


def _tool_call(page: _Page, call: ToolCall) -> None:
    page.lines.append(PromptLine(f"→ {inert_line(call.name, 80)}", "$text-warning bold"))
    try:
        arguments = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        page.text(call.arguments, "$text-error", _INDENT)
        return
    if not isinstance(arguments, dict):
        page.text(call.arguments, "$foreground", _INDENT)
        return
    for name, value in arguments.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if "\n" in text or len(text) > page.width - len(name) - 6:
            page.lines.append(PromptLine(f"{_INDENT}{inert_line(name, 80)}:", "$text-secondary"))
            page.text(text, "$foreground", _INDENT * 2)
        else:
            page.lines.append(PromptLine(f"{_INDENT}{inert_line(name, 80)}: {inert(text)}", "$foreground"))


def _answer(page: _Page, call: Call) -> None:
    answer = call.answer
    if answer is None:
        said = call.error or "There is no answer yet, or the one who asked is gone."
        page.head("NO ANSWER", "", ROLE_STYLES["error"])
        page.text(said, "$text-error" if call.error else "$foreground-muted")
        return
    facts = f"{answer.usage.output_tokens:,} tokens · {answer.finish_reason}"
    page.head("ANSWER", inert_line(facts, 60), ROLE_STYLES["answer"])
    if answer.refusal:
        page.text(answer.refusal, "$text-error")
    if answer.text:
        page.text(answer.text, "$foreground")
    for made in answer.tool_calls:
        _tool_call(page, made)
    if not (answer.text or answer.tool_calls or answer.refusal):
        page.text("(empty)", "$foreground-muted")
