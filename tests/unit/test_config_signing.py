"""The signing key: made once, closed to others, never shown."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from config.errors import SecretError
from config.paths import Paths
from config.signing import KEY_FILE, PUBLIC_FILE, TRUSTED_FILE, holds, kept_seed, own_keys, signing_key, trusted_keys


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(*(tmp_path / name for name in ("data", "config", "cache", "logs")))


def test_a_key_is_made_once_and_only_its_owner_reads_it(paths: Paths) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: signing_key(paths), range(16)))
    (key,) = keys
    file = paths.data / KEY_FILE
    assert file.stat().st_mode & 0o777 == 0o600
    assert {path.name for path in paths.data.iterdir()} == {KEY_FILE, PUBLIC_FILE}
    assert key.seed.hex() not in repr(key)
    assert kept_seed(paths) == (key.seed.hex(),)
    signature = key.sign(b"proof")
    assert holds(key.public, signature, b"proof")
    assert not holds(key.public, signature, b"prooF")
    assert not holds(key.public[:-1] + "0", "no signature", b"proof")
    other = signing_key(replace(paths, data=paths.data / "other"))
    assert not holds(other.public, signature, b"proof")


def test_a_key_that_others_can_read_or_that_is_damaged_is_refused(paths: Paths) -> None:
    signing_key(paths)
    file = paths.data / KEY_FILE
    file.chmod(0o640)
    with pytest.raises(SecretError, match="Others can read"):
        signing_key(paths)
    file.chmod(0o600)
    file.write_text("not a key")
    with pytest.raises(SecretError, match="damaged"):
        signing_key(paths)
    file.unlink()
    file.symlink_to(paths.data / "elsewhere")
    with pytest.raises(SecretError, match="cannot be read"):
        signing_key(paths)


def test_a_lost_key_is_known_but_not_trusted_and_asking_makes_none(paths: Paths) -> None:
    assert (trusted_keys(paths), own_keys(paths), kept_seed(paths)) == ({}, (), ())
    assert not paths.data.exists()
    lost = signing_key(paths).public
    (paths.data / KEY_FILE).unlink()
    assert trusted_keys(paths) == {}
    own = signing_key(paths).public
    assert own_keys(paths) == (lost, own)
    assert trusted_keys(paths) == {own: "this installation"}
    (paths.data / PUBLIC_FILE).write_bytes(b"\xff\xff")
    assert own_keys(paths) == ()


def test_other_machines_are_trusted_by_a_file(paths: Paths) -> None:
    own = signing_key(paths).public
    assert trusted_keys(paths) == {own: "this installation"}
    paths.config.mkdir()
    (paths.config / TRUSTED_FILE).write_text(
        f"{'AB' * 32} build machine # since spring\n\n# {'cd' * 32}\n{'ef' * 32}\n"
    )
    assert trusted_keys(paths) == {"ab" * 32: "build machine", "ef" * 32: "trusted", own: "this installation"}
