"""Where the key comes from, and that secrets are redacted."""

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from config.errors import SecretError
from config.secrets import api_key, forget_api_key, known_secrets, redact, redact_value, store_api_key
from config.shapes import REDACTED
from miracle_tui.cli.main import cli
from tests.config_fixtures import Files

SHAPES = [
    "sk-proj-abcdefghijklmnop0123456789",
    "sk-ant-api03-abc_def-0123456789abcdef",
    "ghp_0123456789abcdefghij0123456789abcdef",
    "github_pat_11ABCDEFG0123456789_abcdef",
    "glpat-abcdefghij0123456789",
    "AKIA" + "IOSFODNN7EXAMPLE",
    "xoxb-123456789012-abcdefghij",
    "AIza" + "SyA0123456789abcdefghijklmnopqrstuv",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcDEF123456",
    "SK" + "0123456789abcdef" * 2,
    "https://discord.com/api/webhooks/123456789012345678/" + "aB3-" * 16,
    "MTIzNDU2Nzg5MDEyMzQ1Njc4" + ".GabcdE." + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----",
]


@pytest.mark.parametrize("shape", SHAPES)
def test_key_shapes_go_whole(shape: str) -> None:
    assert redact(f"before {shape} after").replace("https://", "") == f"before {REDACTED} after"


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("Authorization: Bearer abcdefgh12345678", f"Authorization: Bearer {REDACTED}"),
        ('"authorization": "Basic dXNlcjpwYXNzd29yZA=="', f'"authorization": "Basic {REDACTED}"'),
        ("bearer abcdefgh.12345678", f"bearer {REDACTED}"),
        ("x-api-key=abcdefgh12345678", f"x-api-key={REDACTED}"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG", f"aws_secret_access_key = {REDACTED}"),
        ("postgresql://me:hunter2@db/x", f"postgresql://me:{REDACTED}@db/x"),
        ("Cookie: sid=abcdefgh12345678; theme=dark", f"Cookie: {REDACTED}"),
        ("'set-cookie': 'id=a1b2c3d4e5f6; Path=/; HttpOnly'", f"'set-cookie': '{REDACTED}'"),
        ("machine h.example login me\n password hunter2\n", f"machine h.example login me\n password {REDACTED}\n"),
        ("redis://:hunter2@db", f"redis://:{REDACTED}@db"),
    ],
)
def test_named_secrets_keep_their_name(text: str, result: str) -> None:
    assert redact(text) == result


@pytest.mark.parametrize(
    "text",
    [
        "the bearer of this letter",
        "https://example.com:8080/a@b",
        "task-runner-with-a-long-name-0123456789",
        "http://localhost:5432/x",
        "cookie: a small cake; login with a password; def cookie(): ...; SKILLS; MANY.things.happen",
        "mask-image: none; disk-usage",
        "def test_authorization(): assert f(x) == y",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert redact(text) == text


def test_known_values_whatever_their_shape() -> None:
    assert redact("a hunter2x b hunter2xyz", ["hunter2x", "hunter2xyz"]) == f"a {REDACTED} b {REDACTED}"
    assert redact("the cat", ["cat", ""]) == "the cat"


@given(before=st.text(), after=st.text(), secret=st.text(min_size=6).filter(lambda s: s.strip() and s not in REDACTED))
def test_a_known_secret_never_survives(before: str, after: str, secret: str) -> None:
    assert secret not in redact(before + secret + after, [secret]).replace(REDACTED, "\N{REPLACEMENT CHARACTER}")


def test_long_text_takes_no_time() -> None:
    text = (
        "-----BEGIN PRIVATE KEY-----"
        + "a://" * 50
        + "bearer " * 50
        + "cookie: a="
        + "b" * 50
        + "; c" * 50
        + "login a " * 20
    ) * 200
    assert REDACTED in redact(text)


def test_nested_values() -> None:
    value = {"a": ["sk-0123456789abcdefghij", 1, None, True], "b": {"c": ("x", 1.5)}, "d": ValueError("hunter2x")}
    assert redact_value(value, ["hunter2x"]) == {
        "a": [REDACTED, 1, None, True],
        "b": {"c": ["x", 1.5]},
        "d": REDACTED,
    }


def test_known_secrets_of_the_configuration(files: Files) -> None:
    config = files.load(
        OPENAI_API_KEY="local-key", DATABASE_URL="postgresql://u:p%40ssword@h/d", DB_PASSWORD="other-one"
    )
    assert set(known_secrets(config)) == {
        "local-key", "postgresql://u:p%40ssword@h/d", "p%40ssword", "p@ssword", "other-one",
    }  # fmt: skip
    assert "local-key" not in repr(config)
    assert "p%40ssword" not in repr(config)


def test_without_a_key(files: Files) -> None:
    assert api_key(files.load()) is None
    assert api_key(files.load(OPENAI_API_KEY="abc")) == "abc"


@pytest.fixture
def keyring_of_this_test() -> Iterator[None]:
    import keyring
    from keyring.backend import KeyringBackend
    from keyring.errors import PasswordDeleteError

    class InMemory(KeyringBackend):
        priority = 1.0

        def __init__(self) -> None:
            self.kept: dict[tuple[str, str], str] = {}

        def get_password(self, service: str, username: str) -> str | None:
            return self.kept.get((service, username))

        def set_password(self, service: str, username: str, password: str) -> None:
            self.kept[service, username] = password

        def delete_password(self, service: str, username: str) -> None:
            if self.kept.pop((service, username), None) is None:
                raise PasswordDeleteError("none")

    before = keyring.get_keyring()
    keyring.set_keyring(InMemory())
    yield
    keyring.set_keyring(before)


@pytest.mark.usefixtures("keyring_of_this_test")
def test_the_keyring_keeps_one_key_a_server(files: Files) -> None:
    config, elsewhere = files.load(), files.load(OPENAI_BASE_URL="http://user@evil.example/v1")
    store_api_key(config, "mine")
    assert api_key(config) == "mine"
    assert api_key(elsewhere) is None
    assert not forget_api_key(elsewhere)
    assert forget_api_key(config)
    assert api_key(config) is None


@pytest.mark.usefixtures("keyring_of_this_test")
def test_the_command_line_tells_of_the_key_and_forgets_it(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIRACLE_HOME", str(files.home))
    store_api_key(files.load(), "sk-of-mine")
    told = [
        CliRunner().invoke(cli, ["config", "key", *more]).stdout for more in ([], ["--forget"], ["--forget", "--json"])
    ]
    assert told[0] == "✓ there is a key for https://api.openai.com/v1, from the system's keyring\n"
    assert told[1].splitlines()[0] == "✓ forgot the key for https://api.openai.com/v1"
    assert json.loads(told[2]) == {"server": "https://api.openai.com/v1", "source": None, "forgot": False}
    assert "sk-of-mine" not in "".join(told)
    assert api_key(files.load()) is None


def test_a_machine_without_a_keyring(files: Files) -> None:
    import keyring
    from keyring.backends.fail import Keyring

    before = keyring.get_keyring()
    keyring.set_keyring(Keyring())  # type: ignore[no-untyped-call]
    try:
        config = files.load()
        assert api_key(config) is None
        assert not forget_api_key(config)
        with pytest.raises(SecretError) as caught:
            store_api_key(config, "mine")
        assert "OPENAI_API_KEY" in caught.value.hint
    finally:
        keyring.set_keyring(before)
