"""A green run's receipt: what it says, and that any change of it, of the log or of the repository shows."""

import copy
import json
import re
import zlib
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from config.config import Config
from config.settings import Hook, Hooks
from config.signing import KEY_FILE, PUBLIC_FILE, TRUSTED_FILE, signing_key
from engine import events as e
from engine.engine import Engine
from engine.hook_events import HookFinished
from engine.receipts import canonical
from engine.state import State
from engine.verification import Verification, verify_log, verify_run
from engine.workspace.git import Git
from memory.records import StoredEvent
from sandbox.images.offline_base import TAG
from sandbox.images.status import image_statuses
from sandbox.protocol import Backend, EnvSpec
from sandbox.provenance import provenance
from tests.cli_fixtures import aside
from tests.database_fixtures import url_of
from tests.engine_fixtures import engine_config, scripted_engine, task_of
from tests.sandbox_fixtures import run_in
from tests.tiny_script import CODE, tiny_script


def config_on(backend: str, database_url: str, workspace: Path) -> Config:
    """A configuration whose hook shows the signing key, and the key, which is there already."""
    made = engine_config(database_url, workspace / "home", **{"settings.sandbox.backend": backend})
    signing_key(made.paths)
    hooks = Hooks(before_phase=(Hook(command=f"echo the key; cat {made.paths.data / KEY_FILE}"),))
    return replace(made, settings=made.settings.model_copy(update={"hooks": hooks}))


@pytest.fixture
def config(database_url: str, sandbox_workspace: Path) -> Config:
    return config_on("bubblewrap", database_url, sandbox_workspace)


@asynccontextmanager
async def green_run(config: Config, workspace: Path, **changes: Any) -> AsyncIterator[tuple[Engine, State]]:
    """An engine and a run that it has just proved."""
    folder = workspace / "project"
    folder.mkdir()
    script = tiny_script(**changes)
    async with scripted_engine(config, script) as (engine, _):
        run_id = await engine.start(task_of(script, folder, hooks=config.settings.hooks.moments))
        state = await engine.settled(run_id)
        yield engine, state


def prying(key: Path) -> dict[str, Any]:
    """A coder who tries every tool on the signing key before it goes to work."""
    near = f"../../{key.relative_to(key.parents[1])}"
    calls: list[tuple[str, dict[str, Any]]] = [
        *(("read_file", {"path": path}) for path in (str(key), f"../{key.name}", near)),
        ("search", {"pattern": "[0-9a-f]{64}", "path": str(key.parent)}),
        ("run_command", {"command": f"cat {key} {key.parent}/* ../{key.name}"}),
        ("create_file", {"path": "double.py", "content": CODE}),
        ("submit_work", {"summary": "wrote double"}),
    ]
    turns = [{"text": name, "calls": [{"name": name, "arguments": given}]} for name, given in calls]
    return {"role": "coder", "visit": 1, "turns": turns}


async def nothing_carries_the_key(engine: Engine, state: State, workspace: Path) -> None:
    """Neither the log, and so no view or export of it, nor the branch, nor a sandbox has the private key."""
    paths = engine.config.paths
    seed = signing_key(paths).seed
    forms = [seed.hex(), seed.hex().upper(), b64encode(seed).decode().rstrip("="), repr(seed)[2:-1]]
    log = [one.event for one in await engine.log(state.run_id)]
    told = "".join(event.model_dump_json() for event in log)
    assert not [form for form in forms if form in told]
    (shown,) = [event.output for event in log if isinstance(event, HookFinished)]
    assert shown.startswith("the key\n")
    assert not [form for form in forms if form in shown]
    ok = [event.name for event in log if isinstance(event, e.ToolFinished) and event.ok and event.name != "create_file"]
    assert not {"read_file", "search"} & set(ok)
    look = f"cat {paths.data / KEY_FILE}; ls -la {paths.data}; cat /proc/*/environ /proc/*/cmdline"
    ended, said = await run_in(await engine.sandbox.backend(), workspace, "sh", "-c", look)
    assert ended.exit_code is not None
    assert KEY_FILE not in said.replace(str(paths.data / KEY_FILE), "")
    assert not [form for form in forms if form in said]


def wrong(found: Verification) -> set[str]:
    """The names of what does not hold."""
    return {check.name for check in found.checks if not check.holds}


def changes_of(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every leaf of a JSON value with something else in its place."""
    match value:
        case dict():
            for key, item in value.items():
                yield from changes_of(item, (*path, key))
        case list():
            for at, item in enumerate(value):
                yield from changes_of(item, (*path, at))
            yield path, [*value, *(value[:1] or ["more"])]
        case bool() | None:
            yield path, "yes" if value is None else not value
        case str():
            yield path, value[:-1] + ("a" if value[-1:] != "a" else "b")
        case _:
            yield path, value + 1


def changed(body: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """The body with one place changed."""
    copied: dict[str, Any] = copy.deepcopy(body)
    place: Any = copied
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return copied


@pytest.mark.bubblewrap
async def test_a_receipt_holds_and_no_byte_of_it_or_of_the_log_can_change(
    config: Config, sandbox_workspace: Path
) -> None:
    pries = [prying(config.paths.data / KEY_FILE)]
    async with green_run(config, sandbox_workspace, verify="python -c 'import double'", extra=pries) as (engine, state):
        receipt = state.receipt
        assert receipt is not None
        assert (state.outcome, receipt.commit, receipt.run_id) == ("success", state.tip, state.run_id)
        assert receipt.key == signing_key(config.paths).public
        assert receipt.image.startswith("bubblewrap 0.")
        assert len(receipt.environment) == 16
        assert receipt.outcomes == ("passed",)
        assert len(receipt.durations_s) == len(receipt.tests) == 1
        approved = receipt.approvals[0]
        assert (approved.topic, approved.decision, approved.by) == ("plan", "once", "policy")
        await nothing_carries_the_key(engine, state, sandbox_workspace)

        found = await verify_run(engine, state.run_id, again=True)
        assert found.holds, found.checks
        assert [check.name for check in found.checks][-1] == "again"
        assert {check.name: check.said for check in found.checks}["approvals"] == "1 allowed by policy"
        assert "1 passed again in the same surroundings" in found.checks[-1].said
        assert not list(config.paths.worktrees.glob("*-again"))

        log = await engine.memory.store.read(state.run_id)
        await _no_leaf_can_change(engine, state.run_id, log)


@pytest.mark.docker
async def test_a_receipt_of_a_run_on_docker_names_the_image(database_url: str, sandbox_workspace: Path) -> None:
    config = config_on("docker", database_url, sandbox_workspace)
    (status,) = image_statuses([TAG])
    async with green_run(config, sandbox_workspace, verify="python -c 'import double'") as (engine, state):
        receipt = state.receipt
        assert receipt is not None, (state.paused, state.reason)
        assert (receipt.backend, receipt.image) == ("docker", status.digest)
        assert (await verify_run(engine, state.run_id)).holds
        # The digest, the commit and every other leaf; each is signed, so nothing can take its place.
        await _no_leaf_can_change(engine, state.run_id, await engine.memory.store.read(state.run_id))
        await nothing_carries_the_key(engine, state, sandbox_workspace)


async def _no_leaf_can_change(engine: Engine, run_id: str, log: Sequence[StoredEvent]) -> None:
    proof = next(at for at, one in enumerate(log) if one.kind == "proof_finished")
    end = next(at for at, one in enumerate(log) if one.kind == "run_finished")
    started = next(at for at, one in enumerate(log) if one.kind == "run_started")
    paths, tried = engine.config.paths, 0
    for at in (started, proof, end):
        body = log[at].body if at != end else {"receipt": log[at].body["receipt"]}
        for path, value in changes_of(body):
            other = replace(log[at], body={**log[at].body, **changed(body, path, value)})
            assert not (await verify_log(run_id, [*log[:at], other, *log[at + 1 :]], paths)).holds, (at, path)
            tried += 1
    gone = [replace(one, seq=at) for at, one in enumerate([*log[:3], *log[4:]], start=1)]
    for less in (gone, log[:proof], log[: proof + 1], [log[0], log[2], log[1], *log[3:]]):
        assert not (await verify_log(run_id, less, paths)).holds
    assert tried > 60


@pytest.mark.bubblewrap
async def test_what_was_tampered_with_is_named_and_the_command_says_it(
    config: Config, sandbox_workspace: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with green_run(config, sandbox_workspace) as (engine, state):
        run_id = state.run_id
        assert state.receipt is not None

        output = await _output(engine, run_id)
        await _rewrite(engine, run_id, "proof_finished", "{report,output}", "all is well")
        assert wrong(await verify_run(engine, run_id)) == {"proof"}
        await _rewrite(engine, run_id, "proof_finished", "{report,output}", output)
        await _rewrite(engine, run_id, "plan_submitted", "{plan,summary}", "two steps")
        assert wrong(await verify_run(engine, run_id)) == {"log"}
        await _rewrite(engine, run_id, "plan_submitted", "{plan,summary}", "one step")
        assert (await verify_run(engine, run_id)).holds

        await _repository_is_checked(engine, state)
        await _another_key_counts_only_when_trusted(engine, state)
    monkeypatch.setenv("MIRACLE_HOME", str(config.paths.data.parent))
    monkeypatch.setenv("DATABASE_URL", url_of(database_url))
    refused = await aside("verify", run_id)
    assert refused.code == 1, refused.err
    assert "✗ signature" in refused.out
    assert "✗ the receipt does NOT hold" in refused.out
    (config.paths.data / KEY_FILE).unlink()
    lost = await aside("verify", run_id)
    assert lost.code == 1
    assert not (config.paths.data / KEY_FILE).exists(), "looking makes no key"
    (config.paths.data / KEY_FILE).write_text("ab" * 32)
    (config.paths.data / KEY_FILE).chmod(0o600)
    public = (await aside("verify", "--key")).out.split()[0]
    assert public == signing_key(config.paths).public
    machine = await aside("verify", run_id, "--json")
    assert json.loads(machine.out)["holds"] is False
    missing = await aside("verify")
    assert missing.code == 2


async def _rewrite(engine: Engine, run_id: str, kind: str, path: str, value: Any) -> None:
    """Change a stored event, as who owns the database can."""

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(text("SET session_replication_role = replica"))
        done = await connection.execute(
            text(
                "UPDATE events SET body = jsonb_set(body::jsonb, CAST(:path AS text[]), CAST(:value AS jsonb))"
                " WHERE run_id = :run AND kind = :kind"
            ),
            {"run": run_id, "kind": kind, "path": path, "value": json.dumps(value)},
        )
        assert done.rowcount == 1
        await connection.execute(text("SET session_replication_role = DEFAULT"))

    await engine.memory.database.run(work)


async def _output(engine: Engine, run_id: str) -> str:
    proofs = [one.event for one in await engine.log(run_id) if isinstance(one.event, e.ProofFinished)]
    return proofs[-1].report.output


async def _repository_is_checked(engine: Engine, state: State) -> None:
    assert state.receipt is not None
    assert state.workspace is not None
    objects = Path(state.workspace.repository) / "objects"
    git = Git(Path(state.workspace.repository))
    blob = await git.line("rev-parse", f"{state.tip}:double.py")
    for name in (blob, state.receipt.tree, state.receipt.commit):
        path = objects / name[:2] / name[2:]
        whole = path.read_bytes()
        path.chmod(0o644)
        plain = zlib.decompress(whole)
        path.write_bytes(zlib.compress(plain[:-1] + bytes([plain[-1] ^ 1])))
        assert wrong(await verify_run(engine, state.run_id)) == {"commit"}, name
        path.unlink()
        assert wrong(await verify_run(engine, state.run_id)) >= {"commit"}, name
        path.write_bytes(whole)
    base = state.workspace.base_commit
    ref = f"refs/heads/{state.workspace.branch}"
    await git("update-ref", ref, base)
    assert wrong(await verify_run(engine, state.run_id)) == {"branch"}
    await git("update-ref", ref, state.receipt.commit)
    assert (await verify_run(engine, state.run_id)).holds


async def _another_key_counts_only_when_trusted(engine: Engine, state: State) -> None:
    """Who can write the database, but not read the key, signs with a key of their own."""
    paths, run_id = engine.config.paths, state.run_id
    assert state.receipt is not None
    forger = signing_key(replace(paths, data=paths.data / "forger"))
    forged = state.receipt.model_dump(mode="json", exclude={"signature"}) | {"key": forger.public}
    forged["signature"] = forger.sign(canonical(forged))
    for kind in ("proof_finished", "run_finished"):
        await _rewrite(engine, run_id, kind, "{receipt}", forged)
    found = await verify_run(engine, run_id)
    assert wrong(found) == {"signature"}, "all the rest is checked without a key"
    assert "neither this installation's nor in trusted_keys" in found.checks[0].wrong
    trusted = paths.config / TRUSTED_FILE
    trusted.parent.mkdir(parents=True, exist_ok=True)
    trusted.write_text(f"# other machines\n{forger.public} the build machine\n")
    assert (await verify_run(engine, run_id)).holds
    trusted.unlink()
    # The same key as one that this installation lost: named as such, and trusted only by a line of the person's.
    (paths.data / PUBLIC_FILE).write_text(f"{forger.public}\n{signing_key(paths).public}\n")
    found = await verify_run(engine, run_id)
    assert wrong(found) == {"signature"}
    assert f"{forger.public} my earlier key" in found.checks[0].wrong


@pytest.mark.bubblewrap
async def test_a_run_without_a_receipt_is_told_so(config: Config, sandbox_workspace: Path) -> None:
    async with green_run(config, sandbox_workspace, verify="false") as (engine, state):
        assert state.outcome != "success"
        found = await verify_run(engine, state.run_id)
        assert (found.holds, found.receipt) == (False, None)
        assert "there is none" in found.checks[0].wrong


async def test_a_receipt_names_what_the_code_ran_on(backend: Backend) -> None:
    image = await provenance(backend, await backend.prepare(EnvSpec("python")))
    assert re.fullmatch(r"sha256:[0-9a-f]{64}" if backend.name == "docker" else r"bubblewrap [\d.]+ on Linux .+", image)
