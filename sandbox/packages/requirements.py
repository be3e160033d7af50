"""What a project's own files say that its tests need."""

import re
from configparser import ConfigParser
from configparser import Error as ConfigParserError
from pathlib import Path
from typing import Any

from sandbox.packages.poetry import poetry_requirements
from sandbox.packages.values import Wanted, canonical
from sandbox.project_files import file_text, json_object, toml_table
from sandbox.protocol import Language

REQUIREMENT_FILES = (
    "requirements.txt",
    "requirements-test.txt",
    "requirements-tests.txt",
    "test-requirements.txt",
    "requirements/test.txt",
    "requirements/tests.txt",
    "tests/requirements.txt",
)
TEST_GROUPS = ("test", "tests", "testing")
"""Groups of extra requirements that running the tests takes; tools for developing are not asked for."""
DEVELOPING_GROUPS = ("dev", "develop", "development")
DEVELOPING_FILES = ("requirements-dev.txt", "dev-requirements.txt", "requirements_dev.txt", "requirements/dev.txt")
"""Tools for developing, among which only pytest's plugins are looked for: without them tests may lack a fixture."""
PLUGIN = "pytest-"
NEEDLESS = ("cov", "xdist", "sugar", "html", "instafail", "watch", "watcher", "testmon", "picked", "json-report",
            "clarity", "pretty", "rerunfailures", "randomly", "md-report")  # fmt: skip
"""Plugins that no test needs in the sandbox."""
LOCKS = ("package-lock.json", "npm-shrinkwrap.json")
MANIFEST = "package.json"
MAX_BYTES = 8 * 2**20
_NAME = re.compile(r"^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(\[[^]]*\])?\s*(.*)$", re.DOTALL)
_ONE_LINE = re.compile(r"""[A-Za-z0-9._\-\[\],<>=!~;()'" \t*+&|:\\]+""")
_PLAIN_RANGE = re.compile(r"[\w.*|<>=~^ \-+]*")


def requirements_of(root: Path, language: Language) -> tuple[Wanted, ...]:
    """The packages that the project declares; what cannot be had from a registry by name is left out.

    Args:
        root: the worktree: its files are read as data, links are not followed.
        language: which files are looked at.
    """
    return _of_node(root) if language == "node" else _of_python(root)


def manifest_of(root: Path) -> dict[str, Any]:
    """The project's package.json; empty where there is none that can be read."""
    return json_object(root, MANIFEST, MAX_BYTES)


def lock_of(root: Path) -> str:
    """The project's npm lock as text; empty where there is none."""
    return next((text for name in LOCKS if (text := file_text(root, name, MAX_BYTES))), "")


def python_requirement(line: str, place: str) -> Wanted | None:
    """A requirement of one line; None for an option, an address, a path, and an empty line."""
    text = re.sub(r"(^|\s)#.*$", "", line).strip()
    match = _NAME.match(text)
    if not text or text.startswith("-") or match is None or "@" in match[3].split(";")[0] or "/" in match[3]:
        return None
    if not _ONE_LINE.fullmatch(text):
        # A text with a line end in it would be two requirements, of which a person is shown one.
        return None
    text = re.split(r"\s--", text)[0].strip().rstrip("\\").strip()
    return Wanted(name=match[1], requirement=text, places=(place,), source="requirement")


def _of_python(root: Path) -> tuple[Wanted, ...]:
    lines: list[tuple[str, str]] = []
    project = toml_table(root, "pyproject.toml", MAX_BYTES)
    frame = project.get("project")
    if isinstance(frame, dict):
        lines += [(line, "pyproject.toml") for line in _strings(frame.get("dependencies"))]
        extras = frame.get("optional-dependencies")
        lines += [(line, "pyproject.toml") for line in _groups(extras)]
    lines += [(line, "pyproject.toml") for line in _groups(project.get("dependency-groups"))]
    lines += _of_tools(root, project)
    for name in REQUIREMENT_FILES:
        lines += [(line, name) for line in file_text(root, name, MAX_BYTES).replace("\\\n", " ").splitlines()]
    lines += _plugins(root, frame.get("optional-dependencies") if isinstance(frame, dict) else None, project)
    own = str(frame.get("name", "")) if isinstance(frame, dict) else ""
    found: dict[str, Wanted] = {}
    for line, place in lines:
        wanted = python_requirement(line, place)
        if wanted is not None and wanted.name.lower() != own.lower():
            found.setdefault(wanted.name.lower(), wanted)
    return tuple(found.values())


def _of_tools(root: Path, project: dict[str, Any]) -> list[tuple[str, str]]:
    """What the tables of Poetry, Pipenv and setuptools say."""
    poetry = _table(_table(project, "tool"), "poetry")
    tables = [_table(poetry, "dependencies")]
    tables += [_table(_table(_table(poetry, "group"), name), "dependencies") for name in TEST_GROUPS]
    lines = [(line, "pyproject.toml") for table in tables for line in poetry_requirements(table)]
    pipfile = toml_table(root, "Pipfile", MAX_BYTES)
    lines += [(line, "Pipfile") for line in poetry_requirements(pipfile.get("packages"))]
    settings = ConfigParser(interpolation=None, strict=False)
    try:
        settings.read_string(file_text(root, "setup.cfg", MAX_BYTES))
    except ConfigParserError:
        return lines
    told = [settings.get("options", "install_requires", fallback="")]
    told += [settings.get("options.extras_require", name, fallback="") for name in TEST_GROUPS]
    return lines + [(line, "setup.cfg") for text in told for line in text.splitlines()]


def _table(within: dict[str, Any], name: str) -> dict[str, Any]:
    found = within.get(name)
    return found if isinstance(found, dict) else {}


def _plugins(root: Path, extras: object, project: dict[str, Any]) -> list[tuple[str, str]]:
    """The plugins of pytest among the tools for developing."""
    lines = [
        (line, "pyproject.toml")
        for table in (extras, project.get("dependency-groups"))
        for line in _groups(table, DEVELOPING_GROUPS)
    ]
    poetry = _table(_table(project, "tool"), "poetry")
    tables = [_table(_table(_table(poetry, "group"), name), "dependencies") for name in DEVELOPING_GROUPS]
    for table in (*tables, _table(poetry, "dev-dependencies")):
        lines += [(line, "pyproject.toml") for line in poetry_requirements(table)]
    pipfile = toml_table(root, "Pipfile", MAX_BYTES)
    lines += [(line, "Pipfile") for line in poetry_requirements(pipfile.get("dev-packages"))]
    for name in DEVELOPING_FILES:
        lines += [(line, name) for line in file_text(root, name, MAX_BYTES).replace("\\\n", " ").splitlines()]
    return [(line, place) for line, place in lines if _is_plugin(python_requirement(line, place))]


def _is_plugin(wanted: Wanted | None) -> bool:
    name = canonical(wanted.name) if wanted is not None else ""
    return name.startswith(PLUGIN) and name.removeprefix(PLUGIN) not in NEEDLESS


def _of_node(root: Path) -> tuple[Wanted, ...]:
    manifest = manifest_of(root)
    found: dict[str, Wanted] = {}
    for key in ("dependencies", "devDependencies"):
        section = manifest.get(key)
        for name, wish in (section if isinstance(section, dict) else {}).items():
            if isinstance(wish, str) and is_plain_range(wish):
                requirement = f"{name}@{wish}" if wish else name
                found[name] = Wanted(name=name, requirement=requirement, places=(MANIFEST,), source="requirement")
    return tuple(found.values())


def is_plain_range(wish: str) -> bool:
    """Whether what package.json says of a package is versions and nothing else: no address, no other package's name."""
    return _PLAIN_RANGE.fullmatch(wish) is not None


def _groups(table: object, groups: tuple[str, ...] = TEST_GROUPS) -> list[str]:
    if not isinstance(table, dict):
        return []
    return [line for name in groups for line in _strings(table.get(name))]


def _strings(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
