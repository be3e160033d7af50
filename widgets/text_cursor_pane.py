"""A cursor pane whose stops stand in long texts: the keys scroll where no stop is in sight."""

from widgets.cursor_pane import CursorPane


class TextCursorPane(CursorPane):
    """Up and down go to the next stop in sight; where there is none, they move the text."""

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """What can be done depends on what is in sight."""
        super().watch_scroll_y(old_value, new_value)
        self.refresh_bindings()

    def watch_cursor(self, old: int, new: int) -> None:
        """What can be done depends on the row."""
        super().watch_cursor(old, new)
        self.refresh_bindings()

    def action_cursor(self, step: int) -> None:
        """Go to the next stop in sight, or one line on."""
        top, end = self._sight
        here = self.cursor if top <= self.cursor < end else (top - 1 if step > 0 else end)
        stop = self._next_stop(here + step, step)
        if stop is not None and top <= stop < end:
            self.cursor = stop
        else:
            self._scroll_lines(step, step)

    def action_page(self, step: int) -> None:
        """Go a page on."""
        top, end = self._sight
        self._scroll_lines(step * max(1, end - top - 1), step)

    def action_edge(self, step: int) -> None:
        """Go to the beginning (-1) or the end (1)."""
        self._scroll_lines(step * self.row_count(), step)

    def stop_in_sight(self, step: int) -> None:
        """Go to the first (-1) or last (1) stop in sight, if there is any."""
        top, end = self._sight
        stops = [y for y in range(top, end) if self.is_stop(y)]
        if stops:
            self.cursor = stops[0 if step < 0 else -1]

    @property
    def _sight(self) -> tuple[int, int]:
        """The first visible row, and the one after the last."""
        top = self.scroll_offset.y
        return top, min(self.row_count(), top + max(1, self.scrollable_content_region.height))

    def _scroll_lines(self, lines: int, step: int) -> None:
        height = max(1, self.scrollable_content_region.height)
        top = min(max(0, self.scroll_offset.y + lines), max(0, self.row_count() - height))
        self.scroll_to(None, top, animate=False, force=True, immediate=True)
        end = min(self.row_count(), top + height)
        at_edge = top == 0 if step < 0 else end == self.row_count()
        if at_edge or not top <= self.cursor < end:
            # At an edge the outermost stop is meant, elsewhere the one that comes first on the way.
            self.stop_in_sight(step if at_edge else -step)
