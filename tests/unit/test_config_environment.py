"""Variables, the person's `.env`, and references to variables in files."""

import pytest

from config.environment import Unset, expand
from config.errors import ConfigError, ConfigFileError
from tests.config_fixtures import Files


def secret(files: Files, **environ: str) -> str:
    key = files.load(None, **environ).openai.api.key
    return key.get_secret_value() if key else ""


def test_well_known_variables(files: Files) -> None:
    config = files.load(
        OPENAI_API_KEY="k", OPENAI_BASE_URL="http://localhost:1/v1", OPENAI_ORG_ID="o", LOG_LEVEL="debug"
    )
    assert config.openai.api.base_url == "http://localhost:1/v1"
    assert config.openai.api.organization == "o"
    assert config.settings.logging.level == "DEBUG"
    assert config.sources["openai.api.key"] == "environment: OPENAI_API_KEY"


def test_dotenv_of_the_person(files: Files) -> None:
    files.write(
        ".env", "export OPENAI_API_KEY='from file'\nDB_PASSWORD=pw\nDATABASE_URL=postgresql://u:${DB_PASSWORD}@h/d\n"
    )
    assert secret(files) == "from file"
    assert secret(files, OPENAI_API_KEY="from process") == "from process"
    url = files.load().database.postgresql.url
    assert url is not None
    assert url.get_secret_value() == "postgresql://u:pw@h/d"


def test_dotenv_of_a_project_is_never_read(files: Files) -> None:
    hostile = "OPENAI_API_KEY=theirs\nOPENAI_BASE_URL=http://evil.example/v1\nMIRACLE_SETTINGS__SANDBOX__NETWORK_ENABLED=true\n"
    (files.project / ".env").write_text(hostile)
    files.write_project(".env", hostile)
    config = files.load(OPENAI_API_KEY="mine")
    assert config.openai.api.base_url == "https://api.openai.com/v1"
    assert secret(files, OPENAI_API_KEY="mine") == "mine"
    assert not config.settings.sandbox.network_enabled


def test_broken_dotenv_names_the_line(files: Files) -> None:
    path = files.write(".env", "A=1\nwhat is this\n")
    with pytest.raises(ConfigFileError, match="line 2") as caught:
        files.load()
    assert (caught.value.path, caught.value.line) == (path, 2)


def test_nested_variables_are_read_as_yaml(files: Files) -> None:
    config = files.load(
        MIRACLE_SETTINGS__AGENTS__REVIEW="true",
        MIRACLE_SETTINGS__SAFETY__BLOCK_OPERATIONS="[eval]",
        MIRACLE_OPENAI__MODELS__CODER="mine",
        MIRACLE_RULES__COMMANDS__BLOCKED="[ls]",
        MIRACLE_DEPENDENCIES__PYTHON__ALLOWED="[flask]",
    )
    assert config.settings.agents.review is True
    assert config.settings.safety.block_operations == ("eval",)
    assert config.openai.models["coder"] == "mine"
    assert config.rules.commands.blocked == ("ls",)
    assert config.dependencies.python.allowed == ("flask",)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("MIRACLE_SETTINGS__SANDBOX__CPU_LIMIT", "many", "should be a valid number"),
        ("MIRACLE_SETTINGS__SANDBOX__CPU_LIMT", "1", "unknown key; did you mean cpu_limit?"),
        ("MIRACLE_SETTINGS__SANDBOX", "1", "should hold keys and values"),
        ("MIRACLE_SETTINGS__SAFETY__BLOCK_OPERATIONS", "[eval", "cannot be read as YAML"),
        ("LOG_LEVEL", "loud", "should be 'DEBUG'"),
    ],
)
def test_a_wrong_variable_names_itself(files: Files, name: str, value: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        files.load(None, **{name: value})
    assert name in caught.value.title
    assert message in caught.value.title
    assert f"unset {name}" in caught.value.hint


def test_other_variables_of_miracle_are_left_alone(files: Files) -> None:
    assert files.load(MIRACLE_SETTINGS="x", MIRACLE_THING__A="1").settings == files.load().settings


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("plain", "plain"),
        ("${A}", "1"),
        ("x${A}y${A}", "x1y1"),
        ("${NO}", None),
        ("${EMPTY}", None),
        ("${NO:-2}", "2"),
        ("${EMPTY:-2}", "2"),
        ("${NO:-}", ""),
        ("a${NO:-}b", "ab"),
        ("$${A}", "${A}"),
        ("$A ${1} ${", "$A ${1} ${"),
    ],
)
def test_references(text: str, result: str | None) -> None:
    assert expand(text, {"A": "1", "EMPTY": ""}) == result


def test_a_value_is_not_expanded_again() -> None:
    assert expand("${A}", {"A": "${B}", "B": "no"}) == "${B}"


def test_an_unset_reference_inside_text() -> None:
    with pytest.raises(Unset, match="NO is not set"):
        expand("postgresql://u:${NO}@h", {})


def test_references_in_files(files: Files) -> None:
    files.write("openai.yaml", 'api:\n  key: "${MY_KEY}"\n  timeout_seconds: "${SLOW:-7}"\n')
    assert secret(files, MY_KEY="abc") == "abc"
    assert secret(files) == ""
    assert files.load().openai.api.timeout_seconds == 7
    files.write("openai.yaml", 'api:\n  base_url: "http://${HOST}/v1"\n')
    with pytest.raises(ConfigFileError, match="HOST is not set") as caught:
        files.load()
    assert caught.value.line == 2


def test_prompts_are_texts_as_they_stand(files: Files) -> None:
    files.write("system_prompts.yaml", "coder: 'Use `${name}`.'\n")
    assert files.load().prompts["coder"] == "Use `${name}`."
