"""One plot of the metrics screen; plotext is loaded with this file, so only a screen that is opened imports it."""

from __future__ import annotations

from textual.app import RenderResult
from textual.color import Color
from textual.content import Content
from textual.reactive import reactive
from textual_plotext import PlotextPlot

from widgets.metric_charts import Chart, axis_top, tick

TICKS = 5
"""Numbers at the axis of values."""
TICK_CELLS = 9
"""Room that one label takes at the horizontal axis."""
MARGIN = 0.2
"""Beside the first and the last point of a line, in the distance from one to the next."""
MOST_ROWS = 3
"""Of a bar."""


class MetricPlot(PlotextPlot):
    """A line or bars in the colours of the theme."""

    DEFAULT_CSS = """
    MetricPlot { height: 1fr; width: 1fr; }
    """

    chart: reactive[Chart | None] = reactive(None)
    """What is drawn."""

    def watch_chart(self, chart: Chart | None) -> None:
        """Name the plot by its frame."""
        self.border_title = Content(chart.title if chart else "")

    def render(self) -> RenderResult:
        """Draw, in words where there is nothing to draw or no room."""
        chart = self.chart
        if chart is None:
            return Content("")
        if not chart.values:
            return Content.styled(chart.nothing, "$text-muted")
        if self.size.width < 20 or self.size.height < 5:
            return Content.styled("No room for a plot here.", "$text-muted")
        self._draw(chart)
        return super().render()

    def _draw(self, chart: Chart) -> None:
        plot = self.plt
        plot.clear_figure()
        colour = Color.parse(self.app.theme_variables[chart.colour]).rgb
        top = axis_top(chart)
        values = [top * step / (TICKS - 1) for step in range(TICKS)]
        told = [tick(value, chart) for value in values]
        if chart.kind == "bars":
            self._draw_bars(chart, colour)
            plot.xticks(values, told)
            plot.xlim(0, top)
        else:
            places = list(range(len(chart.values)))
            plot.plot(places, list(chart.values), marker="braille", color=colour)
            plot.scatter(places, list(chart.values), marker="●", color=colour)
            marks = self._spaced(chart)
            plot.xticks([float(place) for place in marks], [chart.labels[place] for place in marks])
            plot.xlim(-MARGIN, len(places) - 1 + MARGIN)
            plot.yticks(values, told)
            plot.ylim(0, top)
        plot.frame(False)

    def _draw_bars(self, chart: Chart, colour: tuple[int, int, int]) -> None:
        """Bars of whole rows with a row between them, where there is room for that."""
        rows = self.size.height - 1
        shown = min(len(chart.values), rows)
        step = rows // shown
        thick = min(MOST_ROWS, max(1, step - 1))
        middle = (thick - 1) / 2
        # Half a row less at either end, so that rounding to rows takes no other row in.
        reach = middle + 0.2 if thick % 2 else middle - 0.1
        places = [rows - 1 - middle - step * place for place in range(shown)]
        width = 2 * reach / (step if shown > 1 else 1)
        values = list(chart.values[:shown])
        self.plt.bar(places, values, orientation="horizontal", width=width, marker="sd", color=colour)
        self.plt.yticks(places, [f"{label} " for label in chart.labels[:shown]])
        self.plt.ylim(0, max(1, rows - 1))

    def _spaced(self, chart: Chart) -> list[int]:
        """Places of as many labels of a line as there is room for, the last among them."""
        last = len(chart.labels) - 1
        step = max(1, -(-len(chart.labels) * TICK_CELLS // max(TICK_CELLS, self.size.width - TICK_CELLS)))
        return sorted(range(last, -1, -step))
