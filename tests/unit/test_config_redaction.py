"""Redaction beyond the plain text: encoded secrets, streams, variables and .env files, and what is left alone."""

import base64
import json
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from config.forms import forms_of
from config.held_back import MOST, HeldBack
from config.secrets import dotenv_secrets, every_secret, named_secrets, redact
from config.shapes import REDACTED
from tests.config_fixtures import Files
from tests.unit.test_style import texts

KNOWN = ("Xk29fjQ2mmzPq81v", "pässword with 1 space/and+sign")
PEM = "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIabc def\nxyz\n-----END RSA " + "PRIVATE KEY-----"
PIECES = [
    "hello world ",
    "tokens: 12 ",
    "secret\n",
    "bearer\n",
    "-----BEGIN RSA ",
    "Authorization: Bearer abcdefgh12345678\n",
    "GITHUB_TOKEN = 'a1b2c3d4e5f6g7h8i9'\n",
    PEM + "\n",
    "postgresql://me:hunter2@db/x ",
    "sk-proj-" + "abcdefghijklmnop0123456789\n",
    f"x{KNOWN[0]}y ",
    *(f"{form} " for form in forms_of(KNOWN)),
]
PLANTED = ("test_", "_fixtures.py")
"""Files whose names begin or end so hold made-up keys, to test with."""


@settings(max_examples=300)
@given(
    pieces=st.lists(st.sampled_from(PIECES), max_size=12),
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=20),
)
@example(pieces=[PEM], sizes=[1])
def test_a_stream_shows_what_the_whole_would_however_it_is_cut(pieces: list[str], sizes: list[int]) -> None:
    text, stream, shown, at, turn = "".join(pieces), HeldBack(KNOWN), "", 0, 0
    while at < len(text):
        size = sizes[turn % len(sizes)]
        shown += stream.feed(text[at : at + size])
        at, turn = at + size, turn + 1
    assert shown + stream.flush() == redact(text, KNOWN)


def test_ordinary_words_are_shown_as_soon_as_they_end() -> None:
    stream = HeldBack(KNOWN)
    assert [stream.feed(piece) for piece in ("The", " quick", " brown fox", "\n")] == [
        "",
        "The ",
        "quick brown ",
        "fox\n",
    ]
    stream.feed("half of it")
    stream.clear()
    assert stream.flush() == ""
    assert len(stream.feed("." * 3 * MOST)) >= MOST


@given(text=st.text() | st.lists(st.sampled_from(PIECES)).map("".join))
def test_redacting_twice_is_redacting_once(text: str) -> None:
    once = redact(text, KNOWN)
    assert redact(once, KNOWN) == once


@given(before=st.binary(max_size=5), after=st.binary(max_size=5))
def test_a_secret_inside_of_base64_is_found_wherever_it_stands(before: bytes, after: bytes) -> None:
    inside = before + KNOWN[0].encode() + after
    for text in (base64.b64encode(inside).decode(), base64.urlsafe_b64encode(inside).decode()):
        shown = redact(text, KNOWN)
        assert REDACTED in shown
        # What is left are the letters of the neighbours, and at most two that share bits with them.
        assert len(shown) - len(REDACTED) <= 4 * (len(before) + len(after)) + 8


@pytest.mark.parametrize("secret", KNOWN)
def test_every_form_goes(secret: str) -> None:
    raw = secret.encode()
    spelled = ("".join(f"\\x{byte:02x}" for byte in raw), "".join(f"%{byte:02X}" for byte in raw), raw.hex(" "))
    slashed = json.dumps(secret)[1:-1].replace("/", "\\/")
    twice = quote(quote(secret, safe=""), safe="")
    for form in (quote(secret), quote(secret, safe=""), repr(secret), raw.hex(), slashed, twice, *spelled):
        assert redact(f"<{form}>", [secret]).strip("<>'\"") == REDACTED


HEX, LETTERS = "0123456789abcdef0123456789abcdef", "AbCdEf0123GhIjKl4567MnOpQr89StUvWx"


@pytest.mark.parametrize(
    "text",
    [
        "shpat_" + HEX,
        "dapi" + HEX,
        "hvs." + LETTERS,
        "lin_api_" + LETTERS,
        "r8_" + LETTERS,
        "pplx-" + LETTERS,
        "key-" + HEX,
        "123456789:" + "AA" + LETTERS[:33],
        "AGE-SECRET-" + "KEY-1" + 3 * "QPZRY9X8GF2TVDW0S3JN",
        "x-goog-api-" + "key: " + LETTERS,
        "Account" + "Key=" + LETTERS,
        f"https://{LETTERS}@host/x",
        "https://hooks.slack.com/services/" + "T0001/B0001/" + LETTERS,
    ],
)
def test_keys_of_other_services_are_known_by_their_shape(text: str) -> None:
    shown = redact(f"it is {text} there")
    assert REDACTED in shown
    assert not any(part in shown for part in (HEX, LETTERS, "QPZRY"))
    stream = HeldBack()
    assert "".join(map(stream.feed, f"it is {text} there")) + stream.flush() == shown
    for plain in ("key-value pairs", "https://user@host", "dapi.example", "12345678:AA", "a:AAB", "hooks.py", "r8_x"):
        assert redact(plain) == plain


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("GITHUB_TOKEN", "abc-12345678", True),
        ("PGPASSWORD", "hunter2hunter2", True),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMIK7MDENG", True),
        ("STRIPE_API_KEYS", "rk_1234567890", True),
        ("TOKEN", "short1", False),
        ("SESSION_TOKEN", "development", False),
        ("CREDENTIALS", "/run/secrets/x1y2", False),
        ("SSH_AUTH_SOCK", "agent-1234567890", False),
        ("PWD", "home-1234567890", False),
        ("INDEX_URL", "ftp://me:s3cretword@host/x", True),
        ("INDEX_URL", "ftp://host/x", False),
    ],
)
def test_variables_are_secret_by_their_names(name: str, value: str, secret: bool) -> None:
    assert bool(named_secrets({name: value})) is secret


def test_env_files_of_the_project_and_of_the_person_are_known(files: Files, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# mine\nexport DEPLOY_TOKEN='from-the-project-1'\nNAME=ordinary-name-1\n")
    (tmp_path / ".env.local").write_text("not = a # valid line '\nDB_PASSWORD=p4ssw0rd-local\n")
    (tmp_path / ".env.example").write_text("DEPLOY_TOKEN=your-token-here\n")
    (tmp_path / ".env.bin").write_bytes(b"\xff\xfe\x00TOKEN=abcdefgh12345")
    (tmp_path / ".env.huge").write_text("A_TOKEN=huge-token-12345\n" + "#" * 100_000)
    (tmp_path / ".env.link").symlink_to(tmp_path / ".env")
    files.write(".env", "OTHER_SECRET=from-the-person-1\n")
    config = files.load()
    found = every_secret(config, tmp_path, environ={"CI_TOKEN": "from-the-environment-1"})
    assert set(found) == {"from-the-environment-1", "from-the-person-1", "from-the-project-1", "p4ssw0rd-local"}
    assert dotenv_secrets(tmp_path / "nowhere") == ()


def test_this_repository_is_left_alone() -> None:
    lines, changed = 0, []
    for name, text in texts():
        if Path(name).name.startswith(PLANTED[0]) or name.endswith(PLANTED[1]):
            continue
        clean = redact(text)
        lines += text.count("\n")
        if clean != text:
            changed += [
                f"{name}:{number}: {line}"
                for number, (line, after) in enumerate(zip(text.split("\n"), clean.split("\n"), strict=False), 1)
                if line != after
            ]
    assert lines > 30_000
    assert len(changed) * 10_000 < lines, changed


def test_hostile_text_takes_no_time() -> None:
    began = time.perf_counter()
    for hostile in ("sk-" * 50_000, "token=" * 30_000, "secret:" + " " * 200_000, "eyJ" * 50_000, "x" * 1_000_000):
        redact(hostile, KNOWN)
        HeldBack(KNOWN).feed(hostile)
    assert time.perf_counter() - began < 10
