"""The figures as `miracle metrics --json` writes them; docs/metrics.md lists the keys."""

from typing import Any

from memory.metric_figures import MetricFilters, Metrics, Share, Spread, Usage


def metrics_record(found: Metrics) -> dict[str, Any]:
    """One object; keys are only ever added. A rate of nothing is null."""
    memory = found.memory
    return {
        "runs": "scripted" if found.filters.scripted else "real",
        "filters": _filters(found.filters),
        "outcomes": {name: found.outcomes.get(name, 0) for name in ("success", "failed", "cancelled", "open")},
        "success": _share_record(found.success),
        "iterations_to_success": _spread(found.iterations_to_success),
        "time_to_green_s": _spread(found.time_to_green_s),
        "days": [{"day": str(one.day), **_share_record(one.success)} for one in found.days],
        "pass_rate": [
            {"iteration": step.place, "n": step.n, "rate": step.pass_rate, "green": step.green} for step in found.steps
        ],
        "usage": {
            "total": _usage(found.spent),
            "by_agent": [{"agent": name, **_usage(one)} for name, one in found.used_by("agent")],
            "by_model": [{"model": name, **_usage(one)} for name, one in found.used_by("model")],
            "by_day": [{"day": name, **_usage(one)} for name, one in found.used_by("day")],
        },
        "errors": [{"error_type": name, "failures": count} for name, count in found.errors],
        "memory": {
            "recalled": _share_record(memory.recalled),
            "used": _share_record(memory.used),
            "improved_with_use": _share_record(memory.improved_with),
            "improved_without_use": _share_record(memory.improved_without),
        },
        "approvals": {
            "answered": _share_record(found.answered),
            "wait_s": _spread(found.approval_wait_s),
            "by_topic": [
                {
                    "topic": one.topic,
                    "asked": one.asked,
                    "answered": one.answered,
                    "denied": one.denied,
                    "by_rule": one.by_rule,
                }
                for one in found.topics
            ],
        },
    }


def _filters(filters: MetricFilters) -> dict[str, str | None]:
    return {
        "since": filters.since.isoformat() if filters.since else None,
        "until": filters.until.isoformat() if filters.until else None,
        "project": filters.project or None,
        "language": filters.language or None,
    }


def _share_record(share: Share) -> dict[str, Any]:
    """A share with its interval."""
    low, high = share.interval or (None, None)
    return {"hits": share.hits, "n": share.of, "rate": share.rate, "low": low, "high": high}


def _spread(spread: Spread) -> dict[str, Any]:
    return {"n": spread.n, "median": spread.median, "p90": spread.p90}


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "calls": usage.calls,
        "tokens": usage.tokens,
        "cost_usd": usage.cost_usd,
        "unpriced_calls": usage.unpriced_calls,
    }
