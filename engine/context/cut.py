"""Cuts text to a budget in the middle, where logs say least, and says that it did."""

from collections.abc import Callable

from engine.llm.tokens import CHARACTERS_PER_TOKEN, estimated_tokens

LEFT_OUT = "[left out]"
"""Stands where nothing of a text is kept."""
_NOTE_TOKENS = 12
"""What the note in the middle takes at most."""


def cut_middle(text: str, characters: int) -> str:
    """The text, or its beginning and end, where the errors are, with a note between them.

    Args:
        text: any text.
        characters: how many may be kept.
    """
    if len(text) <= characters:
        return text
    head = characters * 2 // 5
    gone = len(text) - characters
    return f"{text[:head]}\n[... {gone:,} characters left out ...]\n{text[head + gone :]}"


def cut_to_tokens(text: str, tokens: int) -> str:
    """The text, or its beginning and end with a note between them, within a budget that counts the note too.

    Args:
        text: any text.
        tokens: what the result may take, by estimate; below 3 nothing can be kept.
    """
    whole = estimated_tokens(text)
    if whole <= tokens:
        return text
    room = tokens - _NOTE_TOKENS
    if room <= 0:
        return LEFT_OUT if estimated_tokens(LEFT_OUT) <= tokens else ""
    longest = int(room * CHARACTERS_PER_TOKEN) + 1
    head = _most(text[:longest], room * 2 // 5, lambda part, length: part[:length])
    tail = _most(text[-longest:], room - room * 2 // 5, lambda part, length: part[len(part) - length :])
    gone = max(1, whole - estimated_tokens(head + tail))
    return f"{head}\n[... {gone:,} tokens left out ...]\n{tail}"


def _most(text: str, tokens: int, part: Callable[[str, int], str]) -> str:
    """The longest part of the text, as `part` cuts it to a length, that takes no more than so many tokens."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if estimated_tokens(part(text, middle)) <= tokens:
            low = middle
        else:
            high = middle - 1
    return part(text, low)
