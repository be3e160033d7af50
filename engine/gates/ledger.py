"""The ledger of what the tests hold to: what they assert now against the most that they ever asserted. Pure.

A test file becomes a `TestInventory` by its syntax tree, in `engine.gates.python_tests` and `javascript_tests`.
`highest` keeps the most of several inventories, `losses` says what a newer one has less of. Gains are no losses, and a
test that is moved or renamed is a removed one and a new one: a person sees that at a glance, a program does not.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engine.frozen import replace
from engine.integrity_events import TestLoss

STRENGTHS = ("says that something is true", "says what it is not", "says roughly what it is", "says what it is")
"""Strengths of assertions, weakest first: bare truth; not None, not equal; approximate, ordered, raised; equal."""
TRUTH, WEAK, CLOSE, EXACT = range(4)


@dataclass(frozen=True)
class TestFacts:
    """What a test, or a function that tests use, holds to."""

    __test__ = False

    role: str = "test"
    """`test`, `fixture`, `hook` (what changes how tests are collected or judged) or `support`."""
    strengths: tuple[int, ...] = (0, 0, 0, 0)
    """Assertions of each strength, weakest first."""
    skips: frozenset[str] = frozenset()
    """What keeps it from running or from counting, with its condition."""
    cases: int | None = 1
    """Cases that it is parametrised with; None when they are computed."""
    given: bool = False
    """Whether hypothesis makes up its arguments."""
    examples: int = 100
    """How many of them it makes up."""
    tolerance: float = 0.0
    """The widest tolerance of its approximate assertions."""
    body: str = ""
    """The code itself, where any change of it matters: fixtures, hooks, and functions whose answer is asserted."""
    patches: frozenset[str] = frozenset()
    """Parts of other code that it replaces."""


TestInventory = Mapping[str, TestFacts]
"""Facts by the id that the test runner gives a test, without its parameters."""


@dataclass(frozen=True)
class FileTests:
    """What one file of tests holds."""

    tests: dict[str, TestFacts] = field(default_factory=dict)
    broken: bool = False
    """True when it cannot be parsed."""


def highest(inventories: Iterable[TestInventory]) -> dict[str, TestFacts]:
    """The most that each test held to in any of the inventories, oldest first."""
    most: dict[str, TestFacts] = {}
    for inventory in inventories:
        for name, facts in inventory.items():
            before = most.get(name)
            most[name] = facts if before is None else _more(before, facts)
    return most


def losses(before: TestInventory, now: TestInventory, *, guarded: bool = True) -> tuple[TestLoss, ...]:
    """What the tests hold to less than before.

    Args:
        before: the most that they held to.
        now: what they hold to.
        guarded: whether there were tests before: where there is nothing to weaken, a hook is a part of the tests that
            are written with it.
    """
    found: list[TestLoss] = []
    touched = {_path(name) for name in before}
    for name, facts in before.items():
        found += _compared(name, facts, now.get(name))
    for name, facts in now.items():
        if guarded and name not in before and facts.role == "hook" and (_reaches_all(name) or _path(name) in touched):
            found.append(_loss("hook", name, "is new, and changes how tests are collected, run or judged"))
    return tuple(found)


def _reaches_all(name: str) -> bool:
    """Whether a hook changes more than the tests of its own file."""
    return _path(name).endswith("conftest.py") or name.endswith(("(changes)", "::pytest_plugins"))


def weakest(one: TestFacts, other: TestFacts) -> TestFacts:
    """The less of two definitions of one test."""
    at_least = [min(sum(one.strengths[at:]), sum(other.strengths[at:])) for at in range(4)]
    known = [facts.cases for facts in (one, other)]
    return replace(
        other,
        strengths=tuple(at_least[at] - (at_least[at + 1] if at < 3 else 0) for at in range(4)),
        skips=one.skips | other.skips,
        cases=None if None in known else min(cases for cases in known if cases is not None),
        given=one.given and other.given,
        examples=min(one.examples, other.examples),
        tolerance=max(one.tolerance, other.tolerance),
        patches=one.patches | other.patches,
    )


def gained(before: TestInventory, now: TestInventory) -> int:
    """How many tests are new."""
    return sum(facts.role == "test" and name not in before for name, facts in now.items())


def _more(before: TestFacts, facts: TestFacts) -> TestFacts:
    """The stronger of each; the newest of what has no order."""
    at_least = [max(sum(before.strengths[at:]), sum(facts.strengths[at:])) for at in range(4)]
    strengths = tuple(at_least[at] - (at_least[at + 1] if at < 3 else 0) for at in range(4))
    known = [cases for cases in (before.cases, facts.cases) if cases is not None]
    return replace(
        facts,
        strengths=strengths,
        skips=before.skips & facts.skips,
        cases=max(known) if known else None,
        given=before.given or facts.given,
        examples=max(before.examples, facts.examples),
        tolerance=min(before.tolerance, facts.tolerance) if before.tolerance and facts.tolerance else 0.0,
        body=before.body,
        patches=before.patches | facts.patches,
    )


def _compared(name: str, before: TestFacts, now: TestFacts | None) -> list[TestLoss]:
    if now is None or (before.role != now.role and before.role != "support"):
        gone = {"test": "removed", "fixture": "fixture", "hook": "hook", "support": "fewer"}[before.role]
        if before.role == "support" and not sum(before.strengths):
            # Who uses a function or a list that is gone fails by that.
            return []
        return [_loss(gone, name, "was removed")]
    if before.role in ("fixture", "hook"):
        return [_loss(before.role, name, "was changed")] if before.body != now.body else []
    found = [_loss("skipped", name, f"is kept from counting: {label}") for label in sorted(now.skips - before.skips)]
    if (weaker := _weaker(before, now)) is not None:
        kind, detail = weaker
        found.append(_loss(kind, name, detail))
    if before.cases is not None and now.cases is not None and now.cases < before.cases:
        found.append(_loss("parameters", name, f"has {now.cases} of {before.cases} cases"))
    if before.given and not now.given:
        found.append(_loss("parameters", name, "is no longer tried with examples that hypothesis makes up"))
    elif before.given and now.examples < before.examples:
        found.append(_loss("parameters", name, f"is tried with {now.examples} of {before.examples} examples"))
    if before.body and now.body and before.body != now.body:
        found.append(_loss("fixture", name, "was changed, and assertions use what it gives back"))
    if replaced := sorted(now.patches - before.patches):
        found.append(_loss("weaker", name, f"replaces {', '.join(replaced)}, which it did not before"))
    if now.tolerance > before.tolerance > 0:
        found.append(_loss("weaker", name, f"tolerates {now.tolerance:g} where it was {before.tolerance:g}"))
    return found


def _weaker(before: TestFacts, now: TestFacts) -> tuple[str, str] | None:
    total, total_now = sum(before.strengths), sum(now.strengths)
    if total_now < total:
        return "fewer", f"has {total_now} of {total} assertions"
    for at in (EXACT, CLOSE, WEAK):
        least, least_now = sum(before.strengths[at:]), sum(now.strengths[at:])
        if least_now < least:
            return "weaker", f"{least_now} of {least} assertions still {STRENGTHS[at].replace('says', 'say')}"
    return None


def _loss(kind: str, name: str, detail: str) -> TestLoss:
    return TestLoss.model_validate({"kind": kind, "path": _path(name), "test": name, "detail": detail})


def _path(name: str) -> str:
    return name.split("::", 1)[0].split(" > ", 1)[0]


def lost_cases(before: Mapping[str, str], now: Mapping[str, str], known: Iterable[TestLoss]) -> tuple[TestLoss, ...]:
    """What a test run reports less of than an earlier one, besides what the syntax trees have told already.

    Args:
        before: outcome by case id of the earlier run.
        now: the same of the newer one.
        known: losses that are told already.
    """
    told = {loss.test for loss in known}
    ran, runs = _by_test(before), _by_test(now)
    found: list[TestLoss] = []
    for name, cases in ran.items():
        if name in told:
            continue
        still = runs.get(name, Counter())
        if still.total() < cases.total():
            found.append(_loss("collection", name, f"{still.total()} of {cases.total()} cases are collected"))
        elif (kept := _kept_out(still)) > _kept_out(cases):
            detail = f"{kept} of {cases.total()} cases are skipped, or may fail, when it runs"
            found.append(_loss("skipped", name, detail))
    return tuple(found)


def _kept_out(cases: "Counter[str]") -> int:
    return cases["skipped"] + cases["xfailed"]


def _by_test(outcomes: Mapping[str, str]) -> dict[str, "Counter[str]"]:
    counted: dict[str, Counter[str]] = {}
    for case, outcome in outcomes.items():
        counted.setdefault(test_of(case), Counter())[outcome] += 1
    return counted


def test_of(case: str) -> str:
    """The test that a reported case belongs to: pytest's parameters and a repeated name's number are left out."""
    if "::" in case:
        return case.split("[", 1)[0]
    head, _, number = case.rpartition(" (")
    return head if head and number.rstrip(")").isdigit() else case


test_of.__test__ = False  # type: ignore[attr-defined]
