"""The self-test that every backend passes before it is used: what a sandbox may not do is tried, harmlessly.

The script needs nothing but sh and cat, so that it works in any image. It prints `key=value` lines; what may not be
visible in there is compared out here.
"""

from collections.abc import Iterable
from dataclasses import dataclass

SCRIPT = r"""
while read -r key value rest; do
  case "$key" in
    CapEff:|CapBnd:|NoNewPrivs:|Seccomp:) echo "status.${key%:}=$value" ;;
    Uid:) echo "user=$value" ;;
  esac
done </proc/self/status
while read -r inside outside count; do
  [ "$inside" = 0 ] && echo "mapped=$outside"
done </proc/self/uid_map
while read -r a b c d e; do
  case "$a $b" in
    "Max processes") echo "limit.processes=$c" ;;
    "Max data") echo "limit.data=$d" ;;
    "Max file") echo "limit.file=$d" ;;
    "Max open") echo "limit.open=$d" ;;
    "Max core") echo "limit.core=$e" ;;
  esac
done </proc/self/limits
while IFS=: read -r name rest; do
  case "$rest" in *[0-9]*) set -- $name; [ "$1" = lo ] || echo "interface=$1" ;; esac
done </proc/net/dev
for file in /usr/.canary /etc/.canary /opt/tools/.canary /.canary /dev/.canary; do
  if ( : >"$file" ) 2>/dev/null; then echo "written=$file"; fi
done
[ -w /proc/sys/kernel/hostname ] && echo "written=/proc/sys"
[ -S /var/run/docker.sock ] && echo "socket=docker"
for place in "$HOME/.ssh" /root/.ssh /home/*/.ssh /proc/1/root/root/.ssh; do
  if [ -r "$place" ]; then echo "readable=$place"; fi
done
( : >/workspace/.suid && chmod 4755 /workspace/.suid ) 2>/dev/null && echo "filter=off"
if ( : >/workspace/.canary ) 2>/dev/null; then echo workspace=writable; fi
read -r token 2>/dev/null </workspace/.token && echo "token=$token"
for file in /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max; do
  if [ -r $file ]; then read -r value <$file; echo "cgroup.pids=$value"; fi
done
for file in /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max; do
  if [ -r $file ]; then read -r value <$file; echo "cgroup.memory=$value"; fi
done
for file in /proc/[0-9]*/environ; do cat "$file" 2>/dev/null; done | while IFS= read -r line; do echo "$line"; done
echo
python3 -c 'import sys; print("python=%d.%d" % sys.version_info[:2])' 2>/dev/null
command -v node >/dev/null && echo "node=$(node --version)"
echo done=1
"""


CLOSED = "the workspace cannot be written"
ELSEWHERE = "its folders are not this machine's"


@dataclass(frozen=True)
class Findings:
    """What the canary saw."""

    values: dict[str, str]
    trouble: tuple[str, ...]
    """What the sandbox lets through though it must not; empty for a sound one."""

    @property
    def python(self) -> tuple[int, int] | None:
        """Version of the Python in there."""
        major, _, minor = self.values.get("python", "").partition(".")
        return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else None

    @property
    def node(self) -> str:
        """Version of the Node.js in there, as `v20.1.0`; empty when there is none."""
        return self.values.get("node", "")


def judge(output: str, secrets: Iterable[str], *, workspace_seen: bool = True, token: str = "") -> Findings:
    """Judge what the canary printed.

    Args:
        output: all that it printed.
        secrets: values of the host's environment that may not be visible in the sandbox.
        workspace_seen: whether what it wrote into its workspace is in the host's folder.
        token: what the host put there, for it to read; empty for nothing.
    """
    trouble: list[str] = []
    values: dict[str, str] = {}
    for line in output.splitlines():
        key, _, value = line.partition("=")
        values[key] = value
        if key == "interface":
            trouble.append(f"the network interface {value} is there")
        elif key == "written":
            trouble.append(f"{value} can be written")
        elif key == "readable":
            trouble.append(f"{value} can be read")
        elif key == "filter":
            trouble.append("the system-call filter lets through what it must not")
        elif key == "socket":
            trouble.append("the Docker socket is there")
    if values.get("done") != "1":
        trouble.append("the self-test did not finish")
    for key, wanted in (("CapEff", 0), ("CapBnd", 0), ("NoNewPrivs", 1), ("Seccomp", 2)):
        if not _is(values.get(f"status.{key}", ""), wanted):
            trouble.append(f"{key} is {values.get(f'status.{key}', 'unknown')}, not {wanted}")
    if token and values.get("token") != token:
        trouble.append(ELSEWHERE)
    elif values.get("workspace") != "writable":
        trouble.append(CLOSED)
    elif not workspace_seen:
        trouble.append(ELSEWHERE)
    if values.get("user") == "0" and values.get("mapped") == "0":
        trouble.append("the code runs as this machine's root")
    if any(secret in output for secret in secrets):
        trouble.append("the host's environment is visible")
    return Findings(values, tuple(trouble))


def _is(text: str, wanted: int) -> bool:
    try:
        return int(text, 16) == wanted
    except ValueError:
        return False
