"""A person's own keys, checked before Textual sees them: it would drop what it does not know without a word."""

from collections.abc import Iterable, Mapping

from textual.binding import Binding, BindingType
from textual.keys import Keys, _character_to_key

NAMED = frozenset(key.value for key in Keys) | frozenset(f"f{number}" for number in range(1, 25))
MODIFIERS = ("ctrl", "alt", "shift", "super", "hyper", "meta")


def check_keymap(keymap: Mapping[str, str], bindings: Iterable[BindingType]) -> tuple[dict[str, str], list[str]]:
    """The usable part of a keymap, and a sentence for everything that is not.

    Args:
        keymap: binding id to keys, several with commas between.
        bindings: every binding of the app and its screens.
    """
    known = {binding.id: binding for binding in bindings if isinstance(binding, Binding) and binding.id}
    usable: dict[str, str] = {}
    problems: list[str] = []
    for name, keys in keymap.items():
        wanted = [key.strip() for key in keys.split(",") if key.strip()]
        wrong = next((key for key in wanted if not is_key(key)), None)
        if name not in known:
            problems.append(f"interface.keymap: no action is called {name!r}; there are {', '.join(sorted(known))}")
        elif not wanted:
            problems.append(f"interface.keymap.{name}: no key is given")
        elif wrong is not None:
            problems.append(f"interface.keymap.{name}: {wrong!r} is no key")
        else:
            usable[name] = ",".join(_character_to_key(key) if len(key) == 1 else key for key in wanted)
    taken: dict[str, str] = {}
    for name, binding in known.items():
        for key in usable.get(name, binding.key).split(","):
            other = taken.setdefault(f"{_scope(name)} {key.strip()}", name)
            # The same id on several screens is one action; two actions on one key hide each other.
            if other != name and (name in usable or other in usable):
                loser = name if name in usable else other
                if usable.pop(loser, None) is not None:
                    problems.append(
                        f"interface.keymap.{loser}: {key.strip()!r} is taken by {other if loser == name else name}"
                    )
    return usable, problems


def _scope(name: str) -> str:
    """The screen that an action belongs to, where it is one of its own: its keys and those of others never meet."""
    return "history" if name.startswith("history.") else ""


def is_key(key: str) -> bool:
    """Whether a terminal can send this."""
    *modifiers, name = key.split("+") if key != "+" else ["+"]
    if any(modifier not in MODIFIERS for modifier in modifiers):
        return False
    return (len(name) == 1 and name.isprintable()) or name in NAMED or name in _CHARACTER_NAMES


_CHARACTER_NAMES = frozenset(_character_to_key(chr(code)) for code in range(33, 127))
