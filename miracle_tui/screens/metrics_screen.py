"""The metrics: what many runs came to, as plots with their numbers beside."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, OptionList, Static
from textual.widgets.option_list import Option

from memory.metric_figures import Grouping, MetricFilters, Metrics
from miracle_tui.trouble import trouble_of
from widgets.inert import inert_line
from widgets.metric_charts import TOPICS, Topic, Unit, charts, headline, table
from widgets.metric_plot import MetricPlot
from widgets.topic_list import TopicList

if TYPE_CHECKING:
    from miracle_tui.engine_port import EnginePort

RANGES = (0, 90, 30, 7, 1)
"""Days back; 0 is everything."""
LANGUAGES = ("", "python", "node")
GROUPINGS: tuple[Grouping, ...] = ("agent", "model", "day")
NAME_CELLS = 22
Value = TypeVar("Value")


class MetricsScreen(Screen[None]):
    """Shows the figures of the runs that its keys choose.

    Args:
        engine: Where the figures come from.
        project: The person's folder.
    """

    CSS_PATH = "metrics_screen.tcss"
    HORIZONTAL_BREAKPOINTS: ClassVar[list[tuple[int, str]] | None] = [(0, "-narrow"), (100, "-wide")]  # type: ignore[misc]
    VERTICAL_BREAKPOINTS: ClassVar[list[tuple[int, str]] | None] = [(0, "-low"), (30, "-tall")]  # type: ignore[misc]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="metrics.leave"),
        Binding("r", "range", "Range", id="metrics.range"),
        Binding("p", "project", "Project", id="metrics.project"),
        Binding("l", "language", "Language", id="metrics.language"),
        Binding("s", "scripted", "Scripted", id="metrics.scripted"),
        Binding("g", "group", "Group", id="metrics.group"),
        Binding("u", "unit", "Unit", id="metrics.unit"),
        Binding("v", "numbers", "Numbers", id="metrics.numbers"),
    ]

    def __init__(self, engine: "EnginePort", project: str = "") -> None:
        super().__init__()
        self.engine = engine
        self.project = project
        self.found: Metrics | None = None
        """What is shown; None until the first answer."""
        self.topic: Topic = "success"
        self.grouping: Grouping = "agent"
        self.unit: Unit = "tokens"
        self.days = 0
        self.filters = MetricFilters()

    def compose(self) -> ComposeResult:
        """Topics and numbers at the left, plots at the right."""
        yield Static("METRICS  reading", id="metrics-title", markup=False)
        with Horizontal(id="metrics-body"):
            with Vertical(id="metrics-side"):
                yield TopicList(*(Option(name, id=name) for name in TOPICS), id="metrics-topics")
                with VerticalScroll(id="metrics-table"):
                    yield Static(id="metrics-numbers", markup=False)
            with Vertical(id="metrics-plots"):
                yield MetricPlot(id="metrics-first")
                yield MetricPlot(id="metrics-second")
        yield Static(id="metrics-empty", markup=False)
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Read at once."""
        self.query_one("#metrics-topics").focus()
        self._read()

    @work(group="metrics", exclusive=True, description="read the metrics", exit_on_error=False)
    async def _read(self) -> None:
        since = datetime.now(UTC) - timedelta(days=self.days) if self.days else None
        title = self.query_one("#metrics-title", Static)
        title.update(Content.assemble(self._title(), ("  counting…", "$text-warning")))
        try:
            found = await self.engine.metrics(replace(self.filters, since=since))
        except Exception as exc:  # noqa: BLE001  a worker's edge: every error becomes words on the screen
            title.update(self._title())
            self.app.post_message(trouble_of(exc, "read the metrics"))
            return
        if self.is_attached:
            self.found = found
            self._show()

    @on(OptionList.OptionHighlighted, "#metrics-topics")
    def _topic_chosen(self, event: OptionList.OptionHighlighted) -> None:
        self.topic = TOPICS[event.option_index]
        self._show_topic()

    def _show(self) -> None:
        if (found := self.found) is None:
            return
        self.query_one("#metrics-title", Static).update(self._title())
        self.set_class(not found.runs, "-empty")
        self.query_one("#metrics-empty", Static).update(_nothing(found))
        if found.runs and self.focused is None:
            # What is hidden loses the keys, and nobody would give them back.
            self.set_focus(self.query_one("#metrics-table" if self.has_class("-numbers") else "#metrics-topics"))
        topics = self.query_one("#metrics-topics", OptionList)
        for place, name in enumerate(TOPICS):
            title, figure = headline(found, name)
            line = Content.assemble((f"{title:<{NAME_CELLS}} ", "$text-muted"), (figure, "bold"))
            topics.replace_option_prompt_at_index(place, line)
        self._show_topic()

    def _show_topic(self) -> None:
        if (found := self.found) is None:
            return
        drawn = charts(found, self.topic, self.grouping, self.unit)
        self.set_class(len(drawn) > 1, "-two")
        self.query_one("#metrics-first", MetricPlot).chart = drawn[0]
        self.query_one("#metrics-second", MetricPlot).chart = drawn[1] if len(drawn) > 1 else None
        told = table(found, self.topic, self.grouping)
        rows = [told.header, *told.rows]
        widths = [max(len(row[column]) for row in rows) for column in range(len(told.header))]
        lines = [
            Content.styled(
                "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip(),
                "bold $text-secondary" if row is told.header else "",
            )
            for row in rows
        ]
        note = [Content(""), Content.styled(told.note, "$text-muted")] if told.note else []
        self.query_one("#metrics-numbers", Static).update(Content("\n").join([*lines, *note]))
        self.refresh_bindings()

    def _title(self) -> Content:
        parts = [
            "runs of scripted models" if self.filters.scripted else "runs of real models",
            f"last {self.days} days" if self.days > 1 else "last day" if self.days else "all time",
            inert_line(self.filters.project, 40) if self.filters.project else "all projects",
            self.filters.language or "all languages",
        ]
        return Content.assemble(("METRICS  ", "bold"), " · ".join(parts))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Each key is offered where it changes something."""
        if action in ("group", "unit"):
            return self.topic == "usage"
        if action == "numbers":
            return self.has_class("-narrow")
        return action != "project" or bool(self.project)

    def action_range(self) -> None:
        """Everything, 90 days, 30, 7, 1."""
        self.days = following(RANGES, self.days)
        self._read()

    def action_project(self) -> None:
        """This project's runs, or all."""
        self.filters = replace(self.filters, project="" if self.filters.project else self.project)
        self._read()

    def action_language(self) -> None:
        """All languages, or one."""
        self.filters = replace(self.filters, language=following(LANGUAGES, self.filters.language))
        self._read()

    def action_scripted(self) -> None:
        """Runs of scripted models, or of real ones: never both."""
        self.filters = replace(self.filters, scripted=not self.filters.scripted)
        self._read()

    def action_group(self) -> None:
        """By agent, by model, by day."""
        self.grouping = following(GROUPINGS, self.grouping)
        self._show_topic()

    def action_unit(self) -> None:
        """Tokens or cost first."""
        self.unit = "cost" if self.unit == "tokens" else "tokens"
        self._show_topic()

    def action_numbers(self) -> None:
        """The table in place of the plot, or the plot again."""
        self.toggle_class("-numbers")
        self.query_one("#metrics-table" if self.has_class("-numbers") else "#metrics-topics").focus()

    def action_leave(self) -> None:
        """Back to the run."""
        self.dismiss(None)


def following(values: tuple[Value, ...], current: Value) -> Value:
    """The next of some values, the first after the last."""
    return values[(values.index(current) + 1) % len(values)]


def _nothing(found: Metrics) -> Content:
    sort, other = ("scripted", "real") if found.filters.scripted else ("real", "scripted")
    chosen = found.filters
    narrowed = bool(chosen.since or chosen.project or chosen.language)
    words = f"No run of a {sort} model is within these filters." if narrowed else f"No run of a {sort} model yet."
    lines = [Content.styled(words, "bold"), Content("")]
    if found.others:
        lines.append(Content(f"{found.others} of {other} models are counted apart: press s."))
    if narrowed:
        lines.append(Content("r widens the range, p and l take the filters away."))
    if not found.others:
        lines.append(Content("Write a goal on the main screen, or see the demo: miracle demo."))
    return Content("\n").join(lines)
