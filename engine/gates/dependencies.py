"""What a person is asked about packages: the questions, what they show, and when nobody needs to be asked. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from engine.dependency_events import DependenciesResolved
from engine.events import ApprovalRequested
from engine.gates.package_rules import SOURCE
from engine.state import Approval, Iteration, State
from engine.task import BlastRadius
from sandbox.packages.values import Package, Wanted, canonical
from sandbox.protocol import Language

SHOWN = 30
YOUNG_DAYS = 14
"""A release of fewer days is worth a word: bad ones are mostly found and withdrawn within that time."""
_STANDINGS = {
    "allowed": "on the allowlist",
    "approval_required": "on the list of packages that are always asked about",
    "blocked": "on the blocklist",
    "unknown": "on no list",
}


@dataclass(frozen=True)
class Question:
    """One question to a person."""

    subject: str
    title: str
    detail: str
    packages: tuple[Package, ...]
    """Those it is about, and all that comes with them."""
    asks_for: tuple[str, ...]
    """Names that are refused by a no."""


def language_of(state: State) -> Language:
    """The run's language."""
    return state.spec.language if state.spec else "python"


def undecided(state: State, last: Iteration) -> tuple[Wanted, ...]:
    """What an iteration wants that is neither installed nor refused."""
    done = {canonical(refusal.name) for refusal in state.refused}
    if state.installed is not None:
        done |= {canonical(package.name) for package in state.installed.packages}
    return tuple(one for one in last.wanted if one.standing != "blocked" and canonical(one.name) not in done)


@dataclass(frozen=True)
class Sorted:
    """Packages that would be installed because somebody wants them, by what a person said of them so far."""

    unasked: tuple[Package, ...] = ()
    waiting: tuple[Package, ...] = ()
    """An open question, of whatever phase, is about them or brings them."""
    denied: Mapping[str, Approval] = field(default_factory=dict)
    """By name, the question that was answered with a no."""


def sorted_by_answer(state: State, resolved: DependenciesResolved) -> Sorted:
    """What has to be allowed before this may be installed; nothing for what is installed already."""
    language = language_of(state)
    there = {package.pin for package in state.installed.packages} if state.installed else set()
    unasked: list[Package] = []
    waiting: list[Package] = []
    denied: dict[str, Approval] = {}
    for package in resolved.packages:
        if not package.direct or package.pin in there:
            continue
        line = f"{language} {package.pin}"
        asked = [one for one in _about_packages(state) if line in one.request.subject.split("\n")]
        if asked and asked[-1].answer is not None and asked[-1].answer.decision == "deny":
            denied[package.name] = asked[-1]
        elif _permitted(state, line):
            continue
        elif any(one.answer is None and _brings(one, package) for one in _about_packages(state)):
            waiting.append(package)
        else:
            unasked.append(package)
    return Sorted(tuple(unasked), tuple(waiting), denied)


def question_about(
    state: State, last: Iteration, resolved: DependenciesResolved, unasked: Sequence[Package], now: datetime
) -> Question:
    """The first question to ask.

    The project's own requirements are one question; whatever deserves a closer look is one by itself.
    """
    wanted = {canonical(one.name): one for one in last.wanted}
    there = {package.pin for package in state.installed.packages} if state.installed else set()
    special = [package for package in unasked if _is_special(package, wanted.get(canonical(package.name)))]
    others = tuple(package for package in resolved.packages if not package.direct and package.pin not in there)
    return _question(state, special[:1] or unasked, others, wanted, now)


def pins_there(state: State) -> tuple[str, ...]:
    """What is installed because somebody wanted it."""
    installed = state.installed
    if installed is None or installed.language != language_of(state):
        return ()
    return tuple(sorted(package.pin for package in installed.packages if package.direct))


def _is_special(package: Package, want: Wanted | None) -> bool:
    declared = want is not None and want.declared
    return bool(package.resembles) or package.from_source or package.standing == "approval_required" or not declared


def _about_packages(state: State) -> list[Approval]:
    return [approval for approval in state.approvals if approval.request.topic == "dependency"]


def _brings(approval: Approval, package: Package) -> bool:
    return any(canonical(one.name) == canonical(package.name) for one in approval.request.packages)


def source_question(state: State, package: Package, wanted: Sequence[str]) -> Question:
    """Whether an archive may be built, which runs code of the package with the network on."""
    title = f"{package.name} has no wheel: build it from its source archive?"
    detail = (
        "Building runs the package's own code, in a confined step of its own that may use the network and holds "
        f"nothing of your project.\nIt is needed for: {', '.join(wanted)}.\nAfterwards you are asked whether the "
        "version that was found may be installed."
    )
    if package.resembles:
        detail = f"! The name may be taken for {package.resembles}, which is another package.\n{detail}"
    return Question(f"{SOURCE}{language_of(state)} {package.name}", title, detail, (package,), tuple(wanted))


def permitted(state: State, question: Question) -> bool:
    """Whether a person's earlier answer covers the question: these versions, or any where they said so."""
    return all(_permitted(state, line) for line in question.subject.split("\n"))


def is_safe(request: ApprovalRequested) -> bool:
    """Whether the policy `safe` may allow it: all on the allowlist, and nothing odd about anything that comes along."""
    if request.topic != "dependency" or request.subject.startswith(SOURCE) or not request.packages:
        return False
    odd = any(p.resembles or p.from_source or p.standing in ("blocked", "approval_required") for p in request.packages)
    return not odd and all(p.standing == "allowed" for p in request.packages if p.direct)


def brings_odd(request: ApprovalRequested) -> bool:
    """Whether something comes along that deserves a person's look, which no rule about the others can spare them."""
    odd = ("blocked", "approval_required")
    return any(not p.direct and (p.resembles or p.from_source or p.standing in odd) for p in request.packages)


def asks_for_source(request: ApprovalRequested) -> bool:
    """Whether it is about a source archive, which no policy allows in a person's stead."""
    return request.topic == "dependency" and request.subject.startswith(SOURCE)


def of_packages() -> BlastRadius:
    """An install: a folder that the sandbox can only read, filled over the network."""
    return BlastRadius(paths=("an environment of its own, read-only in the sandbox",), network=True, reversible=True)


def age(released: datetime | None, now: datetime) -> str:
    """How long ago a version was released."""
    if released is None:
        return "age unknown"
    days = max(0, (now - released.astimezone(UTC)).days)
    if days < 60:
        return f"released {days} {'day' if days == 1 else 'days'} ago"
    return f"released {days // 30} months ago" if days < 730 else f"released {days // 365} years ago"


def size(count: int) -> str:
    """Bytes in words."""
    if not count:
        return "size unknown"
    if count < 1024 * 1024:
        return f"{max(1, count // 1024)} KB"
    return f"{count / (1024 * 1024):.1f} MB"


def _question(
    state: State, group: Sequence[Package], others: Sequence[Package], wanted: dict[str, Wanted], now: datetime
) -> Question:
    language = language_of(state)
    subject = "\n".join(f"{language} {package.pin}" for package in group)
    shown = ", ".join(f"{package.name} {package.version}" for package in group[:3])
    more = f" and {len(group) - 3} more" if len(group) > 3 else ""
    title = f"Install {shown}{more}?" if len(group) < 4 else f"Install the project's {len(group)} requirements?"
    lines: list[str] = []
    for package in group[:SHOWN]:
        lines += _lines(package, wanted.get(canonical(package.name)), now)
    if len(group) > SHOWN:
        lines.append(f"and {len(group) - SHOWN} more")
    if others:
        named = ", ".join(f"{package.name} {package.version}" for package in others[:SHOWN])
        rest = f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
        lines.append(f"With {'it' if len(group) == 1 else 'them'} come {len(others)}: {named}{rest}.")
        lines += [f"! {one.name} may be taken for {one.resembles}." for one in others if one.resembles]
    lines.append("Installed by exact version and hash in a step of its own; the tests then run with the network off.")
    names = tuple(package.name for package in group)
    return Question(subject, title, "\n".join(lines), (*group, *others), names)


def _lines(package: Package, want: Wanted | None, now: datetime) -> list[str]:
    facts = (size(package.size_bytes), package.licence or "licence unknown", age(package.released, now))
    lines = [f"{package.name} {package.version}: {', '.join(facts)}; {_STANDINGS[package.standing]}"]
    if want is not None and want.places:
        lines.append(f"  wanted by {', '.join(want.places[:3])}")
    if package.resembles:
        lines.append(f"  ! its name may be taken for {package.resembles}, which is another package")
    if package.released is not None and (now - package.released.astimezone(UTC)).days < YOUNG_DAYS:
        lines.append("  ! this version is very young")
    if package.from_source:
        lines.append("  ! it is built from its source archive, which runs its code")
    if package.has_scripts:
        lines.append("  ! it wants to run a script when it is installed; the script is not run")
    return lines


def _permitted(state: State, line: str) -> bool:
    name = line.rpartition("==")[0]
    for approval in state.approvals:
        answer = approval.answer
        if approval.request.topic != "dependency" or answer is None or answer.decision == "deny":
            continue
        lines = approval.request.subject.split("\n")
        if line in lines:
            return True
        if answer.decision in ("run", "always") and name and any(one.rpartition("==")[0] == name for one in lines):
            return True
    return False
