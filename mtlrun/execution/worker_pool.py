"""Tasks done in this process, or shared out to worker processes."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from mtlrun.errors import MtlrunError, StoreError
from mtlrun.execution.worker import Event, perform

Task = Mapping[str, Any]
NextTask = Callable[[], tuple[int, Task] | None]

GRACE_S = 10.0
"""What workers get to finish a step and to write its checkpoint when training is broken off."""

START = """
import sys
sys.path[:] = sys.argv[1:]
from mtlrun.execution.worker import start
start()
"""
"""What a worker runs: it imports from where this process does, and nothing of the user's script is run again."""


class WorkerError(MtlrunError):
    """A worker process ended before its work did."""

    exit_code = 1


class Pool(Protocol):
    """Does tasks."""

    def run(self, next_task: NextTask, tell: Callable[[Event], None]) -> Iterator[tuple[int, Event]]:
        """Do tasks until there is no next one, and yield the number and the last event of each as it ends.

        Args:
            next_task: returns a task and its number, or None; asked whenever a process is free.
            tell: hears the other events.
        """


@contextlib.contextmanager
def here() -> Iterator[Pool]:
    """A pool that does tasks one after another in this process, on one thread."""
    import torch

    from mtlrun.training.runtime.allocator import keep_freed_memory

    keep_freed_memory()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in a worker, so that a run's kernels do not depend on how it was launched
    try:
        yield _Here()
    finally:
        torch.set_num_threads(threads)


@contextlib.contextmanager
def workers(processes: int, grace_s: float = 0.0) -> Iterator[Pool]:
    """A pool of worker processes, which end with it; where work is broken off, after at most `grace_s` seconds."""
    pool = _Workers(processes)
    try:
        yield pool
    except BaseException:
        pool.ask_to_end(grace_s)
        raise
    finally:
        pool.end()


class _Here:
    def run(self, next_task: NextTask, tell: Callable[[Event], None]) -> Iterator[tuple[int, Event]]:
        while (task := next_task()) is not None:
            yield task[0], perform(task[1], tell)


class _Workers:
    def __init__(self, processes: int) -> None:
        self._events: queue.Queue[tuple[int, Event | None]] = queue.Queue()
        self._processes = [_spawn() for _ in range(processes)]
        for place in range(processes):
            threading.Thread(target=self._listen, args=(place,), daemon=True).start()

    def _listen(self, place: int) -> None:
        """Pass a worker's events on; None stands for its end."""
        pipe = self._processes[place].stdout
        assert pipe is not None
        with pipe:
            for line in pipe:
                self._events.put((place, json.loads(line)))
        self._events.put((place, None))

    def run(self, next_task: NextTask, tell: Callable[[Event], None]) -> Iterator[tuple[int, Event]]:
        """As `Pool.run` says.

        Raises:
            WorkerError: a worker died; what was stored stays.
            StoreError: a worker could not store what it had trained.
        """
        doing: dict[int, int] = {}  # number of the task by place of the worker

        def hand_out(place: int) -> None:
            if (task := next_task()) is not None:
                doing[place] = task[0]
                self._send(place, task[1])

        for place in range(len(self._processes)):
            hand_out(place)
        while doing:
            place, event = self._events.get()
            if event is None:
                code = self._processes[place].wait()
                raise WorkerError(f"a worker process ended with code {code}; finished cohorts are kept")
            tell(event)
            if "error" in event:
                raise StoreError(event["error"])
            if "counts" in event or "rates" in event:
                yield doing.pop(place), event
                hand_out(place)

    def _send(self, place: int, task: Task) -> None:
        pipe = self._processes[place].stdin
        assert pipe is not None
        with contextlib.suppress(BrokenPipeError):  # a worker that has ended tells so by its event
            pipe.write(json.dumps(task) + "\n")
            pipe.flush()

    def ask_to_end(self, grace_s: float) -> None:
        """Let workers write what they are at, and wait until they have, or for so many seconds."""
        until = time.monotonic() + grace_s
        for worker in self._processes if grace_s else ():
            worker.terminate()
        for worker in self._processes if grace_s else ():
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.wait(max(0.0, until - time.monotonic()))

    def end(self) -> None:
        for worker in self._processes:
            worker.kill()
            worker.wait()
            assert worker.stdin is not None
            with contextlib.suppress(BrokenPipeError):  # of what it never read
                worker.stdin.close()


def _spawn() -> subprocess.Popen[str]:
    """Start a worker that finds the modules that this process finds, as those beside a script or a notebook."""
    return subprocess.Popen(
        [sys.executable, "-I", "-c", START, *sys.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C in a terminal reaches the launcher alone
    )
