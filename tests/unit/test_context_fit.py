"""A long conversation still fits into a request: what is old is cut, what was said to begin with is not."""

import json

from hypothesis import given
from hypothesis import strategies as st

from engine.context.fit import PROMPT_TOKENS, fit
from engine.llm.protocol import Message, ToolCall
from engine.llm.tokens import estimated_tokens


def conversation(turns: int, result: str = "x" * 16_000, content: str = "y" * 4_000) -> tuple[Message, ...]:
    """A session of so many tool calls."""
    messages = [Message(role="system", content="You write code."), Message(role="user", content="g" * 90_000)]
    for turn in range(turns):
        call = ToolCall(id=f"c{turn}", name="create_file", arguments=json.dumps({"path": "a.py", "content": content}))
        messages.append(Message(role="assistant", content="I write.", tool_calls=(call,)))
        messages.append(Message(role="tool", content=result, tool_call_id=call.id))
    return tuple(messages)


def tokens(messages: tuple[Message, ...]) -> int:
    return sum(estimated_tokens(m.content) + sum(estimated_tokens(c.arguments) for c in m.tool_calls) for m in messages)


def test_a_short_conversation_is_sent_as_it_is() -> None:
    messages = conversation(3)
    assert fit(messages) == messages


def test_a_long_one_fits_and_keeps_its_opening_its_newest_results_and_its_shape() -> None:
    messages = conversation(40)
    assert tokens(messages) > PROMPT_TOKENS
    fitted = fit(messages)
    assert tokens(fitted) <= PROMPT_TOKENS
    assert fitted[:2] == messages[:2]
    assert fitted[-6:] == messages[-6:]
    assert [(m.role, m.tool_call_id, [c.id for c in m.tool_calls]) for m in fitted] == [
        (m.role, m.tool_call_id, [c.id for c in m.tool_calls]) for m in messages
    ]
    assert "left out" in fitted[3].content
    arguments = json.loads(fitted[2].tool_calls[0].arguments)
    assert arguments["path"] == "a.py"
    assert "left out" in arguments["content"]


def test_one_huge_newest_result_is_cut_too() -> None:
    fitted = fit(conversation(2, result="x" * 600_000))
    assert tokens(fitted) <= PROMPT_TOKENS


def test_each_time_a_server_calls_it_too_long_the_budget_halves() -> None:
    messages = conversation(20)
    assert tokens(fit(messages, 1)) <= PROMPT_TOKENS // 2 < tokens(fit(messages, 0))


@given(
    st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9), st.integers(0, 3_000)), max_size=8),
    st.integers(0, 40),
)
def test_whatever_a_model_wrote_stays_a_conversation(turns: list[tuple[str, str, int]], squeezes: int) -> None:
    messages = [Message(role="system", content="s"), Message(role="user", content="u")]
    for index, (arguments, result, length) in enumerate(turns):
        call = ToolCall(id=str(index), name="run", arguments=arguments * length)
        messages.append(Message(role="assistant", tool_calls=(call,)))
        messages.append(Message(role="tool", content=result * length, tool_call_id=call.id))
        messages.append(Message(role="user", content="A message from the person"))
    fitted = fit(tuple(messages), squeezes)
    assert [m.role for m in fitted] == [m.role for m in messages]
    assert [m.content for m in fitted if m.role == "user"] == [m.content for m in messages if m.role == "user"]
    assert tokens(fitted) <= tokens(tuple(messages))
