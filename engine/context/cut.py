"""Cuts text to a budget in the middle, where logs say least, and says that it did."""


def cut_middle(text: str, budget: int | None) -> str:
    """The text, or its beginning and end with a note between them.

    Args:
        text: any text.
        budget: characters that may be kept; None keeps all.
    """
    if budget is None or len(text) <= budget:
        return text
    head = budget * 2 // 5
    tail = budget - head
    return f"{text[:head]}\n[... {len(text) - budget:,} characters left out ...]\n{text[-tail:]}"
