"""The metrics screen: what its keys choose and show."""

import asyncio
import subprocess
import sys
from dataclasses import replace

from textual.pilot import Pilot
from textual.widgets import Static

from memory.metric_figures import MetricFilters, Metrics, Usage
from miracle_tui.app import MiracleApp
from miracle_tui.screens.metrics_screen import MetricsScreen
from tests.ui.app_fixtures import WORKSPACE, opened_app, until
from tests.ui.metric_story import FIGURES
from tests.ui.scripted_engine import ScriptedEngine
from widgets.dialogs.error_dialog import ErrorDialog
from widgets.metric_charts import TOPICS, Chart, axis_top, charts, headline, table, tick
from widgets.metric_plot import MetricPlot


def engine_with(figures: Metrics) -> ScriptedEngine:
    engine = ScriptedEngine()
    engine.figures = figures
    return engine


async def screen_of(app: MiracleApp, pilot: Pilot[None]) -> MetricsScreen:
    """Open the screen by its key and wait for its figures."""
    await pilot.press("escape", "M")
    await until(pilot, lambda: isinstance(app.screen, MetricsScreen) and app.screen.found is not None)
    assert isinstance(app.screen, MetricsScreen)
    return app.screen


def words(screen: MetricsScreen, where: str) -> str:
    return str(screen.query_one(where, Static).render())


def drawn(screen: MetricsScreen, where: str = "#metrics-first") -> str:
    """What a plot shows, as text."""
    plot = screen.query_one(where, MetricPlot)
    return "\n".join("".join(part.text for part in strip) for strip in plot.render_lines(plot.size.region))


async def test_topics_show_their_plots_and_numbers() -> None:
    async with opened_app(engine_with(FIGURES)) as (app, pilot):
        screen = await screen_of(app, pilot)
        assert "2026-03-14  67% of 3" in words(screen, "#metrics-numbers")
        assert "75%" in drawn(screen)
        assert "cancelled" in drawn(screen, "#metrics-second")
        await pilot.press("down", "down", "g", "u")
        assert screen.query_one("#metrics-first", MetricPlot).chart == Chart(
            "US dollars by model", "bars", ("large", "local-32b"), (27.5, 0.0), colour="accent"
        )
        assert "60 calls have no known price" in words(screen, "#metrics-numbers")
        await pilot.press("down")
        assert "AssertionError" in drawn(screen)
        assert "\x1b" not in drawn(screen)
        await pilot.press("down")
        assert "Counts, not causes" in words(screen, "#metrics-numbers")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.run_screen)


async def test_keys_choose_the_runs() -> None:
    engine = engine_with(FIGURES)
    async with opened_app(engine) as (app, pilot):
        screen = await screen_of(app, pilot)
        await pilot.press("s", "p", "l", "r")
        await until(pilot, lambda: "last 90 days" in words(screen, "#metrics-title"))
        asked = engine.called("metrics")[-1][0]
        assert replace(asked, since=None) == MetricFilters(None, None, str(WORKSPACE), "python", scripted=True)
        assert asked.since is not None
        assert "scripted models" in words(screen, "#metrics-title")
        await pilot.press("s", "p", "l", "l", "r", "r", "r", "r")
        await until(pilot, lambda: engine.called("metrics")[-1][0] == MetricFilters())


async def test_where_nothing_counts_the_screen_says_what_to_do() -> None:
    engine = engine_with(Metrics(MetricFilters(), others=4))
    async with opened_app(engine, size=(80, 24)) as (app, pilot):
        screen = await screen_of(app, pilot)
        assert "4 of scripted models are counted apart: press s." in words(screen, "#metrics-empty")
        assert not screen.query_one("#metrics-body").display
        engine.figures = FIGURES
        await pilot.press("s")
        await until(pilot, lambda: screen.query_one("#metrics-body").display)
        await pilot.press("down")
        assert screen.topic == "iterations", "the list that was hidden has the keys again"
        engine.refuse = "The database went away"
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
        assert "counting" not in words(screen, "#metrics-title")


async def test_keys_answer_while_figures_are_counted() -> None:
    counted = asyncio.Event()

    class Counting(ScriptedEngine):
        """Takes its time."""

        async def metrics(self, filters: MetricFilters | None = None) -> Metrics:
            await counted.wait()
            return FIGURES

    async with opened_app(Counting(), size=(80, 24)) as (app, pilot):
        await pilot.press("escape", "M", "s", "r")
        screen = app.screen
        assert isinstance(screen, MetricsScreen)
        assert "scripted models · last 90 days · all projects · all languages  counting…" in words(
            screen, "#metrics-title"
        )
        counted.set()
        await until(pilot, lambda: "counting" not in words(screen, "#metrics-title"))


async def test_a_narrow_terminal_shows_one_plot_or_the_numbers() -> None:
    async with opened_app(engine_with(FIGURES), size=(80, 24)) as (app, pilot):
        screen = await screen_of(app, pilot)
        assert screen.query_one("#metrics-first").size.height > 8
        assert not screen.query_one("#metrics-second").display
        await pilot.press("v")
        await pilot.pause()
        assert screen.query_one("#metrics-table").size.height > 15
        await pilot.press("v", "down")
        assert screen.topic == "iterations"


def test_every_topic_can_be_drawn_of_nothing_and_of_little() -> None:
    little = Metrics(MetricFilters(), {"open": 1}, usage=(Usage("coder", "m", None, 1, 0, 0.0, 1),))
    for found in (Metrics(MetricFilters()), little, FIGURES):
        for topic in TOPICS:
            assert headline(found, topic)[0]
            assert charts(found, topic, "day", "tokens")
            told = table(found, topic, "agent")
            assert all(len(row) == len(told.header) for row in told.rows)
    assert charts(little, "usage", "agent", "cost")[0].nothing == "No call has a known price."
    one_day = replace(FIGURES, days=FIGURES.days[:1])
    assert [chart.kind for chart in charts(one_day, "success", "agent", "cost")] == ["bars", "bars"]


def test_an_axis_has_round_quarters() -> None:
    def top(*values: float) -> float:
        return axis_top(Chart("", "bars", (), values))

    assert [top(0), top(1, 3), top(42), top(5200), top(0.7), top(17.3)] == [1, 4, 60, 6000, 0.8, 20]
    chart = Chart("", "bars", (), (1_200_000,))
    assert [tick(value, chart) for value in (0, 1500, 1_200_000)] == ["0", "1.5k", "1.2M"]
    assert tick(0.25, Chart("", "line", percent=True)) == "25%"


def test_no_plot_library_is_loaded_before_the_screen_is_opened() -> None:
    code = "import sys, miracle_tui.screens.run_screen, miracle_tui.screens.keys; print('plotext' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
