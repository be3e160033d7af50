"""Calls a person to the terminal: the bell, the window's title, a notification of the desktop.

How a terminal is told to notify the desktop: OSC 9 (iTerm2, WezTerm, Windows Terminal, Ghostty), OSC 99 (kitty) and
OSC 777 (foot, rxvt), as each documents. A terminal that knows none of them leaves it to `notify-send`, where there is a
desktop. The texts come from models: they carry no control character and are never a part of a command line's options.
"""

import asyncio
import html
import os
import shutil
from collections.abc import Callable, Mapping, Sequence

BELL = "\a"
TITLE = "\x1b]2;{}\x1b\\"
KEEP_TITLE, GIVE_TITLE_BACK = "\x1b[22;2t", "\x1b[23;2t"
"""Terminals keep a stack of titles, so that the person's own comes back."""
LONGEST = 120


class Ring:
    """Rings in the ways that the settings allow.

    Args:
        write: writes to the terminal as it is.
        ways: of `bell`, `title` and `desktop`.
        environment: tells what terminal and desktop there is.
    """

    def __init__(
        self, write: Callable[[str], None], ways: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> None:
        self._write = write
        self._ways = ways
        self._environment = os.environ if environment is None else environment
        self._titled = False

    async def ring(self, title: str, words: str, *, away: bool) -> None:
        """Call the person.

        Args:
            title: what it is about.
            words: what they should do.
            away: whether they look at something else, so that the desktop should say it too.
        """
        if "bell" in self._ways:
            self._write(BELL)
        if away and "desktop" in self._ways:
            await self._notify(plain(title), plain(words))

    def show(self, title: str) -> None:
        """Put something into the window's title."""
        if "title" not in self._ways:
            return
        if not self._titled:
            self._titled = True
            self._write(KEEP_TITLE)
        self._write(TITLE.format(plain(title)))

    def close(self) -> None:
        """Give the title back that the window had."""
        if self._titled:
            self._titled = False
            self._write(GIVE_TITLE_BACK)

    async def _notify(self, title: str, words: str) -> None:
        sequence = sequence_for(self._environment, title, words)
        if sequence:
            self._write(sequence)
            return
        program = shutil.which("notify-send")
        if program and (self._environment.get("DISPLAY") or self._environment.get("WAYLAND_DISPLAY")):
            # The body may be read as markup.
            arguments = ("--app-name=Miracle", "--", title, html.escape(words))
            sent = await asyncio.create_subprocess_exec(
                program, *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            await sent.wait()


def plain(text: str) -> str:
    """A line that a terminal shows and never obeys."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(line.split())[:LONGEST]


def sequence_for(environment: Mapping[str, str], title: str, words: str) -> str:
    """What tells this terminal to notify the desktop; empty where it is not known to.

    Args:
        environment: the terminal's.
        title: plain text.
        words: plain text.
    """
    program, kind = environment.get("TERM_PROGRAM", ""), environment.get("TERM", "")
    if kind == "xterm-kitty":
        told = f"\x1b]99;i=miracle:d=0;{title}\x1b\\\x1b]99;i=miracle:p=body;{words}\x1b\\"
    elif kind.startswith(("foot", "rxvt")):
        told = f"\x1b]777;notify;{title.replace(';', ',')};{words}\x1b\\"
    elif program in ("iTerm.app", "WezTerm", "ghostty") or environment.get("WT_SESSION"):
        told = f"\x1b]9;{title}: {words}\x1b\\"
    else:
        return ""
    return f"\x1bPtmux;{told.replace(chr(27), chr(27) * 2)}\x1b\\" if environment.get("TMUX") else told
