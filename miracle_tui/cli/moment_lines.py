"""The moments of a run, and what was so at one of them, as lines of text and as values for `--json`."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from engine.llm.protocol import Message
from engine.moments import Moment, Prompt
from engine.task import Plan
from miracle_tui.cli.inert import inert, one_line

MARKS = {True: "✓", False: "✗", None: "·"}


def moment_lines(moments: Iterable[Moment]) -> list[str]:
    """One line a moment: its event, the time, the iteration, what happened."""
    lines = []
    for moment in moments:
        place = f"{moment.phase_id or '-'}" + (f"/{moment.iteration}" if moment.iteration else "")
        clock = moment.at.astimezone().strftime("%H:%M:%S")
        lines.append(
            f"{MARKS[moment.good]} {moment.seq:>5}  {clock}  {one_line(place, 20):<10}  "
            f"{moment.kind:<10}  {one_line(moment.title)}"
        )
    return lines


def moment_record(moment: Moment) -> dict[str, Any]:
    """A moment as `--json` writes it."""
    return {**asdict(moment), "at": moment.at.isoformat()}


def prompt_lines(prompt: Prompt) -> list[str]:
    """Everything that one call told the model, and what it answered."""
    place = f", {one_line(prompt.phase_id)}" if prompt.phase_id else ""
    place += f", iteration {prompt.iteration}" if prompt.iteration else ""
    lines = [f"▸ Call at event {prompt.seq}: the {one_line(prompt.role)} asks {one_line(prompt.model)}{place}"]
    for message in prompt.messages:
        lines += _message_lines(message)
    if prompt.answer:
        answer = prompt.answer
        lines += _message_lines(Message(role="assistant", content=answer.text, tool_calls=answer.tool_calls), "answer")
    else:
        lines.append("· no answer had come yet")
    return lines


def _message_lines(message: Message, called: str = "") -> list[str]:
    lines = [f"▸ {called or message.role}", *(f"  {line}" for line in inert(message.content).split("\n"))]
    for call in message.tool_calls:
        lines += [f"  → {one_line(call.name)} {line}" for line in inert(call.arguments).split("\n")]
    return lines


def prompt_record(prompt: Prompt) -> dict[str, Any]:
    """A prompt as `--json` writes it."""
    return {
        "seq": prompt.seq,
        "call_id": prompt.call_id,
        "role": prompt.role,
        "model": prompt.model,
        "phase_id": prompt.phase_id,
        "iteration": prompt.iteration,
        "messages": [message.model_dump(mode="json") for message in prompt.messages],
        "answer": prompt.answer.model_dump(mode="json") if prompt.answer else None,
    }


def plan_text(plan: Plan) -> str:
    """The plan as YAML, for a person to edit and to give back with `miracle fork --plan`."""
    import yaml

    kept = plan.model_dump(mode="json", exclude_defaults=True)
    return str(yaml.safe_dump(kept, sort_keys=False, allow_unicode=False, width=100))
