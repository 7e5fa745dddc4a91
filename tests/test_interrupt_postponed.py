"""Ctrl-C that waits."""

import os
import signal

import pytest

from mtlrun.interrupt import postponed


def test_ctrl_c_comes_after_what_it_waits_for():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    done = []
    try:
        with pytest.raises(KeyboardInterrupt), postponed():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("all")
    finally:
        signal.signal(signal.SIGINT, before)
    assert done == ["all"]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, set())
