"""A person's own keys."""

import pytest
from textual.binding import Binding, BindingType

from miracle_tui.keymap import check_keymap, is_key

BINDINGS: list[BindingType] = [
    Binding("space", "pause", id="pause"),
    Binding("h", "history", id="history"),
    Binding("question_mark", "help", id="help"),
    ("x", "nameless", "Has no id"),
]


@pytest.mark.parametrize("key", ["space", "f5", "ctrl+p", "P", "?", "question_mark", "shift+tab", "ctrl+space"])
def test_a_terminal_can_send_it(key: str) -> None:
    assert is_key(key)


@pytest.mark.parametrize("key", ["", "bogus", "ctrl+", "hyperdrive+x", "ctrl+bogus", "\n"])
def test_no_terminal_can_send_it(key: str) -> None:
    assert not is_key(key)


def test_a_good_keymap_is_taken_whole() -> None:
    usable, problems = check_keymap({"pause": "f5", "help": "?,f1"}, BINDINGS)
    assert usable == {"pause": "f5", "help": "question_mark,f1"}
    assert problems == []


def test_an_unknown_action_is_named_with_those_that_exist() -> None:
    usable, problems = check_keymap({"fly": "f5"}, BINDINGS)
    assert usable == {}
    assert "'fly'" in problems[0]
    assert "history" in problems[0]


def test_a_key_that_is_taken_keeps_its_old_meaning() -> None:
    usable, problems = check_keymap({"pause": "h"}, BINDINGS)
    assert usable == {}
    assert "taken by history" in problems[0]


def test_two_actions_may_swap_their_keys() -> None:
    usable, problems = check_keymap({"pause": "h", "history": "space"}, BINDINGS)
    assert usable == {"pause": "h", "history": "space"}
    assert problems == []


@pytest.mark.parametrize(("keys", "said"), [("", "no key is given"), ("warp+9", "is no key")])
def test_a_key_that_is_none_is_refused(keys: str, said: str) -> None:
    usable, problems = check_keymap({"pause": keys}, BINDINGS)
    assert usable == {}
    assert said in problems[0]
