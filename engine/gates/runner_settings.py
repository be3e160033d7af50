"""Settings of test runners that decide what is collected, run and judged: what of them is other than before. Pure.

What is not known to be harmless counts: a new option, a new key, a file that only the runner can read.
"""

import configparser
import hashlib
import json
import re
import shlex
import tomllib
from collections.abc import Collection, Mapping

from engine.integrity_events import TestLoss

_SECTIONS = {"pytest.ini": "pytest", ".pytest.ini": "pytest", "tox.ini": "pytest", "setup.cfg": "tool:pytest"}
_OWN_FILES = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini")
"""Files whose being there keeps pytest from reading any other."""
SETTINGS_FILES = (*_OWN_FILES, "tox.ini", "setup.cfg", "pyproject.toml", "package.json")
COMMAND_FILES = re.compile(
    r"(?:GNUm|[mM])akefile|(?:jest|vitest|vite|ava|karma|playwright)\.config\.\w+|\.mocharc(?:\.\w+)?|\.c8rc\.json|\.taprc"
)
"""Files that decide what a project's own test command does, in its top folder."""
_HARMLESS_OPTIONS = re.compile(
    r"-[qvslr]+|-r\w+|--(?:verbose|quiet|verbosity|tb|color|strict|strict-markers|strict-config|durations|durations-min"
    r"|showlocals|no-showlocals|no-header|no-summary|capture|junitxml|junit-xml|junit-prefix|disable-warnings|code-highlight"
    r"|cov|cov-\w+|cov-\w+-\w+|show-capture|full-trace|disable-pytest-warnings|randomly-seed|benchmark-\w+|asyncio-mode"
    r"|doctest-modules|doctest-glob|log-\w+|log-\w+-\w+|timeout|maxprocesses|hypothesis-show-statistics|xfail-tb)(?:=.*)?"
)
_TAKES_VALUE = frozenset(
    {
        *("-o", "-k", "-m", "-p", "-c", "-W", "-n", "--tb", "--color", "--durations", "--verbosity", "--capture"),
        *("--junitxml", "--cov", "--timeout", "--ignore", "--ignore-glob", "--deselect", "--rootdir", "--confcutdir"),
        *("--maxfail", "--override-ini", "--config-file", "--import-mode", "--pythonwarnings", "--assert", "--dist"),
    }
)
_HARMLESS_KEYS = re.compile(
    r"addopts|markers|log_\w+|junit_\w+|cache_dir|tmp_path_\w+|faulthandler_\w+|console_output_style|minversion|verbosity_\w+"
    r"|truncation_\w+|asyncio_\w+|timeout\w*|required_plugins|doctest_\w+|strict_markers|strict_config|filterwarnings"
    r"|xfail_strict|strict_xfail|strict|enable_assertion_pass_hook"
)
_LOST_ONLY = ("xfail_strict", "strict_xfail", "strict", "filterwarnings")
"""Keys that make tests stricter: only what is taken from them counts."""
_UNREADABLE = "what nobody else can read"


def runner_settings(path: str, text: str) -> dict[str, str]:
    """What a file sets that decides which tests are collected and how they are judged; empty when it sets nothing.

    Args:
        path: relative, in the project's top folder.
        text: the file.
    """
    name = path.rsplit("/", 1)[-1]
    if COMMAND_FILES.fullmatch(name):
        return {"contents": _digest(text)}
    try:
        if name == "package.json":
            return _scripts(json.loads(text))
        section = _section(name, text)
    except KeyError:
        return {}
    except (ValueError, RecursionError):
        return {}
    except configparser.Error:
        # The runner has another parser for it, which may read it all the same.
        return {_UNREADABLE: _digest(text)}
    kept = {key: _flat(value) for key, value in section.items() if not _HARMLESS_KEYS.fullmatch(key)}
    kept |= {key: _flat(section[key]) for key in _LOST_ONLY if key in section}
    narrowing = _narrowing(_flat(section.get("addopts", "")))
    takes = {"its place": "the first"} if name in _OWN_FILES[:2] else {}
    return kept | takes | ({"addopts": narrowing} if narrowing else {})


def settings_losses(
    before: Mapping[str, str], now: Mapping[str, str], path: str, tests: Collection[str]
) -> tuple[TestLoss, ...]:
    """Settings that are other than before.

    Args:
        before: of `runner_settings`.
        now: the same, newer.
        path: the file.
        tests: the known test files; test folders that hold all of them narrow nothing.
    """
    found = []
    for key in sorted({*before, *now}):
        value = now.get(key, "")
        if value == before.get(key, "") or _is_no_loss(key, before, value, tests):
            continue
        if key in ("contents", "its place", _UNREADABLE):
            detail = "was changed, and decides which tests are run"
        else:
            detail = f"sets {key} to {value!r}" if value else f"no longer sets {key} to {before[key]!r}"
        found.append(TestLoss(kind="settings", path=path, detail=detail[:300]))
    return tuple(found)


def _is_no_loss(key: str, before: Mapping[str, str], value: str, tests: Collection[str]) -> bool:
    was = before.get(key, "")
    if key == "scripts.test" or key == "contents":
        return key not in before
    if key == "testpaths":
        return not value or all(_below(value, test) for test in tests)
    if key == "addopts":
        return set(_words(value)) <= set(_words(was))
    if key == "filterwarnings":
        return "error" not in was or value.startswith(was)
    return key in _LOST_ONLY and was.lower() not in ("true", "1", "yes", "on")


def _scripts(found: object) -> dict[str, str]:
    """The scripts that `npm test` runs, and the settings of test runners that may stand beside them."""
    if not isinstance(found, dict):
        return {}
    scripts = found.get("scripts")
    names = ("pretest", "test", "posttest")
    said = {f"scripts.{name}": str(scripts[name]) for name in names if isinstance(scripts, dict) and name in scripts}
    own = {name: json.dumps(found[name], sort_keys=True) for name in ("jest", "mocha", "ava", "tap") if name in found}
    return said | own


def _section(name: str, text: str) -> dict[str, object]:
    if name in ("pytest.toml", ".pytest.toml"):
        section = tomllib.loads(text).get("pytest", {})
        return section if isinstance(section, dict) else {}
    if name == "pyproject.toml":
        tool = tomllib.loads(text).get("tool", {}).get("pytest", {})
        section = tool.get("ini_options", tool) if isinstance(tool, dict) else {}
        return section if isinstance(section, dict) else {}
    parser = configparser.ConfigParser(interpolation=None, strict=False, allow_no_value=True)
    parser.read_string(text)
    return dict(parser[_SECTIONS[name]])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _flat(value: object) -> str:
    return shlex.join(map(str, value)) if isinstance(value, list) else " ".join(str(value).split())


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _narrowing(options: str) -> str:
    """The options that may leave tests out or change how they are judged, each with its value, and names of tests."""
    words = _words(options)
    kept: list[str] = []
    at = 0
    while at < len(words):
        word = words[at]
        value = words[at + 1 : at + 2] if word in _TAKES_VALUE else []
        if not _HARMLESS_OPTIONS.fullmatch(word):
            kept += [word, *value]
        at += 1 + len(value)
    return shlex.join(kept)


def _below(folders: str, path: str) -> bool:
    return any(
        folder in (".", "") or path == folder or path.startswith(f"{folder.rstrip('/')}/") for folder in _words(folders)
    )
