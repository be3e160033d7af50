"""The habits that a machine can check: sizes, names, and what must not stand in a committed file."""

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAX_FILE = 400
MAX_FUNCTION = 60

VAGUE = {"utils", "util", "helper", "helpers", "manager", "data"}

# Written in pieces, so that this file does not hold what it looks for.
HOSTS = re.compile(
    "|".join(
        re.escape(a + b)
        for a, b in (
            ("pypi", ".org"),
            ("python", "hosted.org"),
            ("npm", "js.org"),
            ("npm", "js.com"),
            ("deb.", "debian.org"),
            ("security.", "debian.org"),
            ("archive.", "ubuntu.com"),
            ("registry-1.", "docker.io"),
            ("index.", "docker.io"),
            ("docker", ".io/"),
            ("gh", "cr.io"),
            ("crates", ".io"),
            ("proxy.", "golang.org"),
        )
    )
)
MACHINE_PATHS = re.compile(
    "|".join(
        ("/wo" + "rk/(?:main|shared)", "/ro" + r"ot/\.(?!ssh\b|bashrc\b)", "/opt/" + "(?:wheels|pypi)", "/tm" + "p/w/")
    )
)
UNFINISHED = re.compile(
    "|".join((r"\bTO" + r"DO\b", r"\bFIX" + r"ME\b", r"\bXX" + r"X\b", "lorem" + " ipsum", r"\bcoming" + " soon"))
)


@cache
def committed() -> tuple[Path, ...]:
    """Every file of the repository: tracked, or new and not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True, text=True,
    ).stdout  # fmt: skip
    return tuple(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())


def texts(*suffixes: str) -> list[tuple[str, str]]:
    """Name and text of the files with one of these suffixes, or of all that are text."""
    found = []
    for path in committed():
        if not suffixes or path.suffix in suffixes:
            raw = path.read_bytes()
            if b"\0" not in raw:
                found.append((str(path.relative_to(ROOT)), raw.decode(errors="replace")))
    return found


def matches(pattern: re.Pattern[str], files: list[tuple[str, str]]) -> list[str]:
    return [
        f"{name}:{number}: {hit[0]}"
        for name, text in files
        for number, line in enumerate(text.splitlines(), 1)
        if (hit := pattern.search(line))
    ]


def test_there_is_something_to_check() -> None:
    assert len(texts(".py")) > 30


def test_files_are_short() -> None:
    long = {name: count for name, text in texts(".py", ".tcss", ".sql") if (count := len(text.splitlines())) > MAX_FILE}
    assert not long


def test_functions_are_short() -> None:
    long = [
        f"{name}:{node.lineno} {node.name}: {size} lines"
        for name, text in texts(".py")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (size := (node.end_lineno or 0) - node.lineno + 1) > MAX_FUNCTION
    ]
    assert not long


def test_every_folder_of_code_is_a_package() -> None:
    folders = {path.parent for path in committed() if path.suffix == ".py"}
    bare = [str(folder.relative_to(ROOT)) for folder in folders if not (folder / "__init__.py").exists()]
    assert not [folder for folder in bare if folder != "scripts"]


def test_packages_do_no_work_when_imported() -> None:
    busy = [name for name, text in texts(".py") if name.endswith("__init__.py") and text.strip()]
    assert not busy


def test_names_say_something() -> None:
    assert not [name for name, _ in texts(".py") if Path(name).stem.split("_")[-1] in VAGUE]


def test_no_host_of_a_registry() -> None:
    assert not matches(HOSTS, texts())


def test_no_path_of_one_machine() -> None:
    assert not matches(MACHINE_PATHS, texts())


def test_nothing_is_left_for_later() -> None:
    assert not matches(UNFINISHED, texts(".md", ".py", ".yaml", ".yml", ".toml", ".sql", ".sh", ".tcss"))
