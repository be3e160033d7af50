"""Questions settled at the prompt."""

import pytest

from engine.events import ApprovalRequested, Decision, Topic
from miracle_tui.cli.asking import PROMPT, STUCK_PROMPT, Answerer


class Typed:
    """Lines that a test typed beforehand."""

    def __init__(self, *lines: str) -> None:
        self.lines = list(lines)
        self.prompts: list[str] = []

    async def ask(self, prompt: str) -> str | None:
        self.prompts.append(prompt)
        return self.lines.pop(0) if self.lines else None


@pytest.mark.parametrize(
    ("topic", "typed", "decision", "reason"),
    [
        ("stuck", ("?", "g"), "once", ""),
        ("stuck", ("hint", "use a table"), "once", "use a table"),
        ("stuck", ("e",), "deny", ""),
        ("command", ("x", "never"), "deny", "never"),
        ("command", ("r",), "run", ""),
    ],
)
async def test_a_key_decides(topic: Topic, typed: tuple[str, ...], decision: Decision, reason: str) -> None:
    lines = Typed(*typed)
    asked = ApprovalRequested(approval_id="r.1", topic=topic, subject="s", title="t")
    assert await Answerer(lines=lines)._decide(asked) == (decision, reason, ())
    assert lines.prompts[0] == (STUCK_PROMPT if topic == "stuck" else PROMPT)
    assert not lines.lines


async def test_later_and_the_end_of_the_input_leave_the_question_open() -> None:
    asked = ApprovalRequested(approval_id="r.1", topic="stuck", subject="s", title="t")
    assert await Answerer(lines=Typed("l"))._decide(asked) is None
    assert await Answerer(lines=Typed())._decide(asked) is None
    assert await Answerer()._decide(asked) is None
