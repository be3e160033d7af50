"""A memory in few lines: how it was found, what it is, and what it was worth. Nothing in it is trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from widgets.inert import inert, inert_line
from widgets.marks import DIFF_STYLES

if TYPE_CHECKING:
    from engine.recollections import ShownMemory
    from memory.marks import Mark
    from memory.records import Recollection

VIA = {"fingerprint": "same failure", "context": "like code", "signature": "like error", "text": "like words"}
WORTH = {
    "shown": ("shown", "$foreground-muted"),
    "unused": ("not used", "$foreground-muted"),
    "used": ("used, pending", "$text-warning"),
    "helped": ("used, helped", "$text-success bold"),
    "failed": ("used, did not help", "$text-error bold"),
}
TRIED = {
    "solved": ("helped: ", "$text-success"),
    "improved": ("helped in part: ", "$text-warning"),
    "unchanged": ("tried without success: ", "$text-error"),
}
BAR_CELLS = 8
DIFF_LINES = 14
"""Lines of a change that are shown in the pane; the whole memory has the rest."""


def similarity_bar(similarity: float) -> Content:
    """A bar of eighths for a similarity in [0, 1]."""
    eighths = round(min(1.0, max(0.0, similarity)) * BAR_CELLS * 8)
    full, rest = divmod(eighths, 8)
    bar = "█" * full + (" ▏▎▍▌▋▊▉"[rest] if rest else "")
    colour = "$success" if similarity >= 0.8 else "$warning" if similarity >= 0.5 else "$secondary"
    return Content.styled(f"{bar:<{BAR_CELLS}}", f"{colour} on $foreground 10%")


def memory_rows(
    shown: ShownMemory, mark: Mark | None = None, *, unfolded: bool = False, folds: bool = True
) -> list[Content]:
    """The lines of a memory; the first is its head.

    Args:
        shown: the memory.
        mark: what a person thinks of it now; as it was when it was recalled by default.
        unfolded: whether its change is shown.
        folds: whether a key shows it.
    """
    item = shown.item
    rows = [head_row(shown, mark), Content.assemble(("  ", ""), inert_line(item.title, 300))]
    rows += [Content.styled(f"  {line}", style) for line, style in about(item)]
    if about_it := _reason(item):
        rows.append(Content.styled(f"  {about_it}", "$foreground-muted"))
    if item.solution and item.kind == "failure":
        word, style = TRIED.get(item.outcome, ("tried: ", "$text-secondary"))
        rows.append(Content.assemble((f"  {word}", style), (inert_line(item.solution, 300), "$foreground-muted")))
    if item.plan:
        rows.append(Content.styled(f"  plan: {inert_line(item.plan, 300)}", "$foreground-muted"))
    return rows + _change(change_of(item), unfolded, folds)


def _reason(item: Recollection) -> str:
    """The cause of a failure; what a solution is for, without the line that is its title."""
    if item.kind == "failure":
        return f"because: {inert_line(item.cause, 300)}" if item.cause else ""
    first, _, rest = item.cause.strip().partition("\n")
    told = inert_line(rest if item.title.endswith(first) else item.cause, 300)
    return f"for: {told}" if told else ""


def change_of(item: Recollection) -> str:
    """What a memory has of code: the change that followed a failure, or the code of a solution."""
    return item.solution if item.kind == "pattern" else item.fix


def is_pinned(item: Recollection, mark: Mark | None) -> bool:
    """Whether a person pinned the memory."""
    return mark.pinned if mark is not None else item.pinned


def head_row(shown: ShownMemory, mark: Mark | None) -> Content:
    """How a memory was found, what a person thinks of it, and what it was worth."""
    item = shown.item
    word, style = WORTH[shown.worth]
    return Content.assemble(
        similarity_bar(item.similarity),
        (f" {max(0.0, item.similarity):4.0%} ", "$foreground"),
        (VIA.get(item.via, inert_line(item.via, 20)), "$foreground-muted"),
        (" solution" if item.kind == "pattern" else "", "$text-secondary"),
        ("  ★ pinned" if is_pinned(item, mark) else "", "$text-accent bold"),
        ("  forgotten" if mark is not None and mark.forgotten else "", "$text-error"),
        (f"  {word}", style),
    )


def about(item: Recollection) -> list[tuple[str, str]]:
    """Where a memory comes from and what became of it before, as lines and their styles."""
    from engine.recollections import record_words, source_of

    run_id, number = source_of(item)
    run = f"run {inert_line(run_id, 60)}" if run_id else ""
    place = f"{run}, iteration {number}" if run and number else run
    lines = []
    if not item.own_project:
        lines.append(("⚠ untrusted: from another project", "$text-warning"))
    if place:
        lines.append((f"from {place}", "$foreground-muted"))
    record = record_words(item)
    if record:
        helped = item.helped > item.harmed
        lines.append((record, "$text-success" if helped else "$text-warning"))
    return lines


def _change(diff: str, unfolded: bool, folds: bool) -> list[Content]:
    lines = [line for line in inert(diff).rstrip().split("\n") if not line.startswith(("index ", "diff --git "))]
    if not diff.strip():
        return []
    if not unfolded:
        added, removed = (sum(_changes(line, sign) for line in lines) for sign in "+-")
        hint = ", → shows it" if folds else ""
        return [Content.styled(f"  ▸ change +{added} -{removed}{hint}", "$foreground-muted")]
    rows = [Content.styled("  ▾ change", "$foreground-muted")]
    rows += [
        Content.styled(f"    {line[:300].expandtabs(4)}", DIFF_STYLES.get(line[:1], "$foreground-muted"))
        for line in lines[:DIFF_LINES]
    ]
    more = len(lines) - DIFF_LINES
    return [*rows, Content.styled(f"    … {more} lines more", "$foreground-muted")] if more > 0 else rows


def _changes(line: str, sign: str) -> bool:
    return line.startswith(sign) and not line.startswith(sign * 3)
