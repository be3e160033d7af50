"""The keys of the app, as the help shows them."""

from collections.abc import Iterable, Mapping

from textual.binding import Binding, BindingType
from textual.keys import format_key


def key_groups(keymap: Mapping[str, str], app_bindings: Iterable[BindingType]) -> dict[str, list[tuple[str, str]]]:
    """What every key does, by what it belongs to.

    Args:
        keymap: binding id to keys, where they are not the built-in ones.
        app_bindings: the app's own.
    """
    from miracle_tui.screens.history_screen import HistoryScreen
    from miracle_tui.screens.iteration_screen import IterationScreen
    from miracle_tui.screens.prompt_screen import PromptScreen
    from miracle_tui.screens.run_screen import RunScreen
    from miracle_tui.screens.timeline_screen import TimelineScreen
    from widgets.diff_pane import DiffPane
    from widgets.goal_input import GoalInput
    from widgets.history_list import HistoryList
    from widgets.history_query import HistoryQuery
    from widgets.line_log import LineLog
    from widgets.plan_pane import PlanPane
    from widgets.prompt_view import PromptView
    from widgets.reflection_pane import ReflectionPane
    from widgets.test_pane import TestPane

    return {
        "Run": _rows([*RunScreen.BINDINGS, *app_bindings], keymap),
        "Goal or message": [
            *_rows(GoalInput.BINDINGS, keymap),
            ("shift+enter, ^j", "A new line"),
            ("up, down", "Earlier and later texts"),
        ],
        "Plan": _rows(PlanPane.BINDINGS, keymap),
        "Memory, in the reflection": _rows(ReflectionPane.BINDINGS, keymap),
        "Code diff": _rows(DiffPane.BINDINGS, keymap),
        "Test output": [*_rows(TestPane.BINDINGS, keymap), *_rows(LineLog.BINDINGS, keymap)],
        "History": [
            *_rows([*HistoryQuery.BINDINGS, *HistoryList.BINDINGS, *HistoryScreen.BINDINGS], keymap),
            ("0-5", "Kinds"),
        ],
        "An iteration": _rows(IterationScreen.BINDINGS, keymap),
        "Timeline": [*_rows(TimelineScreen.BINDINGS, keymap), ("17, i3", "Moment 17, iteration 3")],
        "What the model was told": [*_rows(PromptScreen.BINDINGS, keymap), *_rows(PromptView.BINDINGS, keymap)],
    }


def _rows(bindings: Iterable[BindingType], keymap: Mapping[str, str]) -> list[tuple[str, str]]:
    keys: dict[str, list[str]] = {}
    for binding in bindings:
        if isinstance(binding, Binding) and binding.description:
            found = keymap.get(binding.id or "", binding.key).split(",")
            keys.setdefault(binding.description, []).extend(_name(key.strip()) for key in found)
    return [(", ".join(dict.fromkeys(names)), does) for does, names in keys.items()]


def _name(key: str) -> str:
    # Terminals send ctrl+space as ctrl+@; one name for it is enough.
    return format_key("ctrl+space" if key == "ctrl+@" else key)
