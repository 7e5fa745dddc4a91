"""Signals that end a command: they are handled as Ctrl-C is, so what has finished stays stored."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

ENDING = ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1")
"""Names of the signals besides SIGINT; not every platform has all of them. Slurm can send SIGUSR1 before a limit."""


class Ended(KeyboardInterrupt):
    """A signal has ended the command.

    Attributes:
        number: the signal's.
    """

    number: int = signal.SIGINT


def end(number: int, frame: FrameType | None) -> None:
    """Handle a signal: raise `Ended`."""
    ended = Ended()
    ended.number = number
    raise ended


@contextlib.contextmanager
def as_interruptions() -> Iterator[None]:
    """Let signals that would end the process raise `Ended`; those that are ignored, as under nohup, stay ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield  # handlers are the main thread's
        return
    numbers = [getattr(signal, name) for name in ENDING if hasattr(signal, name)]
    changed = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    for number in changed:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in changed:
            signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def postponed() -> Iterator[None]:
    """Let Ctrl-C wait until the end: torch that is imported by half ends the process."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield  # signals are not this thread's, or not heeded
        return
    came: list[tuple[Any, ...]] = []
    signal.signal(signal.SIGINT, lambda *seen: came.append(seen))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        before(*came[0])


def exit_code(stop: KeyboardInterrupt) -> int:
    """Return 128 + n for an end by signal n."""
    return 128 + int(getattr(stop, "number", signal.SIGINT))
