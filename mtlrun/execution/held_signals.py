"""Signals that would end training are held back until a step is done and its checkpoint is written."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

HELD = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
"""Names of the signals that users, schedulers and launchers end training with; before a time
limit Slurm can send SIGUSR1, and sends SIGUSR2 for submitit."""


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
        if threading.current_thread() is threading.main_thread():
            for number in (getattr(signal, name) for name in HELD if hasattr(signal, name)):
                before = signal.getsignal(number)
                if before is signal.SIG_DFL or callable(before):
                    self._before[number] = before
                    signal.signal(number, self._hold)
        try:
            yield
        finally:
            self._put_back()
            self.release()

    def release(self) -> None:
        """Let the signal that was held back, if one was, do what it does without us."""
        number, self.came = self.came, None
        if number is not None:
            self._put_back()
            signal.raise_signal(number)

    def _hold(self, number: int, frame: FrameType | None) -> None:
        second, self.came = self.came is not None, number
        if second:
            self.release()

    def _put_back(self) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        self._before.clear()
