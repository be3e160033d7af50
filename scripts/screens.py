"""Makes the pictures in docs/screens from real runs of the demo: .venv/bin/python -P scripts/screens.py

It needs rsvg-convert and the font Fira Code (Debian: librsvg2-bin, fonts-firacode), and a sandbox for the demo.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from miracle_tui.app import MiracleApp
from miracle_tui.demo import DEFAULT_DEMO
from miracle_tui.screens.history_screen import HistoryScreen
from miracle_tui.screens.timeline_screen import TimelineScreen
from miracle_tui.services import Launch
from widgets.dialogs.hunk_dialog import HunkDialog
from widgets.dialogs.plan_dialog import PlanDialog
from widgets.dialogs.promote_dialog import PromoteDialog

FOLDER = Path(__file__).parents[1] / "docs" / "screens"
SIZE = (126, 36)
WIDTH_PX = 1300
PATIENCE_S = 180
MOST_BYTES = 150_000
ENOUGH_WORDS = 12
"""Words of the reflector after which the picture of it is taken."""


async def _until(pilot: Pilot[Any], holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > end:
            raise SystemExit("the demo did not come so far in time")
        await pilot.pause(0.05)


def _play_before() -> None:
    """Play the demo without a screen, so that the next run has something to remember."""
    subprocess.run(
        [sys.executable, "-P", "-m", "miracle_tui", "demo", "--headless"], check=True, stdout=subprocess.DEVNULL
    )


async def _play(folder: Path) -> list[Path]:
    """Play the demo as a person would and keep what the screen shows."""
    app = MiracleApp(Launch(Path.cwd(), demo=DEFAULT_DEMO))
    made: list[Path] = []

    async def keep(name: str) -> None:
        app.clear_notifications()
        await pilot.pause(0.5)
        made.append(Path(app.save_screenshot(f"{name}.svg", path=str(folder))))

    try:
        async with app.run_test(size=SIZE) as pilot:
            await _until(pilot, lambda: isinstance(app.screen, PlanDialog))
            await keep("plan")
            await pilot.press("a")
            screen = app.run_screen
            voice = screen.furniture.voices["reflection"]
            await _until(pilot, lambda: len(voice.render().plain.split()) > ENOUGH_WORDS)
            await keep("reflecting")
            await _until(pilot, lambda: isinstance(app.screen, PromoteDialog))
            app.action_toggle_theme()
            await keep("result")
            await pilot.press("h")
            await _until(pilot, lambda: isinstance(app.screen, HunkDialog))
            await keep("hunks")
            await pilot.press("escape", "escape", "escape", "t")
            await _until(pilot, lambda: isinstance(app.screen, TimelineScreen))
            await pilot.pause(2.0)
            app.action_toggle_theme()
            await pilot.press("end", "up", "left", "left")
            await keep("timeline")
            await pilot.press("escape", "3", "m")
            await keep("memory")
            await pilot.press("m", "h", *"canonical")
            await _until(pilot, lambda: isinstance(app.screen, HistoryScreen) and bool(app.screen.words))
            await pilot.press("down", "down")
            await pilot.pause(1.0)
            await keep("history")
    finally:
        await app.services.close()
    return made


def _to_png(svg: Path) -> Path:
    """The picture of a screen; the spaces within its texts are to be kept."""
    svg.write_text(svg.read_text(encoding="utf-8").replace("<text ", '<text xml:space="preserve" '), encoding="utf-8")
    png = FOLDER / f"{svg.stem}.png"
    subprocess.run(["rsvg-convert", "--width", str(WIDTH_PX), str(svg), "--output", str(png)], check=True)
    if shutil.which("pngquant"):
        subprocess.run(["pngquant", "--force", "--output", str(png), "64", str(png)], check=True)
    return png


def main() -> int:
    """Make the pictures; 1 when one is too large for the repository."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="miracle-screens-") as home:
        os.environ["MIRACLE_HOME"] = home
        os.chmod(home, 0o755)  # as root, the sandbox and the database run as other users, who must get in
        _play_before()
        pictures = [_to_png(svg) for svg in asyncio.run(_play(Path(home)))]
    for picture in pictures:
        sys.stdout.write(f"{picture.name}: {picture.stat().st_size:,} bytes\n")
    return int(any(picture.stat().st_size > MOST_BYTES for picture in pictures))


if __name__ == "__main__":
    raise SystemExit(main())
