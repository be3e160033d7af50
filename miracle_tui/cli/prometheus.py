"""The figures in the text format 0.0.4 that Prometheus reads."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isfinite, isnan

from memory.metric_figures import Metrics, Spread

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass
class _Family:
    """One metric with its samples."""

    name: str
    kind: str
    help: str
    samples: list[tuple[str, Mapping[str, str], float]] = field(default_factory=list)
    """What is put behind the name, labels, value."""

    def add(self, value: float, suffix: str = "", **labels: str) -> "_Family":
        self.samples.append((suffix, labels, value))
        return self

    def lines(self, common: Mapping[str, str]) -> list[str]:
        told = [
            f"{self.name}{suffix}{_labels({**common, **labels})} {_number(value)}"
            for suffix, labels, value in self.samples
        ]
        return [f"# HELP {self.name} {_escaped(self.help)}", f"# TYPE {self.name} {self.kind}", *told] if told else []


def prometheus_text(found: Metrics) -> str:
    """The figures; every sample has the label `runs`, `real` or `scripted`."""
    common = {"runs": "scripted" if found.filters.scripted else "real"}
    families = [*_of_runs(found), *_of_calls(found), *_of_memory(found), *_of_questions(found)]
    return "".join(f"{line}\n" for family in families for line in family.lines(common))


def _of_runs(found: Metrics) -> Iterable[_Family]:
    runs = _Family("miracle_runs_total", "counter", "Runs that are over, by outcome.")
    for outcome in ("success", "failed", "cancelled"):
        runs.add(found.outcomes.get(outcome, 0), outcome=outcome)
    yield runs
    yield _Family("miracle_runs_open", "gauge", "Runs that are not over.").add(found.outcomes.get("open", 0))
    rate = _Family("miracle_success_ratio", "gauge", "Runs that succeeded, of those that ended by themselves.")
    yield rate.add(found.success.rate) if found.success.rate is not None else rate
    yield _summary("miracle_iterations_to_success", "Iterations of runs that succeeded.", found.iterations_to_success)
    yield _summary("miracle_time_to_green_seconds", "Seconds from start to success.", found.time_to_green_s)
    steps = _Family(
        "miracle_test_pass_ratio", "gauge", "Mean share of passing tests by the iteration's place in its run."
    )
    for step in found.steps:
        if step.n:
            steps.add(step.pass_rate, iteration=str(step.place))
    yield steps


def _of_calls(found: Metrics) -> Iterable[_Family]:
    calls = _Family("miracle_model_calls_total", "counter", "Answered model calls.")
    tokens = _Family("miracle_tokens_total", "counter", "Tokens in and out.")
    cost = _Family("miracle_cost_usd_total", "counter", "US dollars, of calls whose price is known.")
    unpriced = _Family("miracle_unpriced_calls_total", "counter", "Model calls whose price is unknown.")
    for one in found.usage:
        labels = {"agent": one.agent, "model": one.model}
        calls.add(one.calls, **labels)
        tokens.add(one.tokens, **labels)
        cost.add(one.cost_usd, **labels)
        unpriced.add(one.unpriced_calls, **labels)
    return calls, tokens, cost, unpriced


def _of_memory(found: Metrics) -> Iterable[_Family]:
    memory = found.memory
    errors = _Family("miracle_failures_total", "counter", "Failures by type of error; the rarest are other.")
    for name, count in found.errors:
        errors.add(count, error_type=name)
    yield errors
    yield _Family("miracle_failures_recalled_total", "counter", "Failures for which memory offered something.").add(
        memory.recalled.hits
    )
    yield _Family(
        "miracle_failures_memory_used_total", "counter", "Failures whose reflector used what it was offered."
    ).add(memory.used.hits)
    judged = _Family("miracle_failures_judged_total", "counter", "Failures whose next iteration is known.")
    improved = _Family("miracle_failures_improved_total", "counter", "Failures that the next iteration made better.")
    for name, share in (("used", memory.improved_with), ("unused", memory.improved_without)):
        judged.add(share.of, memory=name)
        improved.add(share.hits, memory=name)
    yield judged
    yield improved


def _of_questions(found: Metrics) -> Iterable[_Family]:
    asked = _Family("miracle_approvals_asked_total", "counter", "Questions to a person.")
    answered = _Family("miracle_approvals_answered_total", "counter", "Questions that have an answer.")
    denied = _Family("miracle_approvals_denied_total", "counter", "Questions that were denied.")
    by_rule = _Family("miracle_approvals_by_rule_total", "counter", "Questions that a standing rule answered.")
    for one in found.topics:
        asked.add(one.asked, topic=one.topic)
        answered.add(one.answered, topic=one.topic)
        denied.add(one.denied, topic=one.topic)
        by_rule.add(one.by_rule, topic=one.topic)
    wait = _summary("miracle_approval_wait_seconds", "Seconds until a person answered.", found.approval_wait_s)
    return asked, answered, denied, by_rule, wait


def _summary(name: str, told: str, spread: Spread) -> _Family:
    family = _Family(name, "summary", told)
    for quantile, value in (("0.5", spread.median), ("0.9", spread.p90)):
        if value is not None:
            family.add(value, quantile=quantile)
    return family.add(spread.total, "_sum").add(spread.n, "_count")


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value, quotes=True)}"' for name, value in labels.items()) + "}"


def _escaped(text: str, *, quotes: bool = False) -> str:
    told = text.replace("\\", "\\\\").replace("\n", "\\n")
    return told.replace('"', '\\"') if quotes else told


def _number(value: float) -> str:
    if not isfinite(value):
        return "NaN" if isnan(value) else "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) else repr(float(value))
