"""Why the last iteration failed, what comes next, and what was remembered and found on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.reactive import reactive

from widgets.inert import inert, inert_line
from widgets.line_pane import LinePane
from widgets.marks import SEVERITY_STYLES, place_mark, worst_first

if TYPE_CHECKING:
    from engine.state import Iteration, State
    from engine.task import Finding
    from memory.records import Recollection
    from sandbox.report import ScanFinding

_VIA = {"fingerprint": "same failure", "context": "like code", "signature": "like error", "text": "like words"}
_VERDICTS = {"blocked": "$text-error bold", "approval_required": "$text-warning bold", "warning": "$text-secondary"}
MOST = 100
"""Findings shown of each kind; more are counted."""


class ReflectionPane(LinePane):
    """Cause, hypothesis, recalled failures with their similarity, findings by severity."""

    DEFAULT_CSS = """
    ReflectionPane { background: transparent; color: $text; padding: 0 1; scrollbar-gutter: stable; }
    """

    state: reactive[State | None] = reactive(None, init=False)
    """The run to show."""
    number: reactive[int] = reactive(0, init=False)
    """The iteration to show; 0 for the newest that has something to say."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._rows: list[Content] = []

    def row_count(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    def row(self, y: int) -> Content:
        """A wrapped line."""
        return self._rows[y]

    def watch_state(self) -> None:
        """Show what is so now."""
        self.lay_out()

    def watch_number(self) -> None:
        """Show another iteration."""
        self.lay_out()
        self.go_to(0)

    def make_rows(self, width: int) -> None:
        """What there is to say about the iteration."""
        width = max(12, width)
        iteration = self._iteration()
        blocks = self._blocks(iteration) if iteration is not None else []
        if not blocks:
            words = "When an iteration fails, its cause and the next hypothesis appear here."
            blocks = [Content.styled(words, "$foreground-muted")]
        self._rows = [line for block in blocks for line in (block.wrap(width) if block else [Content("")])]
        self.rows_changed()

    def _iteration(self) -> Iteration | None:
        if self.state is None:
            return None
        if self.number:
            return self.state.iteration_numbered(self.number)
        speaking = (
            found
            for found in reversed(self.state.iterations)
            if found.reflection or found.recalled or found.findings or found.scan
        )
        return next(speaking, self.state.iteration)

    def _blocks(self, iteration: Iteration) -> list[Content]:
        blocks: list[Content] = []
        reflection = iteration.reflection
        if reflection is not None:
            blocks += _section(f"CAUSE  iteration {iteration.number}", f"fault: {reflection.fault}")
            blocks.append(Content(inert(reflection.cause.strip())))
            blocks += _section("HYPOTHESIS", "leads the next iteration")
            blocks.append(Content.styled(inert(reflection.hypothesis.strip()), "$text-primary"))
        elif iteration.hypothesis:
            blocks += _section("HYPOTHESIS", f"being tried in iteration {iteration.number}")
            blocks.append(Content.styled(inert(iteration.hypothesis.strip()), "$text-primary"))
        if iteration.recalled is not None:
            count = len(iteration.recalled)
            blocks += _section("REMEMBERED", f"{count} similar" if count else "nothing like it yet")
            used = frozenset(reflection.used_memories) if reflection is not None else frozenset()
            for item in iteration.recalled[:MOST]:
                blocks += _recollection(item, item.memory_id in used)
        blocks += _findings("REVIEW", iteration.review.verdict if iteration.review else "", iteration.review)
        blocks += _findings("AUDIT", iteration.audit.verdict if iteration.audit else "", iteration.audit)
        if iteration.scan:
            blocks += _section("SCAN", f"{len(iteration.scan)} found")
            blocks += [_scan_line(found) for found in iteration.scan[:MOST]]
            blocks += _more(len(iteration.scan))
        return blocks[1:] if blocks and not blocks[0] else blocks


def _section(title: str, aside: str) -> list[Content]:
    return [Content(""), Content.assemble((title, "bold $text-secondary"), (f"  {aside}", "$foreground-muted"))]


def similarity_bar(similarity: float, cells: int = 8) -> Content:
    """A bar of eighths for a similarity in [0, 1]."""
    eighths = round(min(1.0, max(0.0, similarity)) * cells * 8)
    full, rest = divmod(eighths, 8)
    bar = "█" * full + (" ▏▎▍▌▋▊▉"[rest] if rest else "")
    colour = "$success" if similarity >= 0.8 else "$warning" if similarity >= 0.5 else "$secondary"
    return Content.styled(f"{bar:<{cells}}", f"{colour} on $foreground 10%")


def _recollection(item: Recollection, used: bool) -> list[Content]:
    head = Content.assemble(
        similarity_bar(item.similarity),
        (f" {max(0.0, item.similarity):4.0%} ", "$foreground"),
        (_VIA.get(item.via, item.via), "$foreground-muted"),
        ("  used" if used else "", "$text-success bold"),
        ("  solution" if item.kind == "pattern" else "", "$text-secondary"),
    )
    lines = [head, Content.assemble(("  ", ""), inert_line(item.title, 300))]
    if not item.own_project:
        where = inert_line(item.project, 60) or "another project"
        lines.insert(1, Content.styled(f"  ⚠ from {where}, untrusted", "$text-warning"))
    if item.cause:
        lines.append(Content.styled(f"  because {inert_line(item.cause, 300)}", "$foreground-muted"))
    if item.solution:
        lines.append(
            Content.assemble(("  helped: ", "$text-success"), (inert_line(item.solution, 300), "$foreground-muted"))
        )
    return lines


def _findings(title: str, verdict: str, source: object) -> list[Content]:
    if not verdict:
        return []
    findings: tuple[Finding, ...] = getattr(source, "findings", ())
    blocks = _section(title, "approved" if verdict == "approve" else "wants a revision")
    if not findings:
        blocks.append(Content.styled("nothing to complain about", "$text-success"))
    for finding in worst_first(findings)[:MOST]:
        style = SEVERITY_STYLES.get(finding.severity, "$foreground")
        blocks.append(
            Content.assemble(
                (f"{finding.severity:<9}", style),
                inert_line(finding.title, 200),
                (place_mark(finding.path, finding.line), "$foreground-muted"),
            )
        )
        for text in (finding.category, finding.detail, finding.fix and f"→ {finding.fix}"):
            if text:
                blocks.append(Content.styled(f"  {inert_line(text, 400)}", "$foreground-muted"))
    return blocks + _more(len(findings))


def _scan_line(found: ScanFinding) -> Content:
    return Content.assemble(
        (f"{found.verdict.replace('_', ' ')} ", _VERDICTS.get(found.verdict, "$foreground")),
        (f"{inert_line(found.rule, 60)} ", "$foreground"),
        (f"{inert_line(found.path, 120)}:{found.line} ", "$foreground-muted"),
        (inert_line(found.message, 300), "$foreground"),
    )


def _more(count: int) -> list[Content]:
    return [Content.styled(f"… and {count - MOST:,} more", "$foreground-muted")] if count > MOST else []
