"""Signals that would end training are held back until a step is done and its checkpoint is written."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

HELD = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
"""Names of the signals that users, schedulers and launchers end training with; Slurm can send SIGUSR1 before a time
limit, and submitit, which queues the job again, has it send SIGUSR2."""


def ending_handlers() -> dict[int, Any]:
    """Return the handlers of the signals that end training, by number, without those that are ignored.

    None outside the main thread, to which signals belong.
    """
    if threading.current_thread() is not threading.main_thread():
        return {}
    found = {n: signal.getsignal(n) for n in (getattr(signal, name, None) for name in HELD) if n is not None}
    return {n: handler for n, handler in found.items() if handler is signal.SIG_DFL or callable(handler)}


class HeldSignals:
    """Holds back the first signal that would end this process. A second one is not held back.

    Attributes:
        came: the signal that is held back, or None.
    """

    def __init__(self) -> None:
        self.came: int | None = None
        self._before: dict[int, Any] = {}

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold signals back for a while, in the main thread; those that are ignored stay so."""
        self._begin()
        try:
            yield
        finally:
            self._deliver()

    def release(self) -> None:
        """Let the signal that was held back, if one was, do what it does without us; it may end nothing."""
        if self.came is not None:
            self._deliver()
            self._begin()

    def _begin(self) -> None:
        self._before = ending_handlers()
        for number in self._before:
            signal.signal(number, self._hold)

    def _deliver(self) -> None:
        """Put the handlers back, and raise the signal that came."""
        for number, before in self._before.items():
            signal.signal(number, before)
        self._before.clear()
        came, self.came = self.came, None
        if came is not None:
            signal.raise_signal(came)

    def _hold(self, number: int, frame: FrameType | None) -> None:
        second, self.came = self.came is not None, number
        if second:
            self.release()
