"""A long conversation still fits into a request: what is old is cut, what a person said and the plan are not."""

import json

from hypothesis import given
from hypothesis import strategies as st

from engine.agent_events import SectionSize
from engine.context.fit import PROMPT_TOKENS, fit, message_tokens, person_words, request_tokens
from engine.context.prompt import write_prompt
from engine.context.section import Material
from engine.context.sections import CUT_FIRST, SECTIONS
from engine.events import ApprovalAnswered, ApprovalRequested
from engine.llm.protocol import Message, ToolCall
from engine.state import Approval, State
from tests.unit.simulated_run import BEGAN, task

TEXTS = st.text(max_size=30).flatmap(lambda text: st.integers(1, 600).map(lambda times: text * times))


def conversation(turns: int, result: str = "x" * 16_000, content: str = "y" * 4_000) -> tuple[Message, ...]:
    """A session of so many tool calls."""
    messages = [Message(role="system", content="You write code."), Message(role="user", content="g" * 90_000)]
    for turn in range(turns):
        call = ToolCall(id=f"c{turn}", name="create_file", arguments=json.dumps({"path": "a.py", "content": content}))
        messages.append(Message(role="assistant", content="I write.", tool_calls=(call,)))
        messages.append(Message(role="tool", content=result, tool_call_id=call.id))
    return tuple(messages)


def shape(messages: tuple[Message, ...]) -> list[tuple[str, str, list[tuple[str, str]]]]:
    return [(m.role, m.tool_call_id, [(c.id, c.name) for c in m.tool_calls]) for m in messages]


def test_a_short_conversation_is_sent_as_it_is() -> None:
    messages = conversation(3)
    assert fit(messages) == messages


def test_a_long_one_fits_and_keeps_its_opening_its_newest_results_and_its_shape() -> None:
    messages = conversation(40)
    assert request_tokens(messages) > PROMPT_TOKENS
    fitted = fit(messages)
    assert request_tokens(fitted) <= PROMPT_TOKENS
    assert fitted[:2] == messages[:2]
    assert fitted[-6:] == messages[-6:]
    assert shape(fitted) == shape(messages)
    assert "left out" in fitted[3].content
    arguments = json.loads(fitted[2].tool_calls[0].arguments)
    assert arguments["path"] == "a.py"
    assert "left out" in arguments["content"]


def test_one_huge_newest_result_is_cut_too() -> None:
    fitted = fit(conversation(2, result="x" * 600_000))
    assert request_tokens(fitted) <= PROMPT_TOKENS


def test_each_time_a_server_calls_it_too_long_the_budget_halves() -> None:
    messages = conversation(20)
    assert request_tokens(fit(messages, 1)) <= PROMPT_TOKENS // 2 < request_tokens(fit(messages, 0))


def test_the_results_that_a_person_gave_are_known_by_their_call() -> None:
    def asked(topic: str, call: str, decision: str | None, session: str = "s") -> Approval:
        request = ApprovalRequested.model_validate(
            {"approval_id": call, "topic": topic, "subject": "", "title": "", "session_id": session}
            | {"tool_call_id": call}
        )
        answer = ApprovalAnswered.model_validate({"approval_id": call, "decision": decision}) if decision else None
        return Approval(request, BEGAN, answer)

    state = State(
        approvals=(
            asked("questions", "answered", "once"),
            asked("command", "denied", "deny"),
            asked("command", "allowed", "once"),
            asked("command", "open", None),
            asked("questions", "elsewhere", "once", session="other"),
        )
    )
    assert person_words(state, "s") == {"answered", "denied"}


def opening(rules: str, goal: str, listing: str, patterns: str) -> tuple[tuple[Message, ...], tuple[SectionSize, ...]]:
    """What the reprompter begins with."""
    state = State(task=task(goal=goal), said=("Use tabs.",))
    names = ("goal", "listing", "patterns", "steers")
    prompt = write_prompt(names, rules, state, Material(listing, patterns), tokens=1_000_000)
    return prompt.messages, prompt.sections


@given(
    texts=st.tuples(TEXTS, TEXTS, TEXTS, TEXTS),
    turns=st.lists(st.tuples(TEXTS, TEXTS, TEXTS, st.booleans(), st.booleans()), max_size=8),
    budget=st.integers(0, 6_000),
    squeezes=st.integers(0, 3),
)
def test_whatever_was_said_what_a_person_said_stays_and_the_rest_fits(
    texts: tuple[str, str, str, str],
    turns: list[tuple[str, str, str, bool, bool]],
    budget: int,
    squeezes: int,
) -> None:
    rules, goal, listing, patterns = texts
    goal = goal.strip() or "g"
    messages, sections = opening(rules, goal, listing, patterns)
    kept = frozenset(str(index) for index, (*_, person, _) in enumerate(turns) if person)
    for index, (text, arguments, result, _, steered) in enumerate(turns):
        call = ToolCall(id=str(index), name="run", arguments=arguments)
        messages += (Message(role="assistant", content=text, tool_calls=(call,)),)
        messages += (Message(role="tool", content=result, tool_call_id=call.id),)
        if steered:
            messages += (Message(role="user", content=f"A message from the person:\n{text}"),)
    fitted = fit(messages, squeezes, budget=budget, sections=sections, kept=kept)

    assert shape(fitted) == shape(messages)
    assert fitted[0] == messages[0]
    assert f"## {SECTIONS['goal'].title}\n{goal}" in fitted[1].content
    assert fitted[1].content.endswith("- Use tabs.")
    for before, after in zip(messages[2:], fitted[2:], strict=True):
        if before.role == "user" or before.tool_call_id in kept:
            assert after == before
        assert message_tokens(after) <= message_tokens(before)
    assert fit(messages, squeezes, budget=budget, sections=sections, kept=kept) == fitted
    if request_tokens(messages) <= budget >> squeezes:
        assert fitted == messages
    assert request_tokens(fitted) <= max(budget >> squeezes, _never_cut(messages, sections, kept))


def _never_cut(messages: tuple[Message, ...], sections: tuple[SectionSize, ...], kept: frozenset[str]) -> int:
    """What is left where everything that may be cut is: whole texts of persons, places of the rest."""
    cuttable = sum(size.tokens for size in sections if size.name in CUT_FIRST)
    titles = 40 * sum(size.name in CUT_FIRST for size in sections)
    told = sum(message_tokens(m) for m in messages[:2]) - cuttable + titles
    for message in messages[2:]:
        whole = message.role == "user" or message.tool_call_id in kept
        told += message_tokens(message) if whole else 8 + 8 * len(message.tool_calls)
    return told


def test_an_opening_whose_sizes_do_not_fit_its_text_stays_whole() -> None:
    messages, sections = opening("r", "goal", "file\n" * 2_000, "")
    assert fit(messages, budget=200, sections=sections)[1] != messages[1]
    moved = (sections[0], sections[1].model_copy(update={"characters": 3}), *sections[2:])
    assert fit(messages, budget=200, sections=moved) == messages
    assert fit(messages, budget=200) == messages
