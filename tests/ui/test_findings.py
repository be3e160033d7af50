"""The pane of findings: what it shows, how it is reached, and where it leads."""

from dataclasses import replace

from engine import events as e
from engine.task import Finding
from miracle_tui.screens.pane_grid import PaneFrame
from sandbox.report import Coverage, FileCoverage, ScanFinding
from tests.ui import recorded_run
from tests.ui.app_fixtures import opened_app, shown_all, until
from tests.ui.recorded_run import RUN
from tests.ui.scripted_engine import ScriptedEngine
from tests.widget_fixtures import Host, reflected
from tests.widget_fixtures import state as made
from widgets.findings_pane import FindingsPane

EVIL = "\x1b]52;c;x\x07[red]\u202e"
FINDING = Finding(
    severity="major",
    title="no subtractive pairs",
    path="roman.py",
    line=6,
    category="A04:2021 Insecure Design",
    detail="4 becomes IIII",
    evidence="to_roman(4)",
    fix="add them",
)
SCANNED = ScanFinding(
    rule="bandit:B101", verdict="warning", severity="medium", path="gone.py", line=1, message="assert"
)


async def test_findings_show_place_evidence_and_fix_and_are_inert() -> None:
    pane = FindingsPane()
    app = Host(pane)
    async with app.run_test(size=(90, 30)) as pilot:
        assert "Nothing was found." in app.shown()
        shown = replace(
            reflected(),
            audit=e.AuditSubmitted(session_id="a", verdict="revise", findings=(FINDING,)),
            block_severity="major",
        )
        pane.state = made(iterations=(shown,))
        await pilot.pause()
        text = app.shown()
        for words in (
            "REVIEW  iteration 2", "■ critical eval of input  roman/cli.py:3", "→ ast.literal_eval", "□ info",
            "■ major    no subtractive pairs  roman.py:6", "A04:2021 Insecure Design", "shown by to_roman(4)",
            "SCAN  iteration 2", "■ blocked  eval",
        ):  # fmt: skip
            assert words in text, text
        assert text.index("critical") < text.index("info ")
        evil = FINDING.model_copy(
            update=dict.fromkeys(("title", "path", "category", "detail", "evidence", "fix"), EVIL)
        )
        hostile = replace(shown, audit=e.AuditSubmitted(session_id="a", verdict="revise", findings=(evil,)))
        pane.state = made(iterations=(hostile,))
        await pilot.pause()
        assert not {"\x1b", "\u202e"} & set(app.shown())
        assert "[red]" in app.shown()


async def test_findings_are_reached_by_a_key_and_lead_to_the_change() -> None:
    engine = ScriptedEngine()
    report = recorded_run.report(failing=0, passing=8).model_copy(
        update={"coverage": Coverage(files=(FileCoverage(path="roman.py", covered=18, missing=(3, 4, 5)),))}
    )
    told = [
        *recorded_run.until_failure(),
        e.IterationStarted(phase_id="encode", number=2),
        e.WorkSubmitted(session_id="", summary="x"),
        e.Checkpointed(phase_id="encode", number=2, step="code", commit="c" * 40, diff=recorded_run.DIFF),
        e.ScanFinished(
            phase_id="encode",
            number=2,
            findings=(SCANNED, SCANNED.model_copy(update={"path": "roman.py", "line": 6})),
        ),
        e.TestsFinished(phase_id="encode", number=2, report=report),
    ]
    engine.tell(RUN, *told)
    async with opened_app(engine, size=(160, 50)) as (app, pilot):
        screen = app.run_screen
        app.run_screen.show_run(RUN)
        await until(pilot, lambda: shown_all(screen, engine, RUN))
        furniture = screen.furniture
        frame = furniture.grid.query_one("#frame-reflection", PaneFrame)
        assert furniture.tests.counts.coverage == "changed lines covered 18/21"
        await pilot.press("escape", "5")
        await until(pilot, lambda: furniture.findings.has_focus)
        assert furniture.findings.display
        assert not furniture.reflection.display
        assert str(frame.border_title) == "FINDINGS"
        await pilot.press("home", "enter")
        assert not furniture.diff.has_focus_within
        await pilot.press("j", "enter")
        await until(pilot, lambda: furniture.diff.has_focus_within)
        assert furniture.diff.files[furniture.diff.current].path == "roman.py"
        await pilot.press("5", "3")
        await until(pilot, lambda: furniture.reflection.has_focus)
        assert not furniture.findings.display
        assert str(frame.border_title) == "REFLECTION"
