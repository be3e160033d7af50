"""Where bubblewrap cannot isolate, a person is told why, and never to isolate less."""

from pathlib import Path

import pytest

from sandbox.bubblewrap_remedies import remedy_for


@pytest.mark.parametrize(
    ("file", "content", "remedy"),
    [
        (".dockerenv", "", "inside a default Docker container"),
        ("run/.containerenv", "", "inside a default Docker container"),
        ("proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n", "/etc/apparmor.d/bwrap"),
        ("proc/sys/user/max_user_namespaces", "0\n", "user.max_user_namespaces"),
        ("proc/sys/kernel/unprivileged_userns_clone", "0\n", "kernel.unprivileged_userns_clone"),
        ("proc/sys/user/max_user_namespaces", "15000\n", "the Docker backend"),
        ("proc/sys/user/max_user_namespaces", "no number", "the Docker backend"),
    ],
)
def test_the_remedy_fits_the_machine(tmp_path: Path, file: str, content: str, remedy: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(content)
    told = remedy_for("bwrap: No permissions to create new namespace", tmp_path)
    assert remedy in told
    assert "--share-net" not in told
    assert "--unsafe-local" not in told


def test_a_folder_out_of_reach_is_named(tmp_path: Path) -> None:
    assert "MIRACLE_HOME" in remedy_for("The sandbox's user (1000) cannot reach or write /x.", tmp_path)
