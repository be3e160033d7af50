"""The forecast: which past runs count, and what is said of them."""

from hypothesis import given
from hypothesis import strategies as st

from engine.gates.forecast import forecast
from memory.forecasts import PastRun


def past(*runs: tuple[int, float], own: bool = False, kind: str = "library", phases: int = 2) -> list[PastRun]:
    return [PastRun(own, kind, phases, iterations, cost) for iterations, cost in runs]


def test_too_few_runs_foretell_nothing() -> None:
    assert forecast([], "library") is None
    assert forecast(past((1, 0.1), (2, 0.2)), "library") is None
    assert forecast(past((1, 0.1), (2, 0.2), (3, 0.3)), "web_app") is None


def test_runs_of_the_same_type_give_the_median_and_the_middle_of_the_range() -> None:
    found = forecast(past(*((n, n / 10) for n in range(1, 12))), "library")
    assert found is not None
    assert (found.iterations.low, found.iterations.median, found.iterations.high) == (2, 6, 10)
    assert found.text == "11 runs like this: 2-10 iterations (median 6), $0.20-1.00 (median $0.60)"


def test_the_own_folder_says_most_and_a_plan_of_the_same_size_before_that() -> None:
    own = past((2, 0.1), (2, 0.1), (2, 0.1), own=True, kind="script", phases=1)
    others = past(*((9, 5.0),) * 10)
    found = forecast([*others, *own], "library", phases=2)
    assert found is not None
    assert found.text == "3 runs like this in this folder: 2 iterations (median 2), $0.10 (median $0.10)"
    bigger = past((6, 0.9), (7, 0.9), (8, 0.9), own=True, phases=4)
    sized = forecast([*others, *own, *bigger], "library", phases=4)
    assert sized is not None
    assert sized.runs == 3
    assert sized.iterations.median == 7
    few = forecast([*others, *own[:2]], "library")
    assert few is not None
    assert not few.own_project


def test_unknown_prices_are_not_taken_for_free_ones() -> None:
    found = forecast(past((1, 0.0), (2, 0.0), (3, 0.5)), "library")
    assert found is not None
    assert found.cost_usd is None
    assert found.text == "3 runs like this: 1-3 iterations (median 2)"


@given(st.lists(st.tuples(st.integers(1, 1000), st.floats(0.01, 100)), min_size=3, max_size=50))
def test_a_range_lies_within_what_was_seen_and_holds_the_median(runs: list[tuple[int, float]]) -> None:
    found = forecast(past(*runs), "library")
    assert found is not None
    for span, seen in ((found.iterations, [n for n, _ in runs]), (found.cost_usd, [c for _, c in runs])):
        assert span is not None
        assert min(seen) <= span.low <= span.median <= span.high <= max(seen)
