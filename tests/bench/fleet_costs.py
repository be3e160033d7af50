"""Measures on this machine what the simulation of a fleet begins with: a PostgreSQL of its own, loaded by pgbench.

Costs in cores are processor time of the server's own processes, so that what else the machine does is not in them.
"""

import asyncio
import os
import re
import selectors
import shutil
import socket
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import psycopg

from memory.cluster import Installation, find_installation, reachable, server_account
from memory.database import Database
from memory.feed import CHANNEL
from memory.one_statement import append_statement
from memory.queue import _PUT, _STRAYS, _TAKE, _TWICE, RunQueue
from memory.queue_schema import SCHEMA
from memory.records import NewEvent, Row
from memory.store import EventStore
from tests.bench.fleet_figures import Costs

SECONDS = 4
STREAMS = 64
OUTPUT = "a line as tools print it\n" * 80
DATABASE = "miracle"
PORT = 54329
FEW, MANY = 1000, 100_000
"""Runs that wait in the queue when it is measured."""


@dataclass(frozen=True)
class Load:
    """What a number of clients that ask one thing again and again came to."""

    per_s: float
    cpu_s: float
    """A core of the server, for each time."""


@dataclass(frozen=True)
class Bench:
    """A running server and the tools that load it."""

    programs: Installation
    folder: Path
    postmaster: psutil.Process

    @property
    def dsn(self) -> str:
        """How this process connects."""
        return f"host={self.folder} port={PORT} user=miracle dbname={DATABASE}"

    def connect(self, **parameters: str) -> "psycopg.Connection[Any]":
        """A connection in autocommit mode."""
        return psycopg.connect(self.dsn, autocommit=True, **parameters)  # type: ignore[arg-type]

    def ask(self, script: str, clients: int, seconds: float = SECONDS) -> Load:
        """Have clients ask again and again."""
        file = self.folder / "script.sql"
        file.write_text(script, encoding="utf-8")
        before = self._cpu_s()
        command = f"{self.programs.bin}/pgbench -n -M prepared -c {clients} -j 1 -T {seconds}".split()
        place = f"-h {self.folder} -p {PORT} -U miracle -f {file} {DATABASE}".split()
        done = subprocess.run([*command, *place], capture_output=True, text=True, check=False)
        asked = re.search(r"actually processed: (\d+)", done.stdout)
        rate = re.search(r"tps = ([\d.]+)", done.stdout)
        assert asked, done.stderr
        assert rate, done.stdout + done.stderr
        time.sleep(0.2)
        return Load(float(rate[1]), (self._cpu_s() - before) / max(1, int(asked[1])))

    def _cpu_s(self) -> float:
        """Processor time of the server's processes, those that ended too."""
        times = self.postmaster.cpu_times()
        found = times.user + times.system + times.children_user + times.children_system
        for child in self.postmaster.children():
            try:
                own = child.cpu_times()
            except psutil.NoSuchProcess:
                continue
            found += own.user + own.system
        return float(found)


@contextmanager
def server(folder: Path, max_connections: int = 1200) -> Iterator[Bench]:
    """A durable PostgreSQL with Miracle's tables and the queue's, for as long as it is entered."""
    who = server_account()
    programs = reachable(find_installation(), who)
    as_account: dict[str, Any] = {"user": who.uid, "group": who.gid, "extra_groups": []} if who.uid is not None else {}
    folder.mkdir(mode=0o755, exist_ok=True)
    if who.uid is not None and who.gid is not None:
        os.chown(folder, who.uid, who.gid)
    cluster = folder / "cluster"
    initdb: list[Any] = [programs.bin / "initdb", "-D", cluster, "-U", "miracle", "--auth=trust", "--encoding=UTF8"]
    subprocess.run(initdb, **as_account, capture_output=True, check=True, cwd="/")
    settings = {"listen_addresses": "", "unix_socket_directories": folder, "port": PORT, "jit": "off",
                "max_connections": max_connections, "shared_buffers": "256MB", "max_wal_size": "2GB"}  # fmt: skip
    options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [programs.bin / "postgres", "-D", cluster, *options], **as_account, stdout=log, stderr=log, cwd="/"
        )
    try:
        bench = Bench(programs, folder, psutil.Process(process.pid))
        _fill(bench)
        yield bench
    finally:
        process.terminate()
        process.wait(60)
        shutil.rmtree(cluster, ignore_errors=True)


def _fill(bench: Bench) -> None:
    """Make the tables, and logs to append to."""

    async def prepare() -> None:
        database = await Database.open_url(bench.dsn)
        try:
            await RunQueue(database).prepare()
        finally:
            await database.close()

    deadline = time.monotonic() + 30
    while True:
        try:
            with psycopg.connect(bench.dsn.replace(f"dbname={DATABASE}", "dbname=postgres"), autocommit=True) as made:
                made.execute(f"create database {DATABASE}")
            break
        except psycopg.OperationalError:
            assert time.monotonic() < deadline, (bench.folder / "log").read_text()
            time.sleep(0.05)
    asyncio.run(prepare())
    with bench.connect() as connection:
        connection.execute("insert into streams (run_id) select 'r' || n from generate_series(0, %s) n", (STREAMS,))


def append_script(*, notice: bool = True) -> str:
    """The append of one event and its run's rows, each client to a log of its own."""
    row = Row("runs", {"run_id": "RUN"}, {"task_id": "t", "status": "running", "stage": "CODING", "tokens": 7})
    given = append_statement("RUN", [NewEvent("EVENT", "tool_finished", {"output": OUTPUT})], [row], None, 0)
    assert given
    statement, parameters = given
    run = "('r' || :client_id)"
    end = f"(SELECT s.last_seq FROM streams AS s WHERE s.run_id = {run})"
    values = {"RUN": run, "EVENT": "gen_random_uuid()::text", "RUN 1": f"({run} || ' 1')", 0: end, None: "NULL"}

    def literal(found: re.Match[str]) -> str:
        value = parameters[int(found[1]) - 1]
        return values.get(value) or "'" + str(value).replace("'", "''") + "'"

    statement = re.sub(r"\$(\d+)", literal, statement)
    return (statement if notice else statement.replace(f"pg_notify('{CHANNEL}',", "concat('',")) + ";\n"


@contextmanager
def listeners(bench: Bench, count: int) -> Iterator[None]:
    """Connections that hear every notice, read and thrown away as cheaply as can be."""
    held = [bench.connect() for _ in range(count)]
    chosen = selectors.DefaultSelector()
    for connection in held:
        connection.execute(f"listen {CHANNEL}")
        chosen.register(socket.socket(fileno=os.dup(connection.fileno())), selectors.EVENT_READ)
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            for key, _ in chosen.select(0.1):
                assert isinstance(key.fileobj, socket.socket)
                key.fileobj.recv(1 << 16)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield
    finally:
        stop.set()
        reader.join()
        for key in list(chosen.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        chosen.close()
        for connection in held:
            connection.close()


def queue_costs(bench: Bench, waiting: int) -> dict[str, float]:
    """Seconds of the server for what is done with the queue while so many runs wait in it."""
    rows = f"from generate_series(1, {waiting}) n"
    put = _PUT.replace("CAST(:at AS timestamptz)", "NULL").replace("WHERE run_id = ANY(:runs)", "WHERE true")
    fill = f"""
    truncate queued_runs, procrastinate_jobs cascade;
    insert into queued_runs (run_id, site, project) select 'q' || n, 's', 'p' {rows};
    insert into runs (run_id, task_id, status, stage) select 'q' || n, 't', 'running', 'x' {rows}
    on conflict do nothing;
    insert into procrastinate_workers (last_heartbeat) select now() from generate_series(1, 100);
    {put};
    analyze"""
    fetch = "select id from procrastinate_fetch_job_v2(array['runs@s'], (select min(id) from procrastinate_workers))"
    sweep = [part.replace(":dead_after_s", "60") for part in (_TWICE, _TAKE, _STRAYS)]
    found = {}
    with bench.connect(options=f"-c search_path={SCHEMA},public") as connection:
        connection.execute(fill.encode())
        for name, statements, rounds in (("fetch", [fetch], 30), ("sweep", sweep, 5)):
            took = []
            for _ in range(rounds):
                began = time.perf_counter()
                for statement in statements:
                    connection.execute(statement.encode()).fetchall()
                took.append(time.perf_counter() - began)
            found[name] = min(took)
    return found


def hearing_s(bench: Bench) -> float:
    """Seconds of a worker's loop for a notice that comes alone, on the feed of a run that it is not about."""
    return asyncio.run(_hear(bench))


async def _hear(bench: Bench) -> float:
    database = await Database.open_url(bench.dsn)
    try:
        feed = EventStore(database).ends("another")
        await anext(feed)
        hearing = asyncio.ensure_future(anext(feed))
        await asyncio.sleep(0.5)
        before = time.thread_time()
        # Nothing but the feed works in this thread; pgbench is waited for in another.
        load = await asyncio.to_thread(bench.ask, f"select pg_notify('{CHANNEL}', 'r1 1');", 1)
        took = time.thread_time() - before
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)
        await feed.aclose()
    finally:
        await database.close()
    return took / (load.per_s * SECONDS)


def measure(folder: Path, say: Callable[[str], object]) -> Costs:
    """What things cost on this machine; takes about a minute and a half."""
    with server(folder / "postgres") as bench:
        costs = _of_appends(bench, say)
        statement = bench.ask("select 1;", 8)
        table = f"{SCHEMA}.procrastinate_workers"
        with bench.connect() as connection:
            connection.execute(f"insert into {table} (last_heartbeat) select now() from generate_series(1, 9)".encode())
        beat = bench.ask(f"update {table} set last_heartbeat = now() where id = 1 + :client_id;", 8)
        queues = {waiting: queue_costs(bench, waiting) for waiting in (0, FEW, MANY)}
        for waiting, queue in queues.items():
            took = {name: f"{seconds * 1000:.2f} ms" for name, seconds in queue.items()}
            say(f"  {waiting:7,} runs wait: a look takes {took['fetch']}, a sweep {took['sweep']}")
        few, many = queues[FEW], queues[MANY]
        return replace(
            costs,
            notice_s=hearing_s(bench),
            statement_s=statement.cpu_s,
            heartbeat_s=beat.cpu_s,
            look_s=queues[0]["fetch"],
            fetch_s=few["fetch"],
            fetch_per_waiting_s=max(0.0, many["fetch"] - few["fetch"]) / (MANY - FEW),
            defer_s=2 * beat.cpu_s,
            finish_s=2 * beat.cpu_s,
            sweep_s=few["sweep"],
            sweep_per_run_s=max(0.0, many["sweep"] - few["sweep"]) / (MANY - FEW),
        )


def _of_appends(bench: Bench, say: Callable[[str], object]) -> Costs:
    script, silent = append_script(), append_script(notice=False)
    noticed = {clients: bench.ask(script, clients) for clients in (1, 8, 32)}
    for clients, load in noticed.items():
        without = bench.ask(silent, clients)
        say(f"  {clients:2} clients append {load.per_s:7,.0f}/s with a notice, {without.per_s:7,.0f}/s without")
    wakes = []
    for count in (50, 100, 200, 400):
        with listeners(bench, count):
            heard = bench.ask(script, 8)
        wakes.append((heard.cpu_s - noticed[8].cpu_s) / count)
        each = f"{heard.cpu_s * 1000:.2f} ms of a core each"
        say(f"  8 clients append {heard.per_s:7,.0f}/s while {count} connections listen, {each}")
    return Costs(
        append_s=noticed[1].cpu_s,
        commit_s=1 / max(load.per_s for load in noticed.values()),
        wake_s=statistics.median(wakes),
    )
