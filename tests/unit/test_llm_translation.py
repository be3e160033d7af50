"""Waits and parameters as servers word them."""

from datetime import UTC, datetime

import pytest

from config.openai import Parameters
from engine.llm.translate import retry_after
from engine.llm.wire import wire_headers, wire_parameters
from tests.model_fixtures import request

NOW = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "expected_s"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "Tue, 06 May 2031 07:08:39 GMT"}, 30.0),
        ({"retry-after": "Tue, 06 May 2031 07:00:00 GMT"}, 0.0),
        ({"retry-after": "Tue, 06 May 2031 07:08:39"}, 30.0),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
    ],
)
def test_retry_after(headers: dict[str, str], expected_s: float | None) -> None:
    assert retry_after(headers, NOW) == expected_s


@pytest.mark.parametrize(
    ("model", "default_server", "name"),
    [
        ("gpt-5.1", True, "max_completion_tokens"),
        ("o3-mini", True, "max_completion_tokens"),
        ("gpt-4.1", True, "max_tokens"),
        ("gpt-5.1", False, "max_tokens"),
    ],
)
def test_the_token_limit_has_the_name_that_the_model_knows(model: str, default_server: bool, name: str) -> None:
    sent = wire_parameters(Parameters(max_tokens=99), request(model=model), default_server=default_server, dropped={})
    assert sent[name] == 99
    assert len({"max_tokens", "max_completion_tokens"} & sent.keys()) == 1


def test_only_set_parameters_are_sent() -> None:
    parameters = Parameters(temperature=None, top_p=0.5)
    sent = wire_parameters(parameters, request(), default_server=False, dropped={"stream_options": ""})
    assert sent == {"top_p": 0.5, "max_tokens": parameters.max_tokens}


def test_headers_are_ascii() -> None:
    headers = wire_headers(request(role="prüfer\r\nX-Evil: 1"))
    assert headers["X-Miracle-Role"].isascii()
    assert "\n" not in headers["X-Miracle-Role"]
