"""Loading the configuration: packaged files, the person's, the project's, the environment, the command line.

    packaged YAML  <  the user's folder  <  the project's .miracle/  <  environment and .env  <  command line

The later layer wins, except that a project's own folder may only tighten safety (`config.tighten`). Only the packaged
and the person's own files may refer to variables: a project could send them elsewhere otherwise. For the same reason a
project's `.env` is never read.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from config.config import Config
from config.database import Database
from config.documents import FILES, Document, Key, dotted, read_document
from config.environment import Unset, environment_layer, expand, read_dotenv
from config.openai import OpenAI
from config.paths import Paths, find_paths
from config.rules import Dependencies, SafetyRules
from config.settings import Settings
from config.stack import Origin, Stack, flatten
from config.tighten import Loosens, rule_for

PACKAGED = Path(__file__).parent
PROJECT_FOLDER = ".miracle"
URL: Key = ("database", "postgresql", "url")


def load_config(
    project: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    overrides: Mapping[str, Any] | None = None,
    paths: Paths | None = None,
) -> Config:
    """The configuration in force.

    Args:
        project: the person's project, whose `.miracle/` may tighten safety.
        environ: the process environment.
        overrides: what the command line says, by dotted key ("settings.cost_control.max_budget_per_task").
        paths: Miracle's folders; the platform's by default.

    Raises:
        ConfigFileError: a file is broken, or a project's file loosens safety; names file, key and line.
        ConfigError: a variable or an option has a wrong value.
    """
    paths = paths or find_paths(environ)
    environ = read_dotenv(paths.config / ".env", environ)
    stack = Stack()
    _add_folder(stack, PACKAGED, environ, label="packaged")
    agents = tuple(stack.values["prompts"])
    _add_folder(stack, paths.config, environ)
    if project:
        stack = _with_project(stack, project / PROJECT_FOLDER)
    for key, (name, value) in environment_layer(environ).items():
        stack.put(key, value, Origin(f"environment: {name}", hint=f"Correct the variable, or run `unset {name}`."))
    for name, value in (overrides or {}).items():
        stack.put(tuple(name.split(".")), value, Origin("command line", hint="`miracle run --help` lists the options."))
    stack.check_agents(agents)
    _name_server(stack)
    return _config(paths, stack)


def _add_folder(stack: Stack, folder: Path, environ: Mapping[str, str], label: str = "") -> None:
    for root, name in FILES.items():
        document = read_document(folder / name, root, packaged=folder == PACKAGED)
        if document is None:
            continue
        for key, value, line in flatten(document, root):
            origin = Origin(label or f"{document.path}:{line}", document.path, line)
            try:
                filled = value if root == "prompts" else _expand(value, environ)
            except Unset as exc:
                raise origin.error(key, str(exc)) from exc
            if filled is not None or value is None:
                stack.put(key, filled, origin)
    stack.validate()


def _expand(value: Any, environ: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return expand(value, environ)
    if isinstance(value, list):
        return [item for item in (_expand(item, environ) for item in value) if item is not None]
    return value


def _with_project(stack: Stack, folder: Path) -> Stack:
    """The stack with a project's own files on top, each key judged by its rule."""
    documents = [(root, document) for root, name in FILES.items() if (document := read_document(folder / name, root))]
    if not documents:
        return stack
    asked = stack.copy()
    for root, document in documents:
        for key, value, line in flatten(document, root):
            asked.put(key, value, Origin(f"{document.path}:{line}", document.path, line))
    before, after = stack.validate(), asked.validate()
    merged = stack.copy()
    for root, document in documents:
        _tighten(merged, root, document, before, after)
    return merged


def _tighten(merged: Stack, root: str, document: Document, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    for key, _, line in flatten(document, root):
        origin = Origin(f"{document.path}:{line}", document.path, line)
        found = rule_for(key)
        if found is None:
            raise origin.error(key, "a project cannot set this; set it in your own configuration folder")
        governed, rule = found
        try:
            merged.put(governed, rule(_value(before, governed), _value(after, governed)), origin)
        except Loosens as exc:
            raise origin.error(key, str(exc)) from exc


def _value(models: Mapping[str, Any], key: Key) -> Any:
    value = models[key[0]]
    for name in key[1:]:
        value = getattr(value, name)
    return value


def _name_server(stack: Stack) -> None:
    """Make a URL of the server's parts where they, and no URL, are given."""
    server: Any = stack.get(URL[:-1])
    if not isinstance(server, dict) or server.get("url") or not server.get("host"):
        return
    stack.validate()
    part = {name: quote(str(server.get(name) or default), safe="") for name, default in _SERVER.items()}
    secret = f":{part['password']}" if part["password"] else ""
    url = f"postgresql://{part['user']}{secret}@{server['host']}:{part['port']}/{part['database']}"
    stack.put(URL, url, stack.origin((*URL[:-1], "host")))


_SERVER = {"user": "postgres", "password": "", "port": "5432", "database": "miracle"}


def _config(paths: Paths, stack: Stack) -> Config:
    models = stack.validate()
    settings, database, openai = models["settings"], models["database"], models["openai"]
    rules, dependencies = models["rules"], models["dependencies"]
    assert isinstance(settings, Settings)
    assert isinstance(database, Database)
    assert isinstance(openai, OpenAI)
    assert isinstance(rules, SafetyRules)
    assert isinstance(dependencies, Dependencies)
    return Config(
        paths=paths,
        settings=settings,
        database=database,
        openai=openai,
        prompts=dict(stack.values.get("prompts", {})),
        rules=rules,
        dependencies=dependencies,
        sources={dotted(key): origin.label for key, origin in stack.origins.items()},
    )
