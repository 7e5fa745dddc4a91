"""Worker processes forked from this one: what it has imported need not be imported again, which takes 3 s."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from typing import TextIO

import torch


def may_fork() -> bool:
    """Whether a fork of this process would be sound: Linux, no other thread, and no GPU that torch has seen."""
    return sys.platform == "linux" and threading.active_count() == 1 and not torch.cuda.is_available()


class Forked:
    """A forked worker, as far as `subprocess.Popen` has the same names.

    Attributes:
        stdin: takes tasks.
        stdout: gives events.
    """

    def __init__(self) -> None:
        tasks, stdin = os.pipe()
        stdout, events = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # until the child ignores it
        try:
            self._pid = os.fork()
            if self._pid == 0:
                os.close(stdin)
                os.close(stdout)
                _work(tasks, events)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        os.close(tasks)
        os.close(events)
        self._code: int | None = None
        self.stdin: TextIO = os.fdopen(stdin, "w")
        self.stdout: TextIO = os.fdopen(stdout)

    def kill(self) -> None:
        """End the worker, if it has not ended."""
        if self._code is None:
            os.kill(self._pid, signal.SIGKILL)  # it is ours to wait for, so its number still is its own

    def wait(self) -> int:
        """Return its exit code once it has ended; negative is the number of a signal."""
        if self._code is None:
            self._code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        return self._code


def _work(tasks: int, events: int) -> None:
    """Be a worker: read tasks, write events, and end with this process."""
    code = 1
    try:
        os.setsid()  # Ctrl-C in a terminal reaches the launcher alone
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)  # what a user's own code prints is not for the launcher
        sys.stdout = sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
        from mtlrun.execution.worker import main

        with os.fdopen(tasks) as lines, os.fdopen(events, "w") as told:
            main(lines, told)
        code = 0
    finally:  # nothing may leave: above stands the launcher's own code
        if sys.exc_info()[0] is not None:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
