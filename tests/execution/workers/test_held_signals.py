"""Signals that wait until a step is done."""

from __future__ import annotations

import signal
import threading

import pytest

from mtlrun.execution.workers.held_signals import HELD, HeldSignals


class CameError(Exception):
    """A signal did its work."""


@pytest.fixture(params=("SIGTERM", "SIGUSR1", "SIGUSR2"))
def number(request):
    """A signal that raises CameError, and is put back afterwards."""

    def act(number, frame):
        raise CameError(number)

    found = getattr(signal, request.param)
    before = signal.signal(found, act)
    yield found
    signal.signal(found, before)


def test_a_signal_waits_until_it_is_released(number):
    signals, reached = HeldSignals(), []
    with pytest.raises(CameError, match=str(int(number))), signals.held():
        assert signals.came is None
        signal.raise_signal(number)
        assert signals.came == number
        reached.append(1)
        signals.release()
        reached.append(2)
    assert reached == [1] and signals.came is None


def test_without_a_release_it_acts_at_the_end(number):
    signals, reached = HeldSignals(), []
    with pytest.raises(CameError), signals.held():
        signal.raise_signal(number)
        reached.append(1)
    assert reached == [1]


def test_it_is_not_lost_where_training_fails(number):
    with pytest.raises(CameError), HeldSignals().held():
        signal.raise_signal(number)
        raise ValueError("a fault")


def test_a_second_one_does_not_wait(number):
    reached = []
    with pytest.raises(CameError), HeldSignals().held():
        signal.raise_signal(number)
        signal.raise_signal(number)
        reached.append(1)
    assert reached == []


def test_where_its_handler_comes_back_training_goes_on_and_the_next_one_waits_too():
    seen = []
    before = signal.signal(signal.SIGUSR2, lambda number, frame: seen.append(number))
    try:
        signals = HeldSignals()
        with signals.held():
            for times in (0, 1, 2):
                signal.raise_signal(signal.SIGUSR2)
                assert len(seen) == times and signals.came == signal.SIGUSR2
                signals.release()
                assert len(seen) == times + 1 and signals.came is None
        assert len(seen) == 3
    finally:
        signal.signal(signal.SIGUSR2, before)


def test_handlers_are_as_before(number):
    before = [signal.getsignal(getattr(signal, name)) for name in HELD]
    with HeldSignals().held():
        assert signal.getsignal(number) is not before[HELD.index(signal.Signals(number).name)]
    assert [signal.getsignal(getattr(signal, name)) for name in HELD] == before


def test_ignored_signals_stay_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as under nohup
    try:
        signals = HeldSignals()
        with signals.held():
            signal.raise_signal(signal.SIGHUP)
            assert signals.came is None
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_other_threads_hold_nothing(number):
    found = []

    def work():
        before = signal.getsignal(number)
        with HeldSignals().held():
            found.append(signal.getsignal(number) is before)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [True]
