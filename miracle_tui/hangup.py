"""A terminal that goes away: what is written to it leads nowhere, and the app ends all the same."""

import os
import signal
import threading
from collections.abc import Callable

END_S = 5.0
"""Seconds within which the screen must have ended; the writer may have died of the terminal before we learnt of it, and
then the loop waits for it for ever."""


class Hangup:
    """Hears that the terminal is gone.

    Args:
        leave: called once, in the main thread between any two instructions of it.
    """

    def __init__(self, leave: Callable[[], object]) -> None:
        self._leave = leave
        self._end = threading.Timer(END_S, os._exit, (128 + signal.SIGHUP,))
        self._end.daemon = True
        self._heard = False

    def listen(self) -> None:
        """Begin to listen; only the main thread may do so."""
        signal.signal(signal.SIGHUP, self._hear)

    def stop(self) -> None:
        """The screen has ended: what is left to do may take its time."""
        self._end.cancel()

    def _hear(self, number: int, frame: object) -> None:
        if self._heard:
            return
        self._heard = True
        nowhere = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(nowhere, fd)
        os.close(nowhere)
        self._end.start()
        self._leave()
