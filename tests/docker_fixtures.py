"""Docker daemons of the tests' own, beside the machine's, which lends them its image."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import psutil

from tests.faults.checks import end_at_once
from tests.sandbox_fixtures import need

START_S = 60.0
BEGIN = r"""
set -e
lender=$1 data=$2 hidden=$3
shift 3
mkdir -p $data/overlay2/l $data/image/overlay2/layerdb
mount --bind $data $data
mount --make-shared $data
cp -a $lender/image/overlay2/imagedb $lender/image/overlay2/distribution $lender/image/overlay2/repositories.json \
  $data/image/overlay2
cp -a $lender/image/overlay2/layerdb/sha256 $data/image/overlay2/layerdb || true
for file in $data/image/overlay2/layerdb/sha256/*/cache-id; do
  layer=overlay2/$(cat $file)
  link=$(cat $lender/$layer/link) || continue
  mkdir -p $data/$layer/diff $data/$layer/work
  find $lender/$layer -maxdepth 1 -type f -exec cp -a {} $data/$layer \; || true
  mount --bind -o ro $lender/$layer/diff $data/$layer/diff || continue
  ln -sfn ../${layer#*/}/diff $data/overlay2/l/$link
done
[ -z "$hidden" ] || mount -t tmpfs hidden $hidden
exec dockerd --data-root $data "$@"
"""
"""Other tests build and remove images meanwhile: a layer that is gone is none of the sandbox's image.

Loading an image takes 16 s. A mount namespace of the daemon's own has its layers in a blink, and hides folders."""


class Daemon:
    """A Docker daemon of the test's own."""

    def __init__(self, folder: Path, address: str, options: Sequence[str] = (), hidden: Path | None = None) -> None:
        """
        Args:
            folder: for all that it keeps.
            address: where it listens, as DOCKER_HOST names it.
            options: more for dockerd.
            hidden: a folder of this machine that it does not see.
        """
        self.address = address
        self._folder = folder
        self._options = options
        self._hidden = hidden
        self._process: subprocess.Popen[bytes] | None = None
        asked = subprocess.run(
            ["docker", "info", "-f", "{{.DockerRootDir}}"], capture_output=True, check=True, text=True
        )
        self._lender = asked.stdout.strip()

    @property
    def certificates(self) -> Path:
        """The folder that DOCKER_CERT_PATH names."""
        return self._folder / "certificates"

    @property
    def socket(self) -> str:
        """Where it listens besides, without certificates."""
        return f"unix://{self._folder}/own"

    def start(self) -> None:
        """Start it, also over what a killed one left, and wait until it answers."""
        # A process id in these may be a zombie's, which the daemon takes for a living one and waits for.
        for left in ("pid", "run/containerd/containerd.pid"):
            (self._folder / left).unlink(missing_ok=True)
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["unshare", "--mount", "--propagation", "private", "sh", "-c", BEGIN, "begin", self._lender,
                 str(self._folder / "data"), str(self._hidden or ""), "--exec-root", str(self._folder / "run"),
                 "--pidfile", str(self._folder / "pid"), "--host", self.address, "--host", self.socket,
                 "--bridge=none", "--iptables=false", *self._options],
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + START_S
        while subprocess.run(["docker", "-H", self.socket, "info"], capture_output=True, check=False).returncode:
            assert self._process.poll() is None, (self._folder / "log").read_text()[-2000:]
            assert time.monotonic() < deadline, "the daemon does not answer"
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill it and its containerd at once; what they ran is left to itself."""
        assert self._process is not None
        daemon = psutil.Process(self._process.pid)
        end_at_once([*daemon.children(), daemon])
        self._process.wait()
        self._process = None

    def stop(self) -> None:
        """Stop it and whatever it left."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
        everything = psutil.process_iter(["cmdline"])
        folder = str(self._folder)
        end_at_once(one for one in everything if any(folder in part for part in one.info["cmdline"] or ()))


@contextmanager
def daemon_folder() -> Iterator[Path]:
    """A folder with a short name, for a daemon; without the rights to run one the test fails in CI, or is skipped."""
    need(shutil.which("dockerd") is not None and os.geteuid() == 0, "a second dockerd cannot be started here")
    folder = Path(tempfile.mkdtemp(prefix="d-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def make_certificates(folder: Path) -> list[str]:
    """An authority, and certificates of it for an engine and its client, as Docker names and wants them.

    Returns:
        The options that make a daemon demand them.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    folder.mkdir()
    keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("ca", "server", "client")}
    names = {name: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in keys}
    now = datetime.now(UTC)
    for name, key in keys.items():
        builder = (
            x509.CertificateBuilder(names["ca"], names[name], key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=name == "ca", path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        )
        made = builder.sign(keys["ca"], hashes.SHA256())
        stem = "" if name == "client" else f"{name}-"
        (folder / f"{stem}cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / f"{stem}key.pem").write_bytes(private)
    (folder / "ca-cert.pem").rename(folder / "ca.pem")
    return ["--tlsverify", "--tlscacert", str(folder / "ca.pem"), "--tlscert", str(folder / "server-cert.pem"),
            "--tlskey", str(folder / "server-key.pem")]  # fmt: skip
