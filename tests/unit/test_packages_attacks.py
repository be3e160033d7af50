"""Packages that are not what they are called, and requirements that hold more than they show."""

import json
from pathlib import Path

import pytest

from engine.events import ApprovalRequested
from engine.gates.dependencies import brings_odd
from sandbox.packages.requirements import python_requirement, requirements_of
from sandbox.packages.resolve_node import plain_manifest, resolution_of
from sandbox.packages.values import Package, Wanted


@pytest.mark.parametrize(
    "line",
    [
        "requests\nevilpkg",
        "requests\r-r other.txt",
        "requests\x0bevilpkg",
        "requests\u2028evilpkg",
        "requests == ${TOKEN}",
        "rеquests",
        "requests @ file:///etc",
        "git+https://example.test/x",
        "--index-url=x",
        "-e .",
    ],
)
def test_a_requirement_is_one_plain_line(line: str) -> None:
    assert python_requirement(line, "pyproject.toml") is None


def test_what_is_declared_is_what_is_wanted(tmp_path: Path) -> None:
    declared = ["alpha[fast]>=1,<2; python_version >= '3.8'", "beta\nevilpkg==1", "gamma==1.* # why"]
    (tmp_path / "pyproject.toml").write_text(f"[project]\nname = 'x'\ndependencies = {json.dumps(declared)}\n")
    assert {one.name for one in requirements_of(tmp_path, "python")} == {"alpha", "gamma"}
    wishes = {"a": "^1.0.0", "b": "npm:evil@1", "c": "https://example.test/c.tgz", "d": "file:../d", "e": "1.0.0\n"}
    (tmp_path / "package.json").write_text(json.dumps({"dependencies": wishes}))
    assert {one.name for one in requirements_of(tmp_path, "node")} == {"a"}


def test_overrides_of_a_project_put_no_other_package_in_a_place() -> None:
    overrides = {"ms": "npm:evil@1", "a": "^2.0.0", "b": {".": "1.0.0", "c": "https://example.test/c.tgz"}, "d": "$a"}
    made = plain_manifest({"overrides": overrides}, [Wanted(name="x")])
    assert made["overrides"] == {"a": "^2.0.0", "b": {".": "1.0.0"}, "d": "$a"}
    assert "overrides" not in plain_manifest({"overrides": {"ms": "file:../ms"}}, [Wanted(name="x")])


def test_a_lock_names_no_address_and_another_package_by_its_own_name() -> None:
    entries = {
        "": {"dependencies": {"ms": "*"}},
        "node_modules/ms": {"version": "2.1.3", "resolved": "https://example.test/evil.tgz", "integrity": "sha512-x"},
        "node_modules/lodash": {"name": "evil", "version": "1.0.0", "integrity": "sha512-y"},
    }
    found = resolution_of({"ms"}, json.dumps({"lockfileVersion": 3, "packages": entries}), {})
    assert [(one.name, one.direct) for one in found.packages] == [("ms", True), ("evil", False)]
    assert "resolved" not in found.lock
    assert "example.test" not in found.lock


def test_a_rule_about_a_package_is_none_about_an_odd_one_that_it_brings() -> None:
    plain, odd = Package(name="a", version="1", direct=True), Package(name="requets", version="1", resembles="requests")
    request = ApprovalRequested.model_validate(
        {"approval_id": "a1", "topic": "dependency", "subject": "python a==1", "title": "Install a 1?"}
    )
    assert not brings_odd(request.model_copy(update={"packages": (plain,)}))
    assert brings_odd(request.model_copy(update={"packages": (plain, odd)}))
    for standing in ("blocked", "approval_required"):
        other = Package(name="b", version="1", standing=standing)
        assert brings_odd(request.model_copy(update={"packages": (plain, other)}))
