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


def test_an_event_without_secrets_is_the_same_event() -> None:
    event = e.Steered(text="the ollama server at postgres://app:app@db/x, Bearer abcdefghijklmnop")
    assert without_secrets(event, (KEY, "ollama")) is event
    assert without_secrets(event, ()) is event
