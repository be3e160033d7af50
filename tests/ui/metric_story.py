"""Figures that look like a month's work, for the pictures and tests of the metrics screen."""

from datetime import date, timedelta

from memory.metric_figures import (
    DayOutcome,
    IterationStep,
    MemoryFigures,
    MetricFilters,
    Metrics,
    Share,
    Spread,
    Topic,
    Usage,
)

FIRST = date(2026, 3, 1)
DAYS = [FIRST + timedelta(days=place) for place in range(14)]
RATES = ((0.35, 6), (0.62, 11), (0.78, 8), (0.9, 4), (0.95, 2))

FIGURES = Metrics(
    filters=MetricFilters(),
    outcomes={"success": 31, "failed": 9, "cancelled": 3, "open": 2},
    others=12,
    iterations_to_success=Spread(31, 90, 2, 5.2),
    time_to_green_s=Spread(31, 9000, 190, 720),
    days=tuple(DayOutcome(day, Share(min(3, 1 + place % 4), 3)) for place, day in enumerate(DAYS)),
    steps=tuple(IterationStep(place, 40 - 5 * place, rate, green) for place, (rate, green) in enumerate(RATES, 1)),
    usage=(
        Usage("coder", "large", None, 310, 3_900_000, 17.3, 0),
        Usage("coder", "local-32b", None, 60, 900_000, 0.0, 60),
        Usage("planner", "large", None, 45, 410_000, 2.1, 0),
        Usage("reflector", "large", None, 70, 520_000, 2.9, 0),
        Usage("tester", "large", None, 90, 1_200_000, 5.2, 0),
    ),
    usage_days=tuple(
        Usage("", "", day, 40, 300_000 + 90_000 * (place * 7 % 5), 1.5 + place % 3, 0) for place, day in enumerate(DAYS)
    ),
    errors=(("AssertionError", 41), ("TypeError", 12), ("KeyError", 9), ("[b]Odd\x1b[31m", 6), ("other", 7)),
    memory=MemoryFigures(Share(52, 75), Share(31, 52), Share(22, 29), Share(20, 40)),
    topics=(Topic("command", 22, 21, 3, 9), Topic("plan", 14, 14, 1, 0), Topic("dependency", 6, 6, 2, 0)),
    approval_wait_s=Spread(32, 4000, 35, 300),
)
