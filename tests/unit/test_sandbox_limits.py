"""Control groups, scopes, the watch over the disk, what a Docker engine can limit, and removing what was left."""

import os
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.canary import CLOSED, ELSEWHERE, judge
from sandbox.cgroups import ControlGroup, can_limit, remove_abandoned
from sandbox.disk_watch import measure
from sandbox.docker_engine import Engine, unshared
from sandbox.docker_options import container_options
from sandbox.identity import SERVICE_ID, running_identity
from sandbox.process_tree import descendants
from sandbox.protocol import Env, EnvSpec, ExecSpec, Limits
from sandbox.removal import DEEPEST, prune_deep, remove_tree
from sandbox.scopes import can_scope, scope_prefix, scope_variables

LIMITS = Limits(memory_bytes=2**27, cpus=1.5, pids=50)
NO_ENV = Env(EnvSpec("python"), "none", None)


def hierarchy(root: Path, *files: str) -> Path:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text("")
    return root


def written(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.iterdir() if file.is_file()}


def test_version_2_is_one_group_with_every_limit(tmp_path: Path) -> None:
    mount = hierarchy(tmp_path, "cgroup.controllers", "cgroup.subtree_control")
    group = ControlGroup.make(LIMITS, mount)
    assert group is not None
    assert (mount / "cgroup.subtree_control").read_text() == "+memory +pids +cpu"
    (made,) = (path for path in mount.iterdir() if path.is_dir())
    assert made.name.startswith(f"miracle-{os.getpid()}-")
    assert written(made) == {"memory.max": str(2**27), "pids.max": "58", "cpu.max": "150000 100000"}
    group.add(4711)
    assert (made / "cgroup.procs").read_text() == "4711"
    (made / "memory.events").write_text("low 0\noom 1\noom_kill 0\n")
    assert not group.out_of_memory()
    (made / "memory.events").write_text("low 0\noom 3\noom_kill 2\n")
    assert group.out_of_memory()


def test_version_1_is_a_group_a_controller(tmp_path: Path) -> None:
    mount = hierarchy(tmp_path, "memory/x", "pids/x", "cpu/x")
    group = ControlGroup.make(LIMITS, mount)
    assert group is not None
    made = {path.parent.name: written(path) for path in mount.glob("*/miracle-*")}
    assert made["memory"] == {"memory.limit_in_bytes": str(2**27)}
    assert made["pids"] == {"pids.max": "58"}
    assert made["cpu"] == {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "150000"}


def test_without_the_right_to_make_groups_there_is_none(tmp_path: Path) -> None:
    assert ControlGroup.make(LIMITS, tmp_path / "nothing") is None
    assert not can_limit(tmp_path / "nothing")


def test_only_groups_of_the_dead_are_removed(tmp_path: Path) -> None:
    dead, alive = tmp_path / "pids" / "miracle-999999999-a", tmp_path / "pids" / f"miracle-{os.getpid()}-a"
    for folder in (dead, alive):
        folder.mkdir(parents=True)
    remove_abandoned(tmp_path)
    assert (dead.exists(), alive.exists()) == (False, True)


async def test_a_scope_holds_the_limits_and_hides_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = scope_prefix(LIMITS)
    assert {f"MemoryMax={2**27}", "MemorySwapMax=0", "TasksMax=58", "CPUQuota=150%"} <= set(prefix)
    assert prefix[-3:] == ["--", "/usr/bin/env", "-i"]
    assert scope_variables({"XDG_RUNTIME_DIR": "/r", "OPENAI_API_KEY": "sk"}) == {"XDG_RUNTIME_DIR": "/r"}
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    assert not await can_scope()


def test_a_rootless_engine_and_its_limits() -> None:
    info = {"ServerVersion": "27.1", "SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless"],
            "MemoryLimit": True, "PidsLimit": False, "CpuCfsQuota": False}  # fmt: skip
    engine = Engine.of(info)
    assert engine.rootless
    assert engine.missing == ("processor share",)
    assert "memory" in engine.enforced
    assert "processes" not in engine.enforced
    assert "processes (of one user)" in engine.best_effort
    assert "rootless" in engine.place
    assert engine.copies
    limitless = Engine.of({**info, "MemoryLimit": False})
    assert limitless.missing == ("memory of all processes together", "processor share")
    spec = ExecSpec("t", ("true",), Path("/w"), NO_ENV)
    made = container_options(spec, "image", limitless)
    assert made["user"] == f"{SERVICE_ID}:{SERVICE_ID}", "never its owner, who is root in there"
    instead = {limit["Name"]: limit["Hard"] for limit in made["ulimits"]}
    assert (instead["data"], instead["nproc"]) == (spec.limits.memory_bytes, spec.limits.pids)
    uid, gid = running_identity()
    local = container_options(spec, "image", Engine())
    assert local["user"] == f"{uid}:{gid}"
    assert {limit["Name"] for limit in local["ulimits"]} == {"nofile", "core", "fsize"}
    for options in (made, local):
        assert (options["cap_drop"], options["network_mode"], options["read_only"]) == (["ALL"], "none", True)
        assert "no-new-privileges:true" in options["security_opt"]


def test_an_engine_elsewhere_has_volumes_and_nothing_of_this_machine(tmp_path: Path) -> None:
    for trouble in (
        "bind source path does not exist: /w",
        f"Docker 27.1: {ELSEWHERE}",
        "mounts denied: /w",
        'chdir to cwd ("/workspace") failed',
        CLOSED,
    ):
        assert unshared(trouble)
    assert not unshared("the Docker socket is there")
    engine = Engine.of({"Architecture": "x86_64"}, "tcp://far:2376")
    assert engine.place.endswith("local")
    far = replace(engine, copies=True)
    assert "at tcp://far:2376" in far.place
    assert (far.user, engine.user) == ((SERVICE_ID, SERVICE_ID), running_identity())
    assert replace(far, architecture="s390x").stranger
    assert not replace(engine, architecture="s390x").stranger
    (tmp_path / "node-1" / "node_modules").mkdir(parents=True)
    spec = ExecSpec("t", ("true",), tmp_path / "w", Env(EnvSpec("node", lock="{}"), "1", tmp_path / "node-1"))
    options = container_options(spec, "image", far)
    mounts = {mount["Target"]: (mount["Type"], mount["Source"], mount["ReadOnly"]) for mount in options["mounts"]}
    assert mounts == {
        "/workspace": ("volume", None, False),
        "/opt/tools": ("volume", "miracle-node-1", True),
        "/opt/tools/node_modules": ("volume", "miracle-node-1-modules", True),
        "/node_modules": ("volume", "miracle-node-1-modules", True),
    }
    assert str(tmp_path) not in str(options)


SOUND = """status.CapEff=0
status.CapBnd=0
status.NoNewPrivs=1
status.Seccomp=2
user=1000
mapped=0
workspace=writable
done=1
"""


@pytest.mark.parametrize(
    ("told", "trouble"),
    [
        ("", ""),
        ("interface=eth0", "network interface"),
        ("written=/usr/.canary", "can be written"),
        ("written=/dev/.canary", "can be written"),
        ("readable=/root/.ssh", "can be read"),
        ("filter=off", "system-call filter"),
        ("socket=docker", "Docker socket"),
        ("status.Seccomp=0", "Seccomp is 0"),
        ("status.CapEff=1", "CapEff is 1"),
        ("user=0", "this machine's root"),
        ("the value of a secret", "environment is visible"),
    ],
)
def test_the_self_test_sees(told: str, trouble: str) -> None:
    findings = judge(SOUND + told, ["value of a secret"])
    assert trouble in "; ".join(findings.trouble)
    assert bool(findings.trouble) == bool(trouble)


def test_the_self_test_sees_another_machine_and_its_own_early_end() -> None:
    assert ELSEWHERE in judge(SOUND, [], workspace_seen=False).trouble
    assert judge(f"{SOUND}token=put", [], token="put").trouble == ()
    assert judge(f"{SOUND}token=other", [], token="put").trouble == (ELSEWHERE,)
    assert judge(SOUND.replace("done=1", ""), []).trouble


def deep(root: Path, name: str, levels: int) -> None:
    here = os.open(root, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)


def test_what_is_nested_too_deep_is_pruned_and_the_rest_stays(tmp_path: Path) -> None:
    (tmp_path / "src" / "pkg").mkdir(parents=True)
    (tmp_path / "src" / "pkg" / "a.py").write_text("1")
    deep(tmp_path, "d", 1500)
    deep(tmp_path, "e" * 250, 40)
    (tmp_path / "link").symlink_to(tmp_path)
    assert len(prune_deep(tmp_path)) == 2
    assert (tmp_path / "src" / "pkg" / "a.py").exists()
    assert max(len(Path(folder).parts) for folder, _, _ in os.walk(tmp_path)) <= DEEPEST + len(tmp_path.parts)
    assert prune_deep(tmp_path) == []


def test_any_depth_can_be_removed(tmp_path: Path) -> None:
    deep(tmp_path, "d", 1500)
    deep(tmp_path, "e" * 250, 40)
    remove_tree(tmp_path / "d")
    remove_tree(tmp_path / ("e" * 250))
    remove_tree(tmp_path / "nothing")
    assert list(tmp_path.iterdir()) == []


def test_what_is_measured(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"x" * 100_000)
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(2**30)
    size, files = measure(tmp_path) or (0, 0)
    assert 100_000 <= size < 10**6
    assert files == 3
    deep(tmp_path, "e" * 250, 40)
    assert measure(tmp_path) is None
    remove_tree(tmp_path / ("e" * 250))


@pytest.mark.parametrize("listed", [True, False], ids=["the-kernel-lists-children", "it-does-not"])
def test_all_that_descends_from_a_process_is_found(listed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not listed:
        monkeypatch.setattr(os.path, "exists", lambda _: False)
    script = "(sleep 60 & echo $!; wait) & echo $!; echo $$; wait"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, text=True) as root:
        assert root.stdout is not None
        said = {int(root.stdout.readline()) for _ in range(3)}
        found = descendants(root.pid)
        for pid in found:
            os.kill(pid, signal.SIGKILL)
    assert set(found) == said
    assert descendants(root.pid) == [root.pid], "it is gone, and nobody's children are taken for its own"
