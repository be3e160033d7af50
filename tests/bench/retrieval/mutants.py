"""What a mutant is, and which kinds of bug there are."""

from dataclasses import dataclass

HELD_OUT = frozenset(
    {"bound_shift", "and_or", "in_not_in", "mul_div", "number_down", "drop_call", "name_typo", "drop_conversion",
     "swap_arguments"}
)  # fmt: skip
"""Operators whose failures are only asked about, never stored."""
KINDS = {
    "compare_closed": "boundary",
    "bound_shift": "boundary",
    "negate_if": "condition",
    "eq_ne": "condition",
    "always": "condition",
    "and_or": "condition",
    "in_not_in": "condition",
    "add_sub": "arithmetic",
    "number_up": "arithmetic",
    "mul_div": "arithmetic",
    "number_down": "arithmetic",
    "return_none": "missing",
    "drop_assignment": "missing",
    "drop_call": "missing",
    "attribute_typo": "naming",
    "key_typo": "naming",
    "name_typo": "naming",
    "as_text": "type",
    "none_argument": "type",
    "drop_conversion": "type",
    "drop_argument": "arguments",
    "swap_arguments": "arguments",
}
"""The kind of bug that each operator makes; two operators of one kind make the same mistake in different code."""


@dataclass(frozen=True)
class Mutant:
    """A program with one bug."""

    operator: str
    function: str
    """Where the bug is; empty on the level of the module."""
    line: int
    """Of the bug, counted in the program without it."""
    source: str


@dataclass(frozen=True)
class Edit:
    """A replacement of some of a source's bytes."""

    operator: str
    start: int
    end: int
    text: str

    def applied(self, source: bytes) -> str:
        """The source with it."""
        return (source[: self.start] + self.text.encode() + source[self.end :]).decode()
