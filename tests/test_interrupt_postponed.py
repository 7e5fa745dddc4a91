"""Ctrl-C that waits."""

import signal
import threading

import pytest

from mtlrun.cli.signals import postponed


@pytest.fixture(autouse=True)
def heeded():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_comes_after_what_it_waits_for():
    done = []
    with pytest.raises(KeyboardInterrupt), postponed():
        signal.raise_signal(signal.SIGINT)
        done.append("all")
    assert done == ["all"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_nothing_comes_where_nothing_came_or_another_thread_asks():
    with postponed():
        pass
    other = threading.Thread(target=lambda: postponed().__enter__())
    other.start()
    other.join()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
