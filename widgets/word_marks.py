"""The words that were looked for, marked in what was found."""

from collections.abc import Sequence

from textual.content import Content

STYLE = "$text-warning underline"
MOST = 20
"""Of a word in one line."""


def mark_words(line: Content, words: Sequence[str]) -> Content:
    """A line with every place marked that has one of the words, in any case."""
    plain = line.plain.lower()
    if len(plain) != len(line.plain):
        # Some letters are longer in lower case, and the places would be others.
        plain = line.plain
    for word in words:
        start = -1
        for _ in range(MOST):
            start = plain.find(word.lower(), start + 1)
            if start < 0 or not word:
                break
            line = line.stylize(STYLE, start, start + len(word))
    return line
