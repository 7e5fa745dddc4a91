"""An interrupt that Python loses is raised again."""

from __future__ import annotations

import signal

import pytest

from mtlrun.execution.coordination.heartbeat import Heartbeat
from mtlrun.store.store import Store


class Closing:
    """Is interrupted in its finalizer, where Python drops the exception."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_that_came_in_a_finalizer_ends_training_at_the_next_check(tmp_path):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with Heartbeat(Store(tmp_path), "main", []) as heartbeat:
            heartbeat.check()
            Closing()
            with pytest.raises(KeyboardInterrupt):
                heartbeat.check()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_handler_that_ends_nothing_is_called_once(tmp_path):
    calls = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: calls.append(number))
    try:
        with Heartbeat(Store(tmp_path), "main", []) as heartbeat:
            signal.raise_signal(signal.SIGUSR1)
            heartbeat.check()
            heartbeat.check()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert calls == [signal.SIGUSR1]


def test_an_interrupt_that_a_library_put_another_in_the_place_of_keeps_its_kind(tmp_path):
    class Ours(KeyboardInterrupt):
        pass

    def handle(number, frame):
        raise Ours

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        with pytest.raises(Ours), Heartbeat(Store(tmp_path), "main", []):
            try:
                signal.raise_signal(signal.SIGUSR1)
            except KeyboardInterrupt:
                raise KeyboardInterrupt from None
        with pytest.raises(KeyboardInterrupt) as caught, Heartbeat(Store(tmp_path), "main", []):
            raise KeyboardInterrupt
        assert not isinstance(caught.value, Ours)
    finally:
        signal.signal(signal.SIGUSR1, before)
