"""What Miracle needs of this machine, and what is missing: the checks of `miracle doctor` and of the set-up screen."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from miracle_tui.check import Check, Status

if TYPE_CHECKING:
    from config.config import Config
    from sandbox.protocol import Capabilities

OLDEST_PYTHON = (3, 11)
FREE_WARN_BYTES = 2 * 2**30
FREE_FAIL_BYTES = 300 * 2**20
SMALL_TERMINAL = (80, 24)
GIT_S = 10


async def each_check(config: "Config", *, online: bool = False) -> AsyncIterator[Check]:
    """The checks one by one as they are done: the slow ones let the first be read meanwhile.

    Args:
        config: the configuration in force.
        online: whether the model server is asked what it thinks of the key.
    """
    yield check_python()
    yield await asyncio.to_thread(check_git)
    yield await asyncio.to_thread(check_folder, config)
    yield await check_current_folder()
    yield check_disk(config)
    database = await check_database(config)
    yield database
    if database.status == "ok":
        from miracle_tui.memory_check import check_memory

        yield await check_memory(config)
    from miracle_tui.worker_check import check_execution

    yield await check_execution(config)
    for check in await check_sandboxes(config):
        yield check
    yield await asyncio.to_thread(check_node)
    key = await asyncio.to_thread(check_key, config)
    if online and key.status == "ok":
        from miracle_tui.key_check import ask_server

        key = await ask_server(config, key)
    yield key
    yield check_files(config)
    yield check_terminal()


def check_python(version: tuple[int, int, int] = sys.version_info[:3]) -> Check:
    """The Python that runs Miracle."""
    text = ".".join(map(str, version))
    if version[:2] < OLDEST_PYTHON:
        return Check("Python", "fail", f"{text} is too old", "Install Python 3.11 or later, then Miracle into it.")
    return Check("Python", "ok", text)


def check_git() -> Check:
    """The git program."""
    remedy = "Install git with the system's packages: apt install git, dnf install git, brew install git."
    if shutil.which("git") is None:
        return Check("git", "fail", "not found", remedy)
    try:
        said = subprocess.run(["git", "--version"], capture_output=True, text=True, timeout=GIT_S, check=True).stdout
    except (OSError, subprocess.SubprocessError) as exc:
        return Check("git", "fail", f"does not run: {exc}", remedy)
    return Check("git", "ok", said.strip().removeprefix("git version "))


def check_folder(config: "Config") -> Check:
    """The folder for Miracle's files."""
    folder = config.paths.data
    try:
        with tempfile.TemporaryFile(dir=_existing(folder)):
            pass
    except OSError as exc:
        remedy = f"Make it writable (chmod u+rwx {folder}), or set MIRACLE_HOME to another folder."
        return Check("Data folder", "fail", f"{folder}: {exc.strerror or exc}", remedy)
    return Check("Data folder", "ok", str(folder))


async def check_current_folder(given: Path | None = None) -> Check:
    """The current folder, which is the workspace of a run that names no other."""
    from engine.errors import WorkspaceError
    from engine.workspace.inspect import check_workspace

    name = "Workspace directory"
    try:
        folder = given or Path.cwd()
    except FileNotFoundError:
        return Check(name, "fail", "the current folder no longer exists", "Change into a folder that does.")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        remedy = f"chmod u+rwx {folder}, change into a folder of your own, or name one with --workspace."
        return Check(name, "fail", f"{folder}: not writable", remedy)
    if shutil.which("git") is None:
        return Check(name, "ok", str(folder))
    try:
        found = await check_workspace(folder)
    except WorkspaceError as exc:
        return Check(name, "warn", exc.title, exc.hint)
    return Check(name, "ok", found.note or str(folder))


def check_disk(config: "Config") -> Check:
    """The room for databases, worktrees and environments."""
    folder = config.paths.data
    try:
        free = shutil.disk_usage(_existing(folder)).free
    except OSError as exc:
        return Check("Disk", "warn", f"cannot be asked: {exc.strerror or exc}", f"See whether {folder} can be reached.")
    detail = f"{free / 2**30:.1f} GB free"
    remedy = "Free some space, or set MIRACLE_HOME to a folder on another disk."
    if free < FREE_FAIL_BYTES:
        return Check("Disk", "fail", detail, remedy)
    return Check("Disk", "warn", detail, remedy) if free < FREE_WARN_BYTES else Check("Disk", "ok", detail)


async def check_database(config: "Config") -> Check:
    """PostgreSQL with pgvector: the embedded server starts, or the configured one answers."""
    from memory.database import Database
    from memory.errors import MemoryStoreError
    from memory.overview import versions_of
    from miracle_tui.cli import database_server

    try:
        database = await Database.open(config)
    except MemoryStoreError as exc:
        remedy = exc.hint or "Correct DATABASE_URL, or unset it to use the embedded server."
        return Check("PostgreSQL", "fail", exc.title, remedy)
    try:
        versions = await versions_of(database)
        server = database_server.footprint(database)
    except MemoryStoreError as exc:
        return Check("PostgreSQL", "fail", exc.title, exc.hint)
    finally:
        await database.close()
    said = f"{versions['postgresql']}, pgvector {versions['pgvector']} ({database.where})"
    return Check("PostgreSQL", "ok", said + database_server.in_short(server))


async def check_sandboxes(config: "Config") -> list[Check]:
    """Docker and bubblewrap, each by its self-test, and the one that would be used."""
    from sandbox.choose import probe_all

    settings = config.settings.sandbox
    try:
        found = await probe_all(settings, config.paths)
    except OSError as exc:
        remedy = f"Make {config.paths.data} a folder that can be written, or set MIRACLE_HOME to another."
        return [Check("Sandbox", "fail", f"could not be tried: {exc}", remedy)]
    return [*(_backend_check(one, settings.backend) for one in found), choose(found, settings.backend)]


def _backend_check(found: "Capabilities", wanted: str) -> Check:
    name = {"docker": "Docker", "bubblewrap": "bubblewrap"}[found.name]
    if found.usable:
        weak = f"; best effort: {', '.join(found.best_effort)}" if found.best_effort else ""
        weak += f"; no limit: {', '.join(found.missing)}" if found.missing else ""
        limits = {"enforced": found.enforced, "best_effort": found.best_effort, "missing": found.missing}
        return Check(name, "ok", f"{found.detail}; {len(found.enforced)} limits hold{weak}", limits=limits)
    status: Status = "fail" if wanted == found.name else "warn"
    return Check(name, status, found.detail or "not found", found.remedy)


def choose(found: "list[Capabilities]", wanted: str) -> Check:
    """The sandbox that a run would use.

    Args:
        found: what each backend is worth, the preferred one first.
        wanted: `auto`, or the name of the only one that may be used.
    """
    usable = [one.name for one in found if one.usable and wanted in ("auto", one.name)]
    if usable:
        return Check("Sandbox", "ok", f"runs use {usable[0]}" + ("" if wanted == "auto" else " (as configured)"))
    if wanted != "auto":
        remedy = f"Make {wanted} work, or set sandbox.backend to auto."
        return Check("Sandbox", "fail", f"{wanted} is configured, and it does not work here", remedy)
    return Check(
        "Sandbox",
        "fail",
        "nothing here can isolate code, so nothing will be run",
        "Install bubblewrap or start Docker; `miracle doctor --fix` tries both.",
    )


def check_node() -> Check:
    """Node.js, for projects that are written for it."""
    from sandbox.interpreters import find_node

    found = find_node()
    if found is None:
        remedy = "Install nodejs 18 or later with the system's packages if you want to work on Node.js projects."
        return Check("Node.js", "warn", "not found; only Node.js projects need it", remedy)
    return Check("Node.js", "ok", f"{found.version[0]}.{found.version[1]} ({found.executable})")


def check_key(config: "Config") -> Check:
    """The API key: that there is one and where it comes from."""
    from config.openai import Api
    from config.secrets import api_key

    server = config.openai.api.base_url
    key = api_key(config)
    if key:
        source = (
            config.sources.get("openai.api.key", "configuration") if config.openai.api.key else "the system's keyring"
        )
        unasked = "not checked; `miracle doctor --online` asks the server"
        return Check("API key", "ok", f"{masked(key)} from {source}, for {server} ({unasked})")
    if server.rstrip("/") != Api().base_url:
        return Check("API key", "ok", f"none; {server} may not want one")
    remedy = (
        f"export OPENAI_API_KEY=…, or write OPENAI_API_KEY=… into {config.paths.config / '.env'}. "
        "Without a key: miracle demo."
    )
    return Check("API key", "fail", "not set", remedy)


def masked(secret: str) -> str:
    """A secret that its owner recognises and nobody can use: `sk-…ABCD`."""
    if len(secret) < 12:
        return "…"
    return f"{'sk-' if secret.startswith('sk-') else ''}…{secret[-4:]}"


def check_files(config: "Config") -> Check:
    """The person's own configuration files; they are valid, or there would be no configuration."""
    from config.documents import FILES

    own = [name for name in (*FILES.values(), ".env") if (config.paths.config / name).is_file()]
    where = str(config.paths.config)
    return Check(
        "Configuration", "ok", f"{', '.join(own)} in {where}" if own else f"defaults; your own files go to {where}"
    )


def check_terminal() -> Check:
    """The terminal's size and colours."""
    if not sys.stdout.isatty():
        return Check("Terminal", "ok", "none; commands print text")
    size = shutil.get_terminal_size()
    detail = f"{size.columns}x{size.lines}, TERM={os.environ.get('TERM', '')}"
    if os.environ.get("COLORTERM") in ("truecolor", "24bit"):
        detail += ", 16 million colours"
    if os.environ.get("TERM") in (None, "", "dumb"):
        return Check(
            "Terminal", "warn", f"{detail}: no colours, and the app cannot draw", "Set TERM, as xterm-256color."
        )
    if size.columns < SMALL_TERMINAL[0] or size.lines < SMALL_TERMINAL[1]:
        return Check(
            "Terminal", "warn", f"{detail} is small", "The app is made for 80x24 and more: enlarge the window."
        )
    return Check("Terminal", "ok", detail)


def broken_configuration(title: str, hint: str) -> Check:
    """The check of configuration files that cannot be read."""
    return Check("Configuration", "fail", title, hint)


def _existing(path: Path) -> Path:
    """The nearest folder that exists, the path itself included."""
    return next(parent for parent in (path, *path.parents) if parent.exists())
