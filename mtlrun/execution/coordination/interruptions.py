"""Ctrl-C and other signals whose exception Python loses."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

from mtlrun.errors import MtlrunError
from mtlrun.execution.workers.held_signals import ending_handlers


class Interruptions:
    """Remembers the exception that the handler of a signal raised, so that it can be raised again.

    Python raises it wherever the main thread is at that moment. Nobody gets it in a finalizer, which prints and drops
    it, or in C code that clears errors: training would go on to the end.
    """

    def __init__(self) -> None:
        self._stop: BaseException | None = None
        self._before: dict[int, Callable[..., Any]] = {}

    def begin(self) -> None:
        """Put this before the handlers of the signals that end training, where they have any."""
        self._before = {n: handler for n, handler in ending_handlers().items() if callable(handler)}
        for number in self._before:
            signal.signal(number, self._handle)

    def end(self) -> None:
        """Put the handlers back."""
        for number, before in self._before.items():
            signal.signal(number, before)
        self._before.clear()

    def check(self) -> None:
        """Raise what a handler raised, if training still goes on."""
        if self._stop is not None:
            raise self._stop

    def restore(self, error: BaseException | None) -> None:
        """Raise what a handler raised where something else has come of it.

        Ray puts a KeyboardInterrupt of its own in its place; a second signal while a lock is released makes a
        RuntimeError of it.
        """
        if self._stop is None or error in (None, self._stop) or isinstance(error, MtlrunError):
            return
        raise self._stop from None

    def _handle(self, number: int, frame: FrameType | None) -> None:
        try:
            self._before[number](number, frame)
        except BaseException as stop:
            self._stop = stop
            raise
