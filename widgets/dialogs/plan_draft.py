"""A plan while a person changes it: plain values, checked only when they become a plan again."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.task import Plan


@dataclass(frozen=True)
class Draft:
    """A subtask as it is being written."""

    id: str
    title: str
    description: str = ""
    test_strategy: str = ""
    depends_on: tuple[str, ...] = ()
    rest: dict[str, Any] = field(default_factory=dict)
    """Fields that the dialog does not show; they stay as they were."""


@dataclass
class PlanDraft:
    """Subtasks in order, with what was changed."""

    summary: str
    subtasks: list[Draft]

    @classmethod
    def of(cls, plan: Plan) -> PlanDraft:
        """The draft of a plan."""
        shown = {"id", "title", "description", "test_strategy", "depends_on"}
        return cls(
            plan.summary,
            [
                Draft(
                    subtask.id, subtask.title, subtask.description, subtask.test_strategy, subtask.depends_on,
                    subtask.model_dump(exclude=shown),
                )
                for subtask in plan.subtasks
            ],
        )  # fmt: skip

    def change(self, place: int, **values: Any) -> None:
        """Give a subtask other values."""
        self.subtasks[place] = replace(self.subtasks[place], **values)

    def add(self, place: int) -> int:
        """A new subtask after this place; where it is now."""
        taken = {subtask.id for subtask in self.subtasks}
        number = next(number for number in range(1, 100) if f"s{number}" not in taken)
        before = (self.subtasks[place].id,) if 0 <= place < len(self.subtasks) else ()
        self.subtasks.insert(place + 1, Draft(f"s{number}", "New subtask", depends_on=before))
        return place + 1

    def remove(self, place: int) -> None:
        """Take a subtask out; what depended on it depends on what it depended on."""
        gone = self.subtasks.pop(place)
        for index, subtask in enumerate(self.subtasks):
            if gone.id in subtask.depends_on:
                bridged = tuple(dict.fromkeys((*(d for d in subtask.depends_on if d != gone.id), *gone.depends_on)))
                self.subtasks[index] = replace(subtask, depends_on=tuple(d for d in bridged if d != subtask.id))

    def shift(self, place: int, step: int) -> int:
        """Move a subtask; an order against a dependency drops that dependency. Where it is now."""
        target = place + step
        if not 0 <= target < len(self.subtasks):
            return place
        self.subtasks[place], self.subtasks[target] = self.subtasks[target], self.subtasks[place]
        seen: set[str] = set()
        for index, subtask in enumerate(self.subtasks):
            kept = tuple(other for other in subtask.depends_on if other in seen)
            self.subtasks[index] = replace(subtask, depends_on=kept)
            seen.add(subtask.id)
        return target

    def plan(self) -> Plan:
        """The plan that this is now.

        Raises:
            ValueError: what is wrong with it, in words for a person.
        """
        from pydantic import ValidationError

        from engine.task import Plan

        for subtask in self.subtasks:
            if not subtask.title.strip():
                raise ValueError(f"Subtask {subtask.id} needs a title.")
        if not self.subtasks:
            raise ValueError("A plan needs at least one subtask.")
        try:
            return Plan.model_validate(
                {
                    "summary": self.summary,
                    "subtasks": [
                        {
                            **subtask.rest, "id": subtask.id, "title": subtask.title.strip(),
                            "description": subtask.description, "test_strategy": subtask.test_strategy,
                            "depends_on": subtask.depends_on,
                        }
                        for subtask in self.subtasks
                    ],
                }
            )  # fmt: skip
        except ValidationError as exc:
            raise ValueError(_words(exc)) from exc


def _words(exc: Any) -> str:
    first = exc.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    message = str(first["msg"]).removeprefix("Value error, ")
    return f"{where}: {message}" if where else message[:1].upper() + message[1:]


def ids_in(text: str) -> tuple[str, ...]:
    """The ids in what a person typed, parted by commas or spaces."""
    return tuple(dict.fromkeys(part for part in re.split(r"[,\s]+", text) if part))
