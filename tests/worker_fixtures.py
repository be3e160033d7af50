"""Machines for workers: three network namespaces around one PostgreSQL that listens on their bridge; needs root."""

import asyncio
import inspect
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from engine.engine import Engine
from engine.llm.choose import make_model
from memory.cluster import find_installation, reachable, server_account
from memory.queue_schema import SCHEMA
from tests.engine_fixtures import engine_config
from tests.sandbox_fixtures import cache_root

MACHINES = ("a", "b", "c")
START_S = 60.0
QUEUED = {"settings.orchestrator.execution": "queue", "settings.memory.embedder": "offline"}


def run(*command: str) -> None:
    """Run a command of the system."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"


@dataclass
class Net:
    """A bridge of this machine, and a namespace on each of its ports."""

    key: int = field(default_factory=os.getpid)

    @property
    def address(self) -> str:
        """This machine's address on the bridge."""
        return f"10.{64 + self.key % 128}.{self.key // 128 % 256}.1"

    @property
    def bridge(self) -> str:
        """The bridge's name."""
        return f"mb{self.key % 10**8}"

    def port(self, machine: str) -> str:
        """The name of a machine's cable."""
        return f"mp{self.key % 10**8}{machine}"

    def namespace(self, machine: str) -> str:
        """The name of a machine's namespace."""
        return f"miracle-{self.key}-{machine}"

    def make(self) -> None:
        """Lay the cables."""
        run("ip", "link", "add", self.bridge, "type", "bridge")
        run("ip", "addr", "add", f"{self.address}/24", "dev", self.bridge)
        run("ip", "link", "set", self.bridge, "up")
        for place, machine in enumerate(MACHINES, start=2):
            inside = ("ip", "-n", self.namespace(machine))
            run("ip", "netns", "add", self.namespace(machine))
            run("ip", "link", "add", self.port(machine), "type", "veth", "peer", "name", "eth0", "netns",
                self.namespace(machine))  # fmt: skip
            run("ip", "link", "set", self.port(machine), "master", self.bridge, "up")
            run(*inside, "addr", "add", f"{self.address.removesuffix('.1')}.{place}/24", "dev", "eth0")
            run(*inside, "link", "set", "eth0", "up")
            run(*inside, "link", "set", "lo", "up")

    def cut(self, machine: str) -> None:
        """Pull a machine's cable."""
        run("ip", "link", "set", self.port(machine), "down")

    def mend(self, machine: str) -> None:
        """Put it in again."""
        run("ip", "link", "set", self.port(machine), "up")

    def remove(self) -> None:
        """Take everything away, as far as it is there."""
        for machine in MACHINES:
            subprocess.run(["ip", "netns", "del", self.namespace(machine)], capture_output=True, check=False)
        subprocess.run(["ip", "link", "del", self.bridge], capture_output=True, check=False)


@contextmanager
def postgres_on(address: str, folder: Path) -> Iterator[str]:
    """A PostgreSQL that listens on an address: `host:port`."""
    who = server_account()
    programs = reachable(find_installation(), who).bin
    cluster = folder / "cluster"
    cluster.mkdir(mode=0o700)
    if who.uid is not None and who.gid is not None:
        os.chown(cluster, who.uid, who.gid)
    as_account: dict[str, Any] = {"user": who.uid, "group": who.gid, "extra_groups": []} if who.uid is not None else {}
    subprocess.run(
        [programs / "initdb", "-D", cluster, "-U", "miracle", "--auth=trust", "--no-sync", "--encoding=UTF8"],
        **as_account, capture_output=True, check=True, cwd="/",
    )  # fmt: skip
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (cluster / "pg_hba.conf").open("a") as rules:
        rules.write(f"host all all {address}/24 trust\n")
    settings = {"listen_addresses": f"127.0.0.1,{address}", "port": port, "unix_socket_directories": "", "fsync": "off",
                "max_connections": 200, "wal_level": "minimal", "max_wal_senders": 0}  # fmt: skip
    options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    with (folder / "postgres.log").open("w") as log:
        server = subprocess.Popen(
            [programs / "postgres", "-D", cluster, *options], **as_account, stdout=log, stderr=log, cwd="/"
        )
    try:
        deadline = time.monotonic() + START_S
        while True:
            try:
                dsn = f"host=127.0.0.1 port={port} user=miracle dbname=postgres"
                with psycopg.connect(dsn, autocommit=True) as connection:
                    connection.execute("create database miracle")
                break
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, (folder / "postgres.log").read_text()
                time.sleep(0.05)
        yield f"{address}:{port}"
    finally:
        # Fast: a worker that was cut off may have left a connection that the server still waits for.
        server.send_signal(signal.SIGINT)
        server.wait(30)


@dataclass
class Worker:
    """A `miracle worker` in a namespace."""

    name: str
    machine: str
    process: subprocess.Popen[bytes]
    log: Path

    def said(self) -> list[dict[str, str]]:
        """What it told so far."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def end(self) -> None:
        """Kill it, if it lives."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(30)


@dataclass
class Hall:
    """The machines, their database and their workers."""

    net: Net
    folder: Path
    database: str
    workers: dict[str, Worker] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        """The data folder that all machines share."""
        return self.folder / "home"

    @property
    def url(self) -> str:
        """The database as this machine reaches it."""
        return f"postgresql://miracle@127.0.0.1:{self.database.partition(':')[2]}/miracle"

    def connect(self) -> "psycopg.Connection[Any]":
        """A look into the database."""
        return psycopg.connect(self.url, autocommit=True, options=f"-c search_path={SCHEMA},public")

    def start(self, name: str, machine: str, *options: str, **settings: str) -> Worker:
        """Start a worker on a machine."""
        environ = {
            **os.environ,
            "MIRACLE_HOME": str(self.home),
            "DATABASE_URL": f"postgresql://miracle@{self.database}/miracle",
            "OPENAI_API_KEY": "sk-none",
            "MIRACLE_SETTINGS__SANDBOX__BACKEND": "bubblewrap",
            "MIRACLE_SETTINGS__MEMORY__EMBEDDER": "offline",
            **settings,
        }
        command = [sys.executable, "-P", "-m", "miracle_tui", "worker", "--json", "--name", name, *options]
        log = self.folder / f"{name}.{len(list(self.folder.glob('*.log')))}.log"
        with log.open("w") as out:
            process = subprocess.Popen(
                ["ip", "netns", "exec", self.net.namespace(machine), *command],
                stdout=out, stderr=out, env=environ, cwd=Path(__file__).parents[1],
            )  # fmt: skip
        self.workers[name] = Worker(name, machine, process, log)
        return self.workers[name]

    def live(self) -> set[str]:
        """Names of the workers that gave a sign of life within the last seconds."""
        with self.connect() as connection, suppress(psycopg.errors.UndefinedTable):
            rows = connection.execute(
                "select name from worker_names join procrastinate_workers on id = worker_id "
                "where last_heartbeat > now() - interval '5 s'"
            ).fetchall()
            return {row[0] for row in rows}
        return set()

    def ended(self) -> bool:
        """Whether a worker's process is over."""
        return any(worker.process.poll() is not None for worker in self.workers.values())

    def at_work(self) -> dict[str, str]:
        """Run to the name of the worker that has it."""
        with self.connect() as connection:
            rows = connection.execute(
                "select lock, name from procrastinate_jobs join worker_names using (worker_id) where status = 'doing'"
            ).fetchall()
        return {row[0]: row[1] for row in rows}

    def epoch(self, run_id: str) -> int:
        """How often an executor took the run."""
        with self.connect() as connection:
            row = connection.execute("select epoch from streams where run_id = %s", (run_id,)).fetchone()
        return int(row[0]) if row else 0

    async def until(self, what: str, holds: Any, within_s: float = START_S) -> float:
        """Wait until something holds, awaited or not, and say how many seconds it took."""
        began = time.monotonic()
        while not (await now if inspect.isawaitable(now := holds()) else now):
            if time.monotonic() - began > within_s:
                logs = "\n".join(f"== {worker.log.name}\n{worker.log.read_text()[-3000:]}"
                                 for worker in self.workers.values())  # fmt: skip
                raise AssertionError(f"not within {within_s:.0f} s: {what}\n{logs}")
            await asyncio.sleep(0.05)
        return time.monotonic() - began


@contextmanager
def hall() -> Iterator[Hall]:
    """Three machines without workers yet."""
    net = Net()
    folder = Path(tempfile.mkdtemp(prefix="hall-", dir=cache_root()))
    folder.chmod(0o755)
    made = None
    try:
        net.make()
        with postgres_on(net.address, folder) as database:
            made = Hall(net, folder, database)
            try:
                yield made
            finally:
                for worker in made.workers.values():
                    worker.end()
    finally:
        net.remove()
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def watcher(hall: Hall, **settings: Any) -> AsyncIterator[Engine]:
    """An engine of this machine that hands its runs to the workers."""
    config = engine_config(None, hall.home, **{"database.postgresql.url": hall.url, **QUEUED, **settings})
    engine = await Engine.open(config, model=make_model(config))
    try:
        yield engine
    finally:
        await engine.close()
