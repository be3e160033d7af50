"""What a project needs, what a name looks like, what the lists say: all without an installer."""

from pathlib import Path

import pytest

from config.rules import LanguageDependencies
from sandbox.packages.held import Held, licence_of
from sandbox.packages.imports import javascript_imports, missing_in, python_imports
from sandbox.packages.lookalike import distance, resembled
from sandbox.packages.missing import missing
from sandbox.packages.names import distribution_of, package_of
from sandbox.packages.policy import standing_of
from sandbox.packages.popular import NODE, PYTHON
from sandbox.packages.requirements import python_requirement, requirements_of

SOURCE = """
import os, yaml
import numpy.linalg as la
from PIL import Image
from . import own
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    import pandas
try:
    import ujson
except ImportError:
    import json as ujson
try:
    import orjson
except ValueError:
    pass
def later():
    import attrs
"""


def test_imports_are_those_that_code_cannot_do_without() -> None:
    assert set(python_imports(SOURCE)) == {"yaml", "numpy", "PIL", "orjson", "attrs"}
    assert python_imports(SOURCE)["PIL"] == 4
    assert python_imports("def broken(:") == {}
    assert python_imports("(" * 5000) == {}


def test_javascript_imports_are_packages() -> None:
    source = "import a from 'lodash/fp'; import 'node:fs'; import p from './own.js'; const x = require('@s/p/q');"
    source += "\nawait import('chalk'); import fs from 'fs/promises'; export * from 'zod'; import '#inner';"
    assert set(javascript_imports(source)) == {"lodash", "@s/p", "chalk", "zod"}


def test_typescript_imports_are_packages_but_for_its_types() -> None:
    source = "import type { T } from 'only-types'; import { z, type U } from 'zod'; import x = require('yargs');"
    source += "\nconst a: number = <number>(await import('chalk')); export type { V } from 'types-too';"
    assert set(javascript_imports(source, "typescript")) == {"zod", "yargs", "chalk"}
    assert set(javascript_imports("import R from 'react'; const a = <b>{c}</b>;", "tsx")) == {"react"}


@pytest.mark.parametrize(
    ("language", "said", "expected"),
    [
        ("python", "E   ModuleNotFoundError: No module named 'yaml'", ("yaml",)),
        ("python", "No module named 'yaml.cyaml'", ()),
        ("python", "ImportError: No module named requests", ("requests",)),
        ("python", "ModuleNotFoundError: No module named 'distutils'; 'json'", ("distutils",)),
        ("python", "E       fixture 'mocker' not found", ("pytest_mock",)),
        ("python", "E  fixture 'own' not found\nasync def functions are not natively supported.", ("pytest_asyncio",)),
        ("node", "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'ms' imported from /workspace/a.mjs", ("ms",)),
        ("node", "Error: Cannot find module '@s/p/x'\nRequire stack:", ("@s/p",)),
        ("node", "Error: Cannot find module './own'", ()),
        ("node", "Cannot find module '/workspace/x.js' imported from", ()),
    ],
)
def test_test_output_says_what_is_missing(language: str, said: str, expected: tuple[str, ...]) -> None:
    import sys

    found = missing_in([said, said], language)
    assert found == tuple(name for name in expected if name not in sys.stdlib_module_names)


def test_modules_have_distributions() -> None:
    assert (distribution_of("yaml"), distribution_of("cv2")) == ("PyYAML", "opencv-python-headless")
    assert distribution_of("flask") == "flask"
    assert package_of("@scope/name/deep") == "@scope/name"


LOOKALIKES = [
    ("requets", "requests"),
    ("reqeusts", "requests"),
    ("python-requests", "requests"),
    ("pil1ow", "pillow"),
    ("djang0", "django"),
    ("num-py", "numpy"),
    ("beautifulsoup", "beautifulsoup4"),
    ("сlick", "click"),
    ("pythondateutil", "python-dateutil"),
    ("modern", ""),
    ("attrs", ""),
    ("requests", ""),
    ("tinydb", ""),
    ("ply", ""),
    ("cattrs", "attrs"),
]


@pytest.mark.parametrize(("name", "popular"), LOOKALIKES)
def test_names_that_may_be_taken_for_a_popular_one(name: str, popular: str) -> None:
    assert resembled(name, "python") == popular


@pytest.mark.parametrize(
    ("name", "popular"),
    [("crossenv", "cross-env"), ("loadash", "lodash"), ("@expresss/core", "express"), ("lodash", ""), ("ms", "")],
)
def test_names_of_npm_too(name: str, popular: str) -> None:
    assert resembled(name, "node") == popular


def test_no_popular_name_is_taken_for_another() -> None:
    assert not [name for name in PYTHON if resembled(name, "python")]
    assert not [name for name in NODE if resembled(name, "node")]
    assert len(PYTHON) + len(NODE) > 400
    assert [distance("ab", "ba"), distance("abc", "abd"), distance("abc", "xyz")] == [1, 1, 3]


RULES = LanguageDependencies(
    allowed=("pyyaml", "requests", "psycopg2"), blocked=("pickle", "evil_pkg"), approval_required=("requests",)
)


@pytest.mark.parametrize(
    ("name", "standing"),
    [
        ("PyYAML", "allowed"),
        ("psycopg2-binary", "allowed"),
        ("requests", "approval_required"),
        ("Evil.Pkg", "blocked"),
        ("attrs", "unknown"),
    ],
)
def test_the_lists_know_a_package_by_all_its_spellings(name: str, standing: str) -> None:
    assert standing_of(name, "python", RULES) == standing


@pytest.mark.parametrize(
    ("line", "requirement"),
    [
        ("attrs", "attrs"),
        ("attrs>=23 # why", "attrs>=23"),
        ("requests[socks]==2.* ; python_version > '3'", "requests[socks]==2.* ; python_version > '3'"),
        ("attrs==1 --hash=sha256:00", "attrs==1"),
        ("-r other.txt", None),
        ("--index-url anything", None),
        ("-e .", None),
        ("./wheels/x.whl", None),
        ("name @ git+ssh://host/x", None),
        ("", None),
        ("# only a comment", None),
    ],
)
def test_a_requirement_names_a_package_of_a_registry(line: str, requirement: str | None) -> None:
    found = python_requirement(line, "requirements.txt")
    assert (found.requirement if found else None) == requirement


def test_a_worktree_wants_what_it_declares_and_imports_and_does_not_hold(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        "[project]\nname = 'mine'\ndependencies = ['attrs>=23', 'mine']\n"
        "[project.optional-dependencies]\ntest = ['pytest', 'respx']\ndocs = ['sphinx']\n"
        "dev = ['black', 'pytest-mock>=3', 'pytest-cov']\n"
        "[dependency-groups]\ntest = ['freezegun', {include-group = 'x'}]\n"
    )
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "mine.py").write_text("import helper, yaml, attrs, pytest, evil_pkg, os\n")
    (tmp_path / "deep" / "helper").mkdir(parents=True)
    (tmp_path / "link.py").symlink_to("/etc/passwd")
    held = Held(frozenset({"pytest"}), frozenset({"pytest"}))
    found = missing(tmp_path, ["src/mine.py", "link.py", "gone.py"], "python", held, RULES, failed=("lateone",))
    assert {one.name for one in found} == {
        *("attrs", "respx", "freezegun", "pytest-mock", "PyYAML", "evil_pkg", "lateone")
    }
    by_name = {one.name: one for one in found}
    assert by_name["attrs"].declared
    assert by_name["attrs"].places == ("pyproject.toml", "src/mine.py:1")
    assert (by_name["PyYAML"].imports, by_name["PyYAML"].standing) == (("yaml",), "allowed")
    assert "blocks it" in by_name["evil_pkg"].reason


POETRY = """
[tool.poetry.dependencies]
python = "^3.11"
caret = "^1.2.3"
small = "^0.2.3"
tiny = "^0.0.3"
tilde = "~1.2"
one = "~1"
exact = "1.4"
any = "*"
wild = "2.*"
both = ">=1,<3"
either = "^1 || ^2"
extra = {version = "^3", extras = ["a", "b"], markers = "sys_platform == 'linux'"}
later = {version = "^1", optional = true}
forked = {git = "https://example.org/forked.git"}
twice = [{version = "<2", python = "<3.9"}, {version = ">=2", python = ">=3.9"}]
[tool.poetry.group.test.dependencies]
freezegun = "*"
[tool.poetry.group.dev.dependencies]
black = "*"
pytest-mock = "^3"
[tool.poetry.group.docs.dependencies]
sphinx = "*"
"""


def test_what_poetry_pipenv_and_setuptools_declare_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(POETRY)
    (tmp_path / "Pipfile").write_text("[packages]\nrich = '*'\nown = {path = '.'}\n[dev-packages]\nmypy = '*'\n")
    (tmp_path / "setup.cfg").write_text("[options]\ninstall_requires =\n    attrs>=23\n    toolz; python_version>'3'\n")
    assert {one.requirement for one in requirements_of(tmp_path, "python")} == {
        *("caret>=1.2.3,<2", "small>=0.2.3,<0.3", "tiny>=0.0.3,<0.0.4", "tilde>=1.2,<1.3", "one>=1,<2", "exact==1.4"),
        *("any", "wild==2.*", "both>=1,<3", "either", "extra[a,b]>=3,<4; sys_platform == 'linux'", "twice<2"),
        *("freezegun", "pytest-mock>=3,<4", "rich", "attrs>=23", "toolz; python_version>'3'"),
    }
    (tmp_path / "setup.cfg").write_text("no section")
    (tmp_path / "pyproject.toml").write_text("[tool]\npoetry = 3\n")
    assert [one.name for one in requirements_of(tmp_path, "python")] == ["rich"]


def test_names_of_the_projects_own_files_are_no_packages(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"name": "mine", "workspaces": ["packages/*", "../out"]}')
    (tmp_path / "packages" / "core").mkdir(parents=True)
    (tmp_path / "packages" / "core" / "package.json").write_text('{"name": "@mine/core"}')
    (tmp_path / "tsconfig.json").write_text(
        '{ // where things are\n "compilerOptions": {"baseUrl": "./src", /* ours */\n'
        ' "paths": {"@/*": ["./*"], "~lib/*": ["lib/*"], "@app/parts/*": ["x/*"], "*": ["types/*"],},},}'
    )
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "tools.ts").write_text("")
    (tmp_path / "src" / "a.tsx").write_text(
        "import a from '@/a'; import b from '~lib/b'; import c from 'tools'; import d from '@mine/core/x';"
        "import e from '@app/parts/e'; import f from 'zod'; import g from '@app/other'; import h from 'Mine It';"
    )
    found = missing(tmp_path, ["src/a.tsx"], "node", Held(), LanguageDependencies())
    assert [(one.name, one.places) for one in found] == [("zod", ("src/a.tsx:1",)), ("@app/other", ("src/a.tsx:1",))]


def test_a_manifest_of_npm_is_read_as_data(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text(
        '{"name": "mine", "dependencies": {"ms": "^2.1.0", "bad": "git+ssh://x", "own": "file:../x"},'
        ' "devDependencies": {"zod": "*"}, "scripts": {"install": "evil"}}'
    )
    assert [one.requirement for one in requirements_of(tmp_path, "node")] == ["ms@^2.1.0", "zod@*"]
    (tmp_path / "a.mjs").write_text("import ms from 'ms'; import mine from 'mine/x'; import chalk from 'chalk';")
    found = missing(tmp_path, ["a.mjs"], "node", Held(frozenset({"zod"})), LanguageDependencies())
    assert [one.name for one in found] == ["ms", "chalk"]
    (tmp_path / "package.json").write_text("[" * 100_000)
    assert requirements_of(tmp_path, "node") == ()


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ("Name: x\nLicense-Expression: MIT\n", "MIT"),
        ("Name: x\nLicense: BSD\nClassifier: License :: OSI Approved :: BSD License\n", "BSD License"),
        ("Name: x\nLicense: Apache 2\n", "Apache 2"),
        ("Name: x\nLicense: UNKNOWN\n", ""),
        ("", ""),
    ],
)
def test_a_licence_is_what_the_metadata_names(metadata: str, licence: str) -> None:
    assert licence_of(metadata) == licence
