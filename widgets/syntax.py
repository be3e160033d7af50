"""Colours for code, by theme variables; the lexer is imported when the first file needs it, on a thread."""

from collections.abc import Sequence
from pathlib import PurePosixPath

Spans = tuple[tuple[int, int, str], ...]
"""(start, end, style) of a line's coloured parts."""

MAX_LINE = 1000
"""Longer lines keep the plain colour: they are minified or data."""

_LEXERS = {
    "python": ".py .pyi", "javascript": ".js .mjs .cjs .jsx", "typescript": ".ts .tsx", "json": ".json",
    "yaml": ".yaml .yml", "toml": ".toml", "markdown": ".md", "bash": ".sh", "html": ".html .htm", "css": ".css",
    "sql": ".sql", "ini": ".ini .cfg", "xml": ".xml .svg", "rust": ".rs", "go": ".go", "c": ".c .h",
    "cpp": ".cpp .hpp .cc", "java": ".java", "ruby": ".rb",
}  # fmt: skip
"""Lexer to the endings of its files."""

_STYLES = (
    ("Token.Comment", "$foreground-muted italic"),
    ("Token.Keyword.Constant", "$text-warning"),
    ("Token.Keyword", "$text-accent"),
    ("Token.Operator.Word", "$text-accent"),
    ("Token.Literal.String.Doc", "$foreground-muted italic"),
    ("Token.Literal.String.Interpol", "$text-warning"),
    ("Token.Literal.String", "$text-success"),
    ("Token.Literal.Number", "$text-warning"),
    ("Token.Name.Decorator", "$text-secondary"),
    ("Token.Name.Builtin", "$text-secondary"),
    ("Token.Name.Exception", "$text-secondary"),
    ("Token.Name.Class", "$text-primary bold"),
    ("Token.Name.Function", "$text-primary"),
    ("Token.Name.Tag", "$text-primary"),
    ("Token.Name.Attribute", "$text-secondary"),
    ("Token.Generic.Heading", "$text-primary bold"),
    ("Token.Generic.Subheading", "$text-primary"),
    ("Token.Generic.Traceback", "$text-warning"),
    ("Token.Generic.Error", "$text-error bold"),
)


def language_of(path: str) -> str:
    """The lexer for a path, by its ending; empty when there is none."""
    suffix = PurePosixPath(path).suffix.lower()
    return next((name for name, endings in _LEXERS.items() if suffix and suffix in endings.split()), "")


def colour_lines(lines: Sequence[str], language: str) -> list[Spans]:
    """The coloured parts of each line, lexed together so that strings over several lines come out right.

    Imports the lexer, which takes a tenth of a second the first time: call it on a thread.
    """
    from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]  # it ships no types

    lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    found: list[list[tuple[int, int, str]]] = [[] for _ in lines]
    source = "\n".join(line if len(line) <= MAX_LINE else "" for line in lines)
    y = x = 0
    styles: dict[object, str] = {}
    for kind, value in lexer.get_tokens(source):
        style = styles.get(kind)
        if style is None:
            style = styles[kind] = _style_of(str(kind))
        for place, piece in enumerate(value.split("\n")):
            if place:
                y, x = y + 1, 0
            if piece and style and y < len(found):
                found[y].append((x, x + len(piece), style))
            x += len(piece)
    return [tuple(spans) for spans in found]


def _style_of(kind: str) -> str:
    return next((style for prefix, style in _STYLES if kind.startswith(prefix)), "")
