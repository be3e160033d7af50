"""Answers put together from the fragments that different servers send."""

from typing import Any

from openai.types.chat import ChatCompletionChunk

from engine.llm.protocol import ToolCall
from engine.llm.stream import AnswerAssembler


def assembled(*deltas: dict[str, Any]) -> AnswerAssembler:
    assembler = AnswerAssembler(None)
    for delta in deltas:
        assembler.add(ChatCompletionChunk.construct(model="m", choices=[{"index": 0, "delta": delta}]))
    return assembler


def fragment(arguments: str, **parts: Any) -> dict[str, Any]:
    name = {"name": parts.pop("name")} if "name" in parts else {}
    return {"tool_calls": [{**parts, "function": {**name, "arguments": arguments}}]}


def test_interleaved_fragments_find_their_call() -> None:
    answer = assembled(
        fragment("", index=1, id="b", name="second"),
        fragment("", index=0, id="a", name="first"),
        fragment('{"x"', index=0),
        fragment("{}", index=1),
        fragment(": 1}", index=0),
    )
    assert answer.tool_calls == (
        ToolCall(id="a", name="first", arguments='{"x": 1}'),
        ToolCall(id="b", name="second", arguments="{}"),
    )


def test_whole_calls_without_an_index_stay_apart() -> None:
    answer = assembled(fragment('{"x": 1}', id="a", name="first"), fragment('{"y": 2}', id="b", name="second"))
    assert [(call.id, call.arguments) for call in answer.tool_calls] == [("a", '{"x": 1}'), ("b", '{"y": 2}')]


def test_fragments_without_an_index_continue_the_last_call() -> None:
    answer = assembled(fragment('{"x"', id="a", name="first"), fragment(": 1}"))
    assert [call.arguments for call in answer.tool_calls] == ['{"x": 1}']


def test_calls_without_an_id_get_one() -> None:
    answer = assembled(fragment("{}", index=0, name="first"), fragment("{}", index=1, name="second"))
    assert [call.id for call in answer.tool_calls] == ["call_0", "call_1"]


def test_missing_and_odd_fields_are_no_error() -> None:
    answer = assembled({}, {"content": None}, {"content": ["part"]}, {"tool_calls": None}, {"content": "text"})
    answer.add(ChatCompletionChunk.construct(choices=None))
    answer.add(ChatCompletionChunk.construct(choices=[{"index": 0}]))
    assert (answer.text, answer.refusal, answer.tool_calls, answer.usage) == ("text", "", (), None)
    assert answer.model == "m"
    assert not answer.finish_reason


def test_thinking_that_only_the_total_counts_is_charged() -> None:
    answer = assembled({"content": "text"})
    told = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 400}
    answer.add(ChatCompletionChunk.construct(choices=[], usage=told))
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (100, 300)


def test_what_is_no_count_of_tokens_counts_nothing() -> None:
    answer = assembled({"content": "text"})
    for odd in (-5, 10**30, float("nan"), "many", None):
        told = {"prompt_tokens": odd, "completion_tokens": odd, "total_tokens": odd}
        answer.add(ChatCompletionChunk.construct(choices=[], usage=told))
        assert answer.usage is not None
        assert (answer.usage.input_tokens, answer.usage.output_tokens) == (0, 0)
