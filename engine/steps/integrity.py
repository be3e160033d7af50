"""The steps that judge the tests themselves: the ledger, the new tests on their phase's base, and mutants."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from dataclasses import replace as changed
from pathlib import Path

from engine import commands as c
from engine.decide_integrity import base_of, compared_from
from engine.gates.acceptance import acceptance_files
from engine.gates.javascript_tests import javascript_tests
from engine.gates.ledger import TestFacts, TestInventory, gained, highest, losses, lost_cases
from engine.gates.mutants import Edit, changed_lines, mutants_of, spread
from engine.gates.python_tests import python_tests
from engine.gates.red_then_green import imports_new, introduced_names, judge
from engine.gates.runner_settings import COMMAND_FILES, SETTINGS_FILES, runner_settings, settings_losses
from engine.integrity_events import MutantsTried, RedFirst, TestLoss, TestOnBase, TestsCompared
from engine.run_context import RunContext
from engine.state import Iteration, State
from engine.steps.check import environment, language_of, suite_of
from engine.workspace.blobs import read_blobs
from engine.workspace.checkpoint import checkout_clean, tree_of
from engine.workspace.prepared import Prepared
from engine.workspace.testfiles import is_test_file
from engine.workspace.trees import Entry, files_of, tree_with
from sandbox.errors import BackendLost
from sandbox.mutation import MutationRequest, try_mutants_in
from sandbox.protocol import Limits
from sandbox.removal import remove_tree
from sandbox.report import TestReport
from sandbox.testing import TestRequest, run_tests

SCRIPTS = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx")
LEAST_S, TIMES_LONGER = 30.0, 5
"""Seconds, and times what the tests took, after which they are stopped on the base."""
_LOST = "Run `miracle doctor`, then resume the run: the step is done again."
_AT_ONCE = "not run there: the project's own test command runs all tests or none"
_NOTHING_NEW = "no test is new"


@dataclass(frozen=True)
class Seen:
    """The test files of a commit, read: what they hold to, and the settings that decide what is collected."""

    tests: TestInventory
    settings: Mapping[str, Mapping[str, str]]
    files: Mapping[str, Entry]
    accepting: frozenset[str] = frozenset()
    """Files that the person's acceptance command runs."""

    @property
    def is_measure(self) -> bool:
        """Whether there are tests, or settings of a runner, that later ones can be less than."""
        return any(map(is_test_file, self.files)) or any(self.settings.values()) or bool(self.tests)


@dataclass(frozen=True)
class _Chosen:
    """Which files besides those with a test's name are looked at."""

    tests: frozenset[str]
    """Files that tests were reported of."""
    command: bool
    """Whether the project's tests are run by a command of its own."""
    accepting: Callable[[Collection[str]], frozenset[str]]
    """Of some files, those that the acceptance command runs."""

    def is_test(self, path: str) -> bool:
        """Whether a file holds tests."""
        return path in self.tests or is_test_file(path)

    def is_settings(self, path: str) -> bool:
        """Whether a file may decide which tests are run."""
        return path in SETTINGS_FILES or (self.command and bool(COMMAND_FILES.fullmatch(path)))


async def compare_tests(run: RunContext, command: c.CompareTests) -> None:
    """Compare the tests of the newest checkpoint with the most that they held to since the phase began."""
    state = run.state.focused(command.phase_id)
    last = state.iteration_of(command.phase_id)
    if last is None:
        return
    prepared = run.prepared(command.phase_id)
    base, since = compared_from(state, command.phase_id)
    newest = last.commit or base
    ran = _ran_before(state, last)
    reported = _files_of(ran) | _files_of(_outcomes(last.report))
    own_command = suite_of(run)[0] not in ("pytest", "node")
    chosen = _Chosen(reported, own_command, acceptance_files(state))
    *before, now = await _read(prepared, tuple(dict.fromkeys([base, *since, newest])) if newest else (), chosen)
    found = await asyncio.to_thread(lost_between, before or [now], now)
    found += lost_cases(ran, _outcomes(last.report), found)
    new = gained(highest([one.tests for one in before]), now.tests) if before else 0
    event = TestsCompared(
        phase_id=command.phase_id, number=command.number, base=base, commit=newest, losses=found, gained=new
    )
    await run.log.append(event)


def lost_between(before: list[Seen], now: Seen) -> tuple[TestLoss, ...]:
    """What the newest of some commits holds to less than the others, the phase's base first."""
    tests = {path for seen in before for path in seen.files if is_test_file(path)}
    tests |= {name.split("::", 1)[0].split(" > ", 1)[0] for seen in before for name in seen.tests}
    found = losses(highest([seen.tests for seen in before]), now.tests, guarded=bool(tests))
    found += _acceptance_changed(before[0], now)
    first = next((seen for seen in before if seen.is_measure), None)
    if first is not None:
        for path in sorted({path for seen in (first, now) for path in seen.settings}):
            found += settings_losses(first.settings.get(path, {}), now.settings.get(path, {}), path, tests)
    return found


def _acceptance_changed(before: Seen, now: Seen) -> tuple[TestLoss, ...]:
    """Files of the person that their acceptance command runs, and that are other than they were."""
    changed_files = (path for path in sorted(before.accepting) if before.files.get(path) != now.files.get(path))
    detail = "was changed, and the acceptance command runs it"
    return tuple(TestLoss(kind="settings", path=path, detail=detail) for path in changed_files)


def _files_of(outcomes: Mapping[str, str]) -> frozenset[str]:
    """The files that a test run reported tests of, whatever they are called."""
    return frozenset(case.split("::", 1)[0].split(" > ", 1)[0] for case in outcomes)


def _outcomes(report: TestReport | None) -> dict[str, str]:
    return {case.id: case.outcome for case in report.cases} if report else {}


def _ran_before(state: State, last: Iteration) -> dict[str, str]:
    """What the newest complete test run before this one reported: of the phase, else of what it is built on."""
    for one in reversed(state.iterations):
        report = one.report
        if one is last or report is None or report.reason not in ("ok", "failed") or one.conflict:
            continue
        if one.ledger is not None or not any(case.outcome == "error" for case in report.cases):
            return _outcomes(report)
    return {}


async def _read(prepared: Prepared, commits: tuple[str, ...], chosen: _Chosen) -> list[Seen]:
    """The test files of some commits, and settings; tests that are the same in all of them are not parsed."""
    listed = [await files_of(prepared, commit) for commit in commits]
    paths = {path for files in listed for path in files if chosen.is_test(path) or chosen.is_settings(path)}
    differing = {
        path
        for path in paths
        if len({files.get(path) for files in listed}) > 1 or len(listed) == 1 or chosen.is_settings(path)
    }
    blobs = await read_blobs(
        prepared.store, {files[path][1] for files in listed for path in differing if path in files}
    )
    return await asyncio.to_thread(_parse, listed, sorted(differing), blobs, chosen)


def _parse(listed: list[dict[str, Entry]], paths: list[str], blobs: Mapping[str, bytes], chosen: _Chosen) -> list[Seen]:
    seen = []
    for files in listed:
        tests: dict[str, TestFacts] = {}
        settings = {}
        for path in paths:
            source = blobs.get(files[path][1]) if path in files else None
            if source is None:
                continue
            if chosen.is_settings(path):
                settings[path] = runner_settings(path, source.decode("utf-8", "replace"))
            if chosen.is_test(path):
                tests |= inventory_of(path, source)
        seen.append(Seen(tests, settings, files, chosen.accepting(files)))
    return seen


def inventory_of(path: str, source: bytes) -> TestInventory:
    """What a test file holds to; nothing for a file that is neither Python nor JavaScript."""
    if path.endswith(".py"):
        return python_tests(path, source).tests
    return javascript_tests(path, source).tests if path.endswith(SCRIPTS) else {}


async def try_on_base(run: RunContext, command: c.TryOnBase) -> None:
    """Run the phase's new tests on the commit that it began from: each has to fail there."""
    state = run.state.focused(command.phase_id)
    prepared = run.prepared(command.phase_id)
    last, phase = state.iteration_of(command.phase_id), state.phase_by(command.phase_id)
    base = base_of(state, command.phase_id)
    if last is None or phase is None or not base or not last.commit:
        return
    before, now = await files_of(prepared, base), await files_of(prepared, last.commit)
    added = {path: entry for path, entry in now.items() if is_test_file(path) and before.get(path) != entry}
    tree = await tree_of(prepared, base)
    digest = hashlib.sha256(repr(sorted(added.items())).encode()).hexdigest()
    about = {"phase_id": command.phase_id, "number": command.number, "base": tree, "tests_hash": digest}
    for one in state.iterations_of(command.phase_id):
        known = one.red_first
        if known is not None and (known.base, known.tests_hash) == (tree, digest):
            await run.log.append(known.model_copy(update=about))
            return
    sources = await _sources(prepared, before, now)
    names = await asyncio.to_thread(introduced_names, sources.before, sources.now)
    new = await _new_tests(prepared, before, {path: now[path] for path in phase.test_files if path in added})
    brought = {path for path in sources.now if path not in before}
    results, left = await _known_without_running(prepared, new, added, brought, before)
    event = RedFirst.model_validate(about | {"results": results, "note": _note(run, command.phase_id, new, left)})
    if left and not event.note:
        event = await _run_on_base(run, prepared, last, event, added, left, names)
    await run.log.append(event)


def _note(run: RunContext, phase_id: str, new: Mapping[str, frozenset[str]], left: Mapping[str, frozenset[str]]) -> str:
    if not any(new.values()):
        return _NOTHING_NEW
    return _AT_ONCE if left and suite_of(run, phase_id)[0] == "command" else ""


async def _run_on_base(
    run: RunContext,
    prepared: Prepared,
    last: Iteration,
    event: RedFirst,
    added: Mapping[str, Entry],
    left: Mapping[str, frozenset[str]],
    names: frozenset[str],
) -> RedFirst:
    tree = await tree_with(prepared, event.base, added)
    name = run.sandbox_name(event.phase_id, "base")
    kind, command_line = suite_of(run, event.phase_id)
    options = ("--tb=long", "--maxfail=0", "--verbosity=0") if kind == "pytest" else ()
    seconds = max(LEAST_S, TIMES_LONGER * (last.report.duration_s if last.report else 0))
    limits = run.limits()
    async with _checkout(run, prepared, tree, name) as folder:
        backend = await run.backend()
        request = TestRequest(
            run_id=name,
            workspace=folder,
            language=language_of(run),
            kind=kind,
            selection=(*options, *sorted(left)),
            command=command_line,
            limits=changed(limits, timeout_s=min(limits.timeout_s, seconds)),
            env=await environment(run),
        )
        report = await run_tests(backend, request, lambda event: None)
    if report.reason in ("backend_lost", "cancelled"):
        raise BackendLost("The sandbox was lost while the new tests ran on their base", _LOST)
    tests = frozenset(test for group in left.values() for test in group)
    judged = judge(tests, report.cases, names, ended=report.reason != "timeout")
    shown = tuple(one.model_copy(update={"detail": run.redact(one.detail)}) for one in judged)
    return event.model_copy(update={"results": (*event.results, *shown), "duration_s": report.duration_s})


@asynccontextmanager
async def _checkout(run: RunContext, prepared: Prepared, tree: str, name: str) -> AsyncIterator[Path]:
    """A folder with a tree's files, for as long as it is needed."""
    folder = run.config.paths.worktrees / name
    remove_tree(folder)
    await checkout_clean(prepared, tree, folder)
    try:
        yield folder
    finally:
        remove_tree(folder)


@dataclass(frozen=True)
class _Sources:
    """The source files that a phase changed, tests left out, before and after."""

    before: dict[str, bytes]
    now: dict[str, bytes]


async def _sources(prepared: Prepared, before: Mapping[str, Entry], now: Mapping[str, Entry]) -> _Sources:
    endings = (".py", *SCRIPTS)
    differing = [path for path, entry in now.items() if before.get(path) != entry and not is_test_file(path)]
    code = [path for path in differing if path.endswith(endings)]
    named = {files[path][1] for files in (before, now) for path in code if path in files}
    blobs = await read_blobs(prepared.store, named)
    return _Sources(
        {path: blobs.get(before[path][1], b"") for path in code if path in before},
        {path: blobs.get(now[path][1], b"") for path in code} | {path: b"" for path in differing if path not in code},
    )


async def _new_tests(
    prepared: Prepared, before: Mapping[str, Entry], files: Mapping[str, Entry]
) -> dict[str, frozenset[str]]:
    """The tests of each file that the phase's base does not have."""
    named = {entry[1] for path, entry in files.items()} | {before[path][1] for path in files if path in before}
    blobs = await read_blobs(prepared.store, named)
    found = {}
    for path, (_, name) in files.items():
        old = inventory_of(path, blobs.get(before[path][1], b"")) if path in before else {}
        mine = inventory_of(path, blobs.get(name, b""))
        found[path] = frozenset(test for test, facts in mine.items() if facts.role == "test" and test not in old)
    return found


async def _known_without_running(
    prepared: Prepared,
    new: Mapping[str, frozenset[str]],
    files: Mapping[str, Entry],
    brought: set[str],
    before: Mapping[str, Entry],
) -> tuple[tuple[TestOnBase, ...], dict[str, frozenset[str]]]:
    """Results of tests whose file cannot be read on the base, and the tests that have to be run."""
    blobs = await read_blobs(prepared.store, {files[path][1] for path, tests in new.items() if tests})
    known: list[TestOnBase] = []
    left = {}
    for path, tests in new.items():
        module = imports_new(blobs.get(files[path][1], b""), brought, before) if path.endswith(".py") else ""
        if module:
            detail = f"not comparable: the module {module} is new"
            known += [TestOnBase(test=test, verdict="new", detail=detail) for test in sorted(tests)]
        elif tests:
            left[path] = tests
    return tuple(known), left


async def try_mutants(run: RunContext, command: c.TryMutants) -> None:
    """Put small faults into the lines that the phase changed, one at a time, and run the tests on each of them."""
    state = run.state.focused(command.phase_id)
    last, task = state.iteration_of(command.phase_id), state.task
    base = base_of(state, command.phase_id)
    if last is None or task is None or not base or not last.commit:
        return
    prepared = run.prepared(command.phase_id)
    before, now = await files_of(prepared, base), await files_of(prepared, last.commit)
    sources = await _sources(prepared, before, now)
    edits = spread(await asyncio.to_thread(_edits, sources), task.mutants)
    event = MutantsTried(phase_id=command.phase_id, number=command.number, commit=last.commit)
    if edits:
        event = await _run_mutants(run, prepared, last, event, edits, sources)
    await run.log.append(event)


def _edits(sources: _Sources) -> list[Edit]:
    found: list[Edit] = []
    for path, source in sorted(sources.now.items()):
        found += mutants_of(path, source, changed_lines(sources.before.get(path, b""), source))
    return found


async def _run_mutants(
    run: RunContext, prepared: Prepared, last: Iteration, event: MutantsTried, edits: list[Edit], sources: _Sources
) -> MutantsTried:
    name, (kind, command_line) = run.sandbox_name(event.phase_id, "mutants"), suite_of(run, event.phase_id)
    took = last.report.duration_s if last.report else 0.0
    async with _checkout(run, prepared, event.commit, name) as folder:
        backend = await run.backend()
        request = MutationRequest(
            run_id=name,
            workspace=folder,
            language=language_of(run),
            kind=kind,
            command=command_line,
            env=await environment(run),
            limits=run.limits() or Limits(),
            each_s=max(5.0, TIMES_LONGER * took),
            files=tuple((edit.path, edit.applied(sources.now[edit.path])) for edit in edits),
        )
        outcome = await try_mutants_in(backend, request)
    if outcome.lost:
        raise BackendLost("The sandbox was lost while mutants were tried", _LOST)
    tried = [(edit, caught) for edit, caught in zip(edits, outcome.caught, strict=False) if caught is not None]
    return event.model_copy(
        update={
            "tried": len(tried),
            "caught": sum(bool(caught) for _, caught in tried),
            "survivors": tuple(edit.mutant for edit, caught in tried if not caught),
            "note": outcome.note,
            "duration_s": outcome.duration_s,
        }
    )
