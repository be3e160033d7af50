"""Which layer wins, and that `sources` says so."""

import pytest

from config.errors import ConfigError
from config.openai import ROLES
from config.settings import Settings
from tests.config_fixtures import Files


def test_packaged_defaults_stand_alone(files: Files) -> None:
    config = files.load()
    assert config.settings == Settings()
    assert config.openai.api.key is None
    assert config.database.postgresql.url is None
    assert set(config.prompts) == set(ROLES)
    assert set(ROLES) | {"embedding", "default"} == set(config.openai.models)
    assert config.openai.models["embedding"] == "text-embedding-3-large"
    assert config.openai.embedding.dimensions == config.database.pgvector.dimensions == 1536
    assert set(config.sources.values()) == {"packaged"}


def test_each_prompt_names_its_submit_function(files: Files) -> None:
    names = ("spec", "plan", "work", "tests", "reflection", "review", "audit", "subtask")
    for role, name in zip(ROLES, names, strict=True):
        assert f"submit_{name}" in files.load().prompts[role]


def test_later_layers_win(files: Files) -> None:
    key = "settings.cost_control.max_budget_per_task"
    path = files.write("settings.yaml", "# mine\ncost_control:\n  max_budget_per_task: 4\n")
    assert files.load().settings.cost_control.max_budget_per_task == 4
    assert files.load().sources[key] == f"{path}:3"

    path = files.write_project("settings.yaml", "cost_control: {max_budget_per_task: 3}\n")
    assert files.load().settings.cost_control.max_budget_per_task == 3
    assert files.load().sources[key] == f"{path}:1"

    variable = "MIRACLE_SETTINGS__COST_CONTROL__MAX_BUDGET_PER_TASK"
    config = files.load(None, **{variable: "2.5"})
    assert config.settings.cost_control.max_budget_per_task == 2.5
    assert config.sources[key] == f"environment: {variable}"

    config = files.load({key: 9}, **{variable: "2.5"})
    assert config.settings.cost_control.max_budget_per_task == 9
    assert config.sources[key] == "command line"


def test_mappings_merge_and_lists_are_replaced(files: Files) -> None:
    files.write("openai.yaml", "models:\n  coder: mine\nfallback_sequence: [other]\n")
    openai = files.load().openai
    assert openai.models["coder"] == "mine"
    assert openai.models["planner"] == "gpt-5.1"
    assert openai.sequence("coder") == ("mine", "other")


def test_empty_sections_say_nothing(files: Files) -> None:
    files.write("settings.yaml", "sandbox:\n  # cpu_limit: 4\nmemory:\n")
    files.write("database.yaml", "")
    assert files.load().settings == Settings()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("settings.yaml", "orchestrator: {circuit_breaker: {hard_stop: 7, warning_threshold: 6}}"),
        ("settings.yaml", "orchestrator: {max_iterations: 7, warning_threshold: 6}"),
    ],
)
def test_second_names_of_the_circuit_breaker(files: Files, name: str, text: str) -> None:
    files.write(name, text)
    orchestrator = files.load().settings.orchestrator
    assert (orchestrator.max_iterations, orchestrator.warning_threshold) == (7, 6)


def test_second_names_of_the_rules(files: Files) -> None:
    files.write(
        "safety_rules.yaml",
        "python: {severity_levels: {warning: low}}\nnode: {blocked_modules: [fs]}\n",
    )
    rules = files.load().rules
    assert rules.node.blocked_imports == ("fs",)
    assert rules.severity_levels == {"blocked": "critical", "approval_required": "high", "warning": "low"}


def test_a_server_named_by_its_parts(files: Files) -> None:
    files.write("database.yaml", 'postgresql:\n  host: db.example\n  user: "a b"\n  password: "${DB_PASSWORD}"\n')
    url = files.load(DB_PASSWORD="p@ss/word").database.postgresql.url
    assert url is not None
    assert url.get_secret_value() == "postgresql://a%20b:p%40ss%2Fword@db.example:5432/miracle"


def test_a_url_goes_before_the_parts(files: Files) -> None:
    files.write("database.yaml", "postgresql: {host: db.example}\n")
    url = files.load(DATABASE_URL="postgresql://other/x").database.postgresql.url
    assert url is not None
    assert url.get_secret_value() == "postgresql://other/x"


def test_a_password_alone_keeps_the_embedded_server(files: Files) -> None:
    assert files.load(DB_PASSWORD="secret").database.postgresql.url is None


def test_a_wrong_option_names_itself(files: Files) -> None:
    with pytest.raises(
        ConfigError, match=r"command line: settings\.sandbox\.cpu_limit: should be greater than 0"
    ) as caught:
        files.load({"settings.sandbox.cpu_limit": -1})
    assert "--help" in caught.value.hint
