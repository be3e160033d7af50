"""What is found in the history, what may be found, and what of a query counts: values that cost nothing to import."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal, get_args

from memory.codec import clean_text

Kind = Literal["task", "run", "iteration", "failure", "pattern"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MEMORIES: tuple[Kind, ...] = ("failure", "pattern")
"""Kinds that agents are shown and people mark, and that are found by likeness; a solution has the id of its run."""
_SAID = {"pattern": "solution"}
"""What people call a kind, where that is not its name in the records."""
WORDS = 8
"""Words of a query that count."""
WORD_CHARACTERS = 100
"""Characters of a word that count."""


@dataclass(frozen=True)
class Hit:
    """Something that a search found."""

    kind: Kind
    id: str
    """Of an iteration: run#number."""
    run_id: str
    """Of a task: its newest run; empty for what belongs to no run that is there."""
    title: str
    snippet: str
    """The text around the first word of the query, or its beginning."""
    at: datetime
    """When it began or was learnt."""
    language: str = ""
    project: str = ""
    """The folder's name as `project_named` gives it."""
    outcome: str = ""
    context: str = ""
    """What an iteration or a failure is of: the title of its run."""
    pinned: bool = False
    forgotten: bool = False
    similarity: float | None = None
    """Of what was found by meaning; None where letters match."""


@dataclass(frozen=True)
class Filters:
    """What may be found; what is left at its default says nothing."""

    kinds: tuple[Kind, ...] = ()
    language: str = ""
    project: str = ""
    outcome: str = ""
    since: datetime | None = None
    until: datetime | None = None
    """Before this moment."""
    forgotten: bool = False
    """Also what a person wants forgotten."""

    def conditions(self) -> tuple[list[str], dict[str, Any]]:
        """The same as SQL over `history AS h`, with its values."""
        asked: dict[str, tuple[str, Any]] = {
            "kinds": ("h.kind = ANY (CAST(:kinds AS text[]))", list(self.kinds) or None),
            "language": ("h.language = :language", clean_text(self.language) or None),
            "project": ("h.project = :project", clean_text(self.project) or None),
            "outcome": ("h.outcome = :outcome", clean_text(self.outcome) or None),
            "since": ("h.at >= :since", self.since),
            "until": ("h.at < :until", self.until),
        }
        kept = {name: pair for name, pair in asked.items() if pair[1] is not None}
        if len(self.kinds) == 1:
            kept["kinds"] = ("h.kind = :kinds", self.kinds[0])
        conditions = [condition for condition, _ in kept.values()]
        if not self.forgotten:
            forgotten = "h.id = ANY (ARRAY(SELECT memory_id FROM memory_marks WHERE forgotten))"
            conditions.append(f"NOT (h.kind IN {MEMORIES} AND {forgotten})")
        return conditions, {name: value for name, (_, value) in kept.items()}


EVERYTHING = Filters()


@dataclass(frozen=True)
class Entry:
    """One thing of the history with all that its table knows of it."""

    hit: Hit
    values: dict[str, Any]
    """By column."""
    shown: int = 0
    """How often it was recalled, and below what came of that."""
    used: int = 0
    helped: int = 0
    harmed: int = 0


def kind_name(kind: str) -> str:
    """What people call a kind."""
    return _SAID.get(kind, kind)


def kind_named(said: str) -> Kind:
    """The kind that people call so."""
    return next(kind for kind in KINDS if said in (kind, kind_name(kind)))


def words_of(query: str) -> list[str]:
    """The words of a query that count, each once."""
    spread = clean_text(query[: 4 * WORDS * WORD_CHARACTERS]).replace("\x01", " ").split()
    return list(dict.fromkeys(word[:WORD_CHARACTERS] for word in spread))[:WORDS]


def is_cut(query: str) -> bool:
    """Whether a query has more than what counts."""
    spread = query.split(maxsplit=WORDS)
    return len(spread) > WORDS or any(len(word) > WORD_CHARACTERS for word in spread)


def project_named(folder: str) -> str:
    """A project's name in memory: one that does not tell where its folder lies."""
    return sha256(folder.encode()).hexdigest()[:16]
