"""What would be installed for Python: pinned and hashed by uv, in a step of its own that runs nothing of a package."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sandbox.errors import EnvironmentFailed
from sandbox.identity import reachable
from sandbox.install_step import Said, reachable_program, run_step
from sandbox.interpreters import find_python
from sandbox.packages.archive_facts import ArchiveFacts, facts_of
from sandbox.packages.lookalike import resembled
from sandbox.packages.values import Package, Refusal, Resolution, Wanted, canonical
from sandbox.scratch import STEP, scratch, sweep

PYLOCK = "pylock.toml"
UNREACHABLE = ("Failed to fetch", "error sending request", "dns error", "Request failed", "client error (Connect)")
HINT = "Check the network and the package index (UV_DEFAULT_INDEX), then resume the run."
_WHEELS = re.compile(r"Wheels are required for `([^`]+)`")
_CAUSE = re.compile(r"(?:cause|error): (.+)", re.DOTALL)


def resolve_python(
    wanted: Sequence[Wanted],
    folder: Path,
    *,
    python: tuple[int, int],
    beside: Iterable[str] = (),
    from_source: Iterable[str] = (),
) -> Resolution:
    """Find versions that fit together, with every archive's hash.

    Args:
        wanted: packages, with the versions they may have.
        folder: of the installer's caches and of what it works on.
        python: version of the sandbox's Python.
        beside: distributions that every environment holds; they are left out.
        from_source: distributions that a person lets be built from their source archive.

    Raises:
        EnvironmentFailed: the installer cannot be started, or may not build where it cannot be confined.
    """
    said, locked = _compile(wanted, folder, python, from_source)
    if said.ok:
        return _resolution(
            wanted, locked, folder, frozenset(map(canonical, beside)), frozenset(map(canonical, from_source))
        )
    if any(sign in said.text for sign in UNREACHABLE):
        return Resolution(unreachable=f"The package index cannot be reached: {_why(said.text)}")
    if source := _WHEELS.search(said.text):
        name = source[1]
        needs = Package(name=name, version="", from_source=True, direct=_is_wanted(name, wanted),
                        resembles=resembled(name, "python"))  # fmt: skip
        return Resolution(packages=(needs,))
    if len(wanted) == 1:
        return Resolution(refused=(Refusal(name=wanted[0].name, reason=_why(said.text)),))
    return _without_the_impossible(wanted, folder, python, beside, from_source, _why(said.text))


def uv_step(
    arguments: Sequence[str | Path], folder: Path, work: Path, *, builds: bool = False, network: bool = True
) -> Said:
    """Run uv in the installing step.

    Args:
        arguments: of uv.
        folder: of the caches.
        work: where it works and what it may write.
        builds: it may run what a source archive brings: then it is confined, and its cache is thrown away.
        network: whether it may use the network.
    """
    from uv import find_uv_bin

    cache = work / ".cache" if builds else folder / "install"
    uv = reachable_program(Path(find_uv_bin()), folder / "install")
    own = {"UV_CACHE_DIR": str(cache / "uv"), "UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never"}
    command = (uv, *arguments, "--python", str(find_python().executable))

    def run(more: dict[str, str]) -> Said:
        return run_step(command, work, cache, readable=(uv,), variables={**own, **more}, must_confine=builds,
                        network=network)  # fmt: skip

    said = run({})
    if not said.ok and "certificate" in said.text:
        # Where a proxy signs for the index, only the system knows its certificate.
        said = run({"UV_SYSTEM_CERTS": "1"})
    return said


@contextmanager
def working_folder(folder: Path) -> Iterator[Path]:
    """A folder for one step, gone after it, and with it what steps that were killed have left.

    Raises:
        EnvironmentFailed: the sandbox's user cannot get to it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sweep(STEP, folder)
    with scratch(STEP, folder) as work:
        work.chmod(0o755)
        if not reachable(work):
            raise EnvironmentFailed(
                f"The sandbox's user cannot reach {folder}.", "Move Miracle's folders: set MIRACLE_HOME."
            )
        yield work


def _compile(
    wanted: Sequence[Wanted], folder: Path, python: tuple[int, int], from_source: Iterable[str]
) -> tuple[Said, dict[str, Any]]:
    sources = tuple(from_source)
    with working_folder(folder) as work:
        (work / "wanted.in").write_text("".join(f"{one.requirement or one.name}\n" for one in wanted))
        arguments = ["pip", "compile", "wanted.in", "--quiet", "--format", "pylock.toml", "-o", PYLOCK,
                     "--python-version", f"{python[0]}.{python[1]}", "--only-binary", ":all:"]  # fmt: skip
        for name in sources:
            arguments += ["--no-binary", name]
        said = uv_step(arguments, folder, work, builds=bool(sources))
        return said, tomllib.loads((work / PYLOCK).read_text("utf-8")) if said.ok else {}


def _resolution(
    wanted: Sequence[Wanted], locked: dict[str, Any], folder: Path, beside: frozenset[str], sources: frozenset[str]
) -> Resolution:
    entries = [one for one in locked.get("packages", ()) if canonical(one["name"]) not in beside]
    chosen = [(one, _archive(one, from_source=canonical(one["name"]) in sources)) for one in entries]
    with working_folder(folder) as work:
        facts = facts_of([archive for _, archive in chosen], work, folder / "install")
    packages = tuple(
        _package(one, fact, wanted, from_source=canonical(one["name"]) in sources)
        for (one, _), fact in zip(chosen, facts, strict=True)
    )
    lines = [_requirement(one, from_source=canonical(one["name"]) in sources) for one in entries]
    there = {canonical(one["name"]) for one in locked.get("packages", ())}
    needless = tuple(
        Refusal(name=one.name, reason="It is not needed on this Python and system.")
        for one in wanted
        if canonical(one.name) not in there
    )
    return Resolution(packages=packages, lock="".join(f"{line}\n" for line in sorted(lines)), refused=needless)


def _package(entry: dict[str, Any], facts: ArchiveFacts, wanted: Sequence[Wanted], *, from_source: bool) -> Package:
    name = str(entry["name"])
    return Package(
        name=name,
        version=str(entry.get("version", "")),
        direct=_is_wanted(name, wanted),
        size_bytes=facts.size_bytes,
        licence=facts.licence,
        released=facts.released,
        resembles=resembled(name, "python"),
        from_source=from_source,
    )


def _requirement(entry: dict[str, Any], *, from_source: bool) -> str:
    """One line for the installer; only the hashes of archives that it may take."""
    archives = [entry["sdist"]] if from_source and "sdist" in entry else entry.get("wheels", ())
    hashes = " ".join(f"--hash=sha256:{one['hashes']['sha256']}" for one in archives if "sha256" in one["hashes"])
    return f"{entry['name']}=={entry['version']} {hashes}"


def _archive(entry: dict[str, Any], *, from_source: bool) -> dict[str, Any]:
    """The archive that will most likely be taken: what runs anywhere, else the first."""
    if from_source:
        return dict(entry.get("sdist", {}))
    wheels = [dict(wheel) for wheel in entry.get("wheels", ())]
    anywhere = [wheel for wheel in wheels if str(wheel.get("url", "")).endswith("-none-any.whl")]
    here = [wheel for wheel in wheels if "manylinux" in str(wheel.get("url", "")) and "x86_64" in str(wheel["url"])]
    return next(iter((*anywhere, *here, *wheels)), {})


def _is_wanted(name: str, wanted: Sequence[Wanted]) -> bool:
    return canonical(name) in {canonical(one.name) for one in wanted}


def _without_the_impossible(
    wanted: Sequence[Wanted],
    folder: Path,
    python: tuple[int, int],
    beside: Iterable[str],
    from_source: Iterable[str],
    why: str,
) -> Resolution:
    """Resolve without those that cannot be had even alone; where each can, they do not fit together."""
    impossible = []
    for one in wanted:
        said, _ = _compile((one,), folder, python, from_source)
        if not said.ok and not _WHEELS.search(said.text):
            impossible.append(Refusal(name=one.name, reason=_why(said.text)))
    if not impossible:
        return Resolution(refused=tuple(Refusal(name=one.name, reason=why) for one in wanted))
    names = {refusal.name for refusal in impossible}
    rest = [one for one in wanted if one.name not in names]
    if not rest:
        return Resolution(refused=tuple(impossible))
    found = resolve_python(rest, folder, python=python, beside=beside, from_source=from_source)
    return found.model_copy(update={"refused": (*impossible, *found.refused)})


def _why(text: str) -> str:
    match = _CAUSE.search(text)
    return " ".join((match[1] if match else text).split("hint:")[0].split())[:400]
