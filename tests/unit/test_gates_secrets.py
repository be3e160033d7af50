"""The keys that Miracle works with reach no event, wherever they turn up; what only looks like a key is left alone."""

from engine import events as e
from engine.gates.secrets import without_secrets
from engine.llm.protocol import Answer, ToolCall

KEY = "sk-live-0123456789abcdef"


def test_a_key_is_taken_out_of_every_text_of_an_event() -> None:
    call = ToolCall(id="1", name="create_file", arguments=f'{{"content": "KEY = \'{KEY}\'"}}')
    answer = Answer(model="m", text=f"I use {KEY}.", tool_calls=(call,))
    clean = without_secrets(e.AnswerReceived(session_id="s", call_id="c", answer=answer), (KEY, "x" * 20))
    assert KEY not in str(e.to_body(clean))
    assert isinstance(clean, e.AnswerReceived)
    assert clean.answer.tool_calls[0].arguments == '{"content": "KEY = \'[redacted]\'"}'


def test_what_looks_like_a_key_goes_out_of_words_and_stays_in_files() -> None:
    shaped = "ghp_" + "0123456789abcdefghij0123"
    call = ToolCall(id="1", name="create_file", arguments=f'{{"content": "{shaped}"}}')
    event = e.AnswerReceived(session_id="s", call_id="c", answer=Answer(model="m", text=shaped, tool_calls=(call,)))
    clean = without_secrets(event, ())
    assert isinstance(clean, e.AnswerReceived)
    assert (clean.answer.text, clean.answer.tool_calls) == ("[redacted]", (call,))
    said = without_secrets(e.Steered(text=f"use {shaped}"), ())
    assert said == e.Steered(text="use [redacted]")


def test_an_event_without_secrets_is_the_same_event() -> None:
    event = e.Steered(text="the ollama server at postgres://${USER}:${PASSWORD}@db/x, and the bearer of this letter")
    assert without_secrets(event, (KEY, "ollama")) is event
    assert without_secrets(event, ()) is event
