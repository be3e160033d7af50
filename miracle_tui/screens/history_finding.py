"""One search after the other while a person types: the newest wish is always next, and a late answer is dropped."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from memory.hits import EVERYTHING, Filters, Hit
from miracle_tui.trouble import trouble_of

if TYPE_CHECKING:
    from miracle_tui.engine_port import EnginePort

PAGE = 50
"""Results that are asked for at once."""
PATIENCE_S = 0.2
"""How long a search that nobody waits for any more still has: most end by then, and cutting one costs a connection."""


@dataclass(frozen=True)
class Wish:
    """What a person wants to see."""

    query: str = ""
    filters: Filters = EVERYTHING
    like: Hit | None = None
    """Show what is like this instead."""
    after: Hit | None = None
    """Show what follows this."""


@dataclass(frozen=True)
class Results:
    """What was found."""

    query: str
    hits: tuple[Hit, ...] = ()
    more: bool = False
    """They follow those that are shown."""
    like: Hit | None = None
    trouble: str = ""
    """Why nothing could be found, in words."""


class Finding:
    """Asks the engine for what is wanted, never twice at once: the server is not kept busy with what nobody waits for.

    Args:
        engine: what is searched.
        show: takes what was found.
    """

    def __init__(self, engine: "EnginePort", show: Callable[[Results], None]) -> None:
        self.engine = engine
        self.like: Hit | None = None
        self.has_more = False
        """Whether more rows match by letters than were asked for."""
        self._show = show
        self._wish: Wish | None = None
        self._last: Hit | None = None
        self._shown = Wish()
        self._known: set[tuple[str, str]] = set()
        self._working = False
        self._search: asyncio.Task[None] | None = None

    def want(self, query: str, filters: Filters) -> bool:
        """Wish for something; whether `work` has to be begun for it."""
        self._wish = Wish(query, filters, self.like)
        return self._begin()

    def want_more(self) -> bool:
        """Wish for the next page; whether `work` has to be begun for it."""
        if self._wish is not None or not self.has_more or self._shown.like is not None:
            return False
        self._wish = Wish(self._shown.query, self._shown.filters, after=self._last)
        return self._begin()

    def _begin(self) -> bool:
        began = not self._working
        self._working = True
        if self._search is not None:
            # Soon the search before is given up, and with it what the server does for it.
            asyncio.get_running_loop().call_later(PATIENCE_S, self._search.cancel)
        return began

    async def work(self) -> None:
        """Carry wishes out until none is left."""
        try:
            while (wish := self._wish) is not None:
                self._search = asyncio.create_task(self._fulfil(wish))
                await asyncio.wait((self._search,))
                if self._wish is wish:
                    self._wish = None
        finally:
            if self._search is not None:
                self._search.cancel()
            self._search, self._working = None, False

    async def _fulfil(self, wish: Wish) -> None:
        try:
            if wish.like is not None:
                found = await self.engine.like(wish.like, wish.filters)
            else:
                found = await self.engine.search(wish.query, wish.filters, limit=PAGE + 1, after=wish.after)
            if self._wish is not wish:
                return
            self._take(wish, found)
            if wish.like is None and wish.after is None and not self.has_more:
                await self._add_alike(wish)
        except Exception as exc:  # noqa: BLE001  a worker's edge: every error becomes words on the screen
            if self._wish is wish:
                trouble = trouble_of(exc, "search the history")
                self._show(Results(wish.query, trouble=f"{trouble.title}\n{trouble.hint}".strip()))

    def _take(self, wish: Wish, found: list[Hit]) -> None:
        self.has_more = wish.like is None and len(found) > PAGE
        hits = tuple(found[:PAGE] if wish.like is None else found)
        if wish.after is None:
            self._known = set()
        self._known |= {(hit.kind, hit.id) for hit in hits}
        self._shown, self._last = wish, hits[-1] if hits else None
        self._show(Results(wish.query, hits, wish.after is not None, wish.like))

    async def _add_alike(self, wish: Wish) -> None:
        """What reads like the query comes after all that has its letters."""
        found = await self.engine.search_alike(wish.query, wish.filters)
        new = tuple(hit for hit in found if (hit.kind, hit.id) not in self._known)
        if self._wish is wish and new:
            self._known |= {(hit.kind, hit.id) for hit in new}
            self._show(Results(wish.query, new, more=True))
