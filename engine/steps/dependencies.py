"""The steps that give a run the packages it needs: see what is missing, look it up, install what was allowed."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from engine import commands as c
from engine.decide_dependencies import allowed_sources
from engine.dependency_events import DependenciesFound, DependenciesInstalled, DependenciesResolved
from engine.gates.dependencies import language_of, pins_there, undecided
from engine.run_context import RunContext
from engine.state import State
from sandbox.environments import TEST_PINS
from sandbox.errors import EnvironmentFailed
from sandbox.packages.held import held_by
from sandbox.packages.imports import missing_in
from sandbox.packages.missing import missing
from sandbox.packages.policy import standing_of
from sandbox.packages.requirements import lock_of, manifest_of
from sandbox.packages.resolve_node import resolve_node
from sandbox.packages.resolve_python import resolve_python
from sandbox.packages.values import Refusal, Resolution, Wanted, canonical
from sandbox.protocol import Env, EnvSpec, Language
from sandbox.report import TestReport

LOOKING = "looking the packages up"
INSTALLING = "installing the packages that were allowed"
OFFLINE = "sandbox.allow_network_after_approval is off, so nothing can be installed."
NOTHING = "Nothing has to be installed for it."
BROUGHT = "It brings {name}, which allowed_deps.json blocks."


@dataclass(frozen=True)
class Place:
    """Where packages are looked for: an iteration of a phase."""

    phase_id: str
    number: int


def environment_spec(state: State) -> EnvSpec:
    """The environment of the run's tests: the tools, and what was installed for it."""
    language, installed = language_of(state), state.installed
    if installed is None or installed.language != language:
        return EnvSpec(language)
    return EnvSpec(language, lock=installed.lock, sources=installed.sources)


async def found_missing(
    run: RunContext, place: Place, files: Sequence[str], env: Env, report: TestReport | None = None
) -> tuple[DependenciesFound, ...]:
    """The event that says what a worktree needs and its environment does not hold; none when it holds all.

    Args:
        run: the run.
        place: the iteration.
        files: those whose imports are looked at.
        env: what is there.
        report: of a test run that may have missed modules.
    """
    language = language_of(run.state)
    failed = missing_in(_said(report), language) if report is not None and not report.green else ()
    if report is not None and not failed:
        return ()
    rules = getattr(run.config.dependencies, language)
    root = run.prepared(place.phase_id).worktree
    held = await asyncio.to_thread(held_by, env)
    seen = await asyncio.to_thread(missing, root, files, language, held, rules, failed)
    last = run.state.iteration_numbered(place.number)
    known = {canonical(one.name) for one in last.wanted} if last else set()
    new = tuple(one for one in seen if canonical(one.name) not in known)
    return (DependenciesFound(phase_id=place.phase_id, number=place.number, wanted=new),) if new else ()


async def resolve_dependencies(run: RunContext, command: c.ResolveDependencies) -> None:
    """Find out what would be installed, and append it."""
    state = run.state
    last = state.iteration_numbered(command.number)
    if last is None:
        return
    wanted, sources = undecided(state, last), allowed_sources(state)
    if run.config.settings.sandbox.allow_network_after_approval:
        run.notice(f"{LOOKING}: {', '.join(one.name for one in wanted)}")
        found = await _resolved(run, command.phase_id, (*_installed(state), *wanted), sources)
    else:
        found = Resolution(refused=tuple(Refusal(name=one.name, reason=OFFLINE) for one in wanted))
    if found.unreachable:
        raise EnvironmentFailed(found.unreachable, "Check the network, then resume the run.")
    found = _complete(_judged(run, found), wanted)
    if blocked := _blocked(found):
        found = await _without_bringers(run, command.phase_id, found, wanted, blocked)
    await run.log.append(
        DependenciesResolved(
            phase_id=command.phase_id,
            number=command.number,
            wanted=tuple(one.name for one in wanted),
            sources=sources,
            beside=pins_there(state),
            packages=found.packages,
            lock=found.lock,
            refused=found.refused,
        )
    )


async def install_dependencies(run: RunContext, command: c.InstallDependencies) -> None:
    """Make the environment with what was allowed, and append what it holds."""
    state = run.state
    last = state.iteration_numbered(command.number)
    if last is None or last.resolved is None:
        return
    language, resolved = language_of(state), last.resolved
    built = {package.name for package in resolved.packages if package.from_source}
    sources = tuple(name for name in resolved.sources if name in built)
    run.notice(f"{INSTALLING}: {', '.join(package.name for package in resolved.packages[:20])}")
    backend = await run.backend()
    env = await backend.prepare(EnvSpec(language, lock=resolved.lock, sources=sources))
    if run.state.installed is not state.installed:
        # Another phase was quicker; what it brought has to be in this one's environment as well.
        return
    await run.log.append(
        DependenciesInstalled(
            phase_id=command.phase_id,
            number=command.number,
            language=language,
            packages=resolved.packages,
            lock=resolved.lock,
            sources=sources,
            fingerprint=env.fingerprint,
        )
    )


async def _resolved(run: RunContext, phase_id: str, wanted: tuple[Wanted, ...], sources: tuple[str, ...]) -> Resolution:
    cache, root = run.config.paths.cache, run.prepared(phase_id).worktree
    if language_of(run.state) == "node":
        manifest, lock = manifest_of(root), lock_of(root)
        return await asyncio.to_thread(resolve_node, wanted, cache, manifest=manifest, lock=lock)
    backend = await run.backend()
    env = await backend.prepare(EnvSpec("python"))
    python = await asyncio.to_thread(_version_for, env)
    beside = tuple(pin.partition("==")[0] for pin in TEST_PINS)
    return await asyncio.to_thread(resolve_python, wanted, cache, python=python, beside=beside, from_source=sources)


def _version_for(env: Env) -> tuple[int, int]:
    """The Python that an environment was made for."""
    from sandbox.interpreters import find_python

    return env.python or find_python().version


def _installed(state: State) -> tuple[Wanted, ...]:
    """What is installed stays, in its version."""
    installed = state.installed
    if installed is None or installed.language != language_of(state):
        return ()
    between = "@" if installed.language == "node" else "=="
    return tuple(
        Wanted(name=package.name, requirement=f"{package.name}{between}{package.version}")
        for package in installed.packages
        if package.direct
    )


def _judged(run: RunContext, found: Resolution) -> Resolution:
    """The resolution with what the lists say of each package."""
    language: Language = language_of(run.state)
    rules = getattr(run.config.dependencies, language)
    packages = tuple(
        package.model_copy(update={"standing": standing_of(package.name, language, rules)})
        for package in found.packages
    )
    return found.model_copy(update={"packages": packages})


def _blocked(found: Resolution) -> str:
    """A package that comes along and is blocked; empty where there is none."""
    return next((package.name for package in found.packages if package.standing == "blocked"), "")


async def _without_bringers(
    run: RunContext, phase_id: str, found: Resolution, wanted: Sequence[Wanted], blocked: str
) -> Resolution:
    """Refuse those of the wanted that bring a blocked package; the others are looked up again without them."""
    told = {canonical(one.name) for one in found.refused}
    left = [one for one in wanted if canonical(one.name) not in told]
    bringers: list[Refusal] = []
    for one in left:
        alone = found if len(left) == 1 else _judged(run, await _resolved(run, phase_id, (one,), ()))
        if name := _blocked(alone):
            bringers.append(Refusal(name=one.name, reason=BROUGHT.format(name=name)))
    together = [Refusal(name=one.name, reason=BROUGHT.format(name=blocked)) for one in left]
    return Resolution(refused=(*found.refused, *(bringers or together)))


def _complete(found: Resolution, wanted: Sequence[Wanted]) -> Resolution:
    """The resolution with an answer for everything that was wanted."""
    if any(package.from_source and not package.version for package in found.packages):
        return found
    told = {canonical(one.name) for one in found.packages} | {canonical(one.name) for one in found.refused}
    lost = (Refusal(name=one.name, reason=NOTHING) for one in wanted if canonical(one.name) not in told)
    return found.model_copy(update={"refused": (*found.refused, *lost)})


def _said(report: TestReport | None) -> list[str]:
    return [report.output, *(case.message for case in report.cases if case.message)] if report else []
