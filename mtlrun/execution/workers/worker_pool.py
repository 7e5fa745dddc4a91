"""Tasks done in this process, or shared out to worker processes."""

from __future__ import annotations

import contextlib
import json
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from mtlrun.errors import MtlrunError, StoreError
from mtlrun.execution.workers.task import Task
from mtlrun.execution.workers.worker import Event, perform

NextTask = Callable[[], tuple[int, Task] | None]

GRACE_S = 10.0
"""What workers get to finish a step and to write its checkpoint when training is broken off."""

START = """
import sys
sys.path[:] = sys.argv[1:]
from mtlrun.execution.workers.worker import start
start()
"""
"""What a worker runs: it imports from where this process does, and nothing of the user's script is run again."""


MOST_STARTS = 3
"""Worker processes that may end one after another before they are ready: more say that none can start."""

TICK_S = 1.0
"""`tell` is called at least this often, so that a request to cancel is noticed while nothing happens."""

MEMORY_SIGNALS = ("SIGKILL", "SIGSEGV", "SIGABRT", "SIGBUS")
"""How a process ends that memory does not hold, or that a limit on memory stops."""


class WorkerError(MtlrunError):
    """No worker process can be started."""

    exit_code = 1


class Pool(Protocol):
    """Does tasks."""

    def run(self, next_task: NextTask, tell: Callable[[Event], None]) -> Iterator[tuple[int, Event]]:
        """Do tasks until there is no next one, and yield the number and the last event of each as it ends.

        A task whose process ended before the task did yields `{"lost": "cause in words"}`. The pool tells a negative
        number of `run_steps` for what the task had told, and starts another process; whether the task is tried again
        is for who gives the tasks. `run` may be called again after it has ended.

        Args:
            next_task: returns a task and its number, or None; asked whenever a process is free. After a None it is
                asked again when a task has ended.
            tell: hears the other events. It may raise, which ends everything.
        """


def cause_of_end(code: int, what: str = "a worker process") -> str:
    """Return in words why a process ended.

    Args:
        code: its exit code; of one that signal n killed, -n.
        what: the process.
    """
    if code >= 0:
        return f"{what} ended with exit code {code} before its work was done"
    memory = -code in [getattr(signal, name) for name in MEMORY_SIGNALS if hasattr(signal, name)]
    return f"{what} was killed by signal {-code}{' (perhaps out of memory)' if memory else ''}"


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


class _Worker:
    """A worker process.

    Attributes:
        task: its task with its number; None where it has none.
        told: run-steps that it told of this task.
        ready: whether it has told anything.
        ended: whether it is known to have ended.
    """

    def __init__(self, place: int, events: queue.Queue[tuple[int, Event | None]]) -> None:
        self.process = _spawn()
        self.task: tuple[int, Task] | None = None
        self.told = 0
        self.ready = self.ended = False
        threading.Thread(target=self._listen, args=(place, events), daemon=True).start()

    def _listen(self, place: int, events: queue.Queue[tuple[int, Event | None]]) -> None:
        """Pass the worker's events on; None stands for its end."""
        pipe = self.process.stdout
        assert pipe is not None
        with pipe, contextlib.suppress(json.JSONDecodeError):  # of a line that it did not write to the end
            for line in pipe:
                events.put((place, json.loads(line)))
        events.put((place, None))

    def do(self, number: int, task: Task) -> None:
        """Give it a task."""
        self.task, self.told = (number, task), 0
        pipe = self.process.stdin
        assert pipe is not None
        with contextlib.suppress(BrokenPipeError):  # a worker that has ended tells so by its event
            pipe.write(json.dumps(task.plain) + "\n")
            pipe.flush()

    def end(self) -> int:
        """End it, if it has not ended, and return its exit code."""
        self.process.kill()
        code = self.process.wait()
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # of what it never read
            self.process.stdin.close()
        return code


class _Workers:
    def __init__(self, processes: int) -> None:
        self._events: queue.Queue[tuple[int, Event | None]] = queue.Queue()
        self._unready = 0  # workers that ended one after another before they were ready
        self._workers: list[_Worker] = []
        try:
            for place in range(processes):
                self._workers.append(_Worker(place, self._events))
        except BaseException:
            self.end()
            raise

    def run(self, next_task: NextTask, tell: Callable[[Event], None]) -> Iterator[tuple[int, Event]]:
        """As `Pool.run` says.

        Raises:
            WorkerError: workers cannot be started; what was stored stays.
            StoreError: a worker could not store what it had trained.
        """
        self._hand_out(next_task)
        while any(worker.task for worker in self._workers):
            try:
                place, event = self._events.get(timeout=TICK_S)
            except queue.Empty:
                tell({})
                continue
            last = (
                self._lost(place, tell) if event is None else self._heard(self._workers[place], event, tell)
            )
            if last is not None:
                yield last
                self._hand_out(next_task)

    def _hand_out(self, next_task: NextTask) -> None:
        """Give a task to each worker that has none, as far as there are tasks."""
        for place, worker in enumerate(self._workers):
            if worker.task is None:
                if (task := next_task()) is None:
                    return
                self._give(place, *task)

    def _give(self, place: int, number: int, task: Task) -> None:
        """Give a task to the worker at a place, or to a new one where that has ended."""
        if self._workers[place].ended:
            self._workers[place] = _Worker(place, self._events)
        self._workers[place].do(number, task)

    def _heard(
        self, worker: _Worker, event: Event, tell: Callable[[Event], None]
    ) -> tuple[int, Event] | None:
        """Pass an event on, and return it with the number of the task that ends with it, if one does."""
        worker.ready, self._unready = True, 0
        worker.told += event.get("run_steps", 0)
        tell(event)
        if "error" in event:
            raise StoreError(event["error"])
        if worker.task is None or not ("counts" in event or "rates" in event):
            return None
        number, worker.task, worker.told = worker.task[0], None, 0
        return number, event

    def _lost(self, place: int, tell: Callable[[Event], None]) -> tuple[int, Event] | None:
        """Return the last event of a task whose worker has ended; one that was not begun goes to a new worker."""
        worker = self._workers[place]
        code = worker.process.wait()
        worker.end()
        task, worker.task, worker.ended = worker.task, None, True
        if not worker.ready:
            self._unready += 1
            if self._unready >= MOST_STARTS:
                told = f"{MOST_STARTS} worker processes ended before they were ready, the last one"
                raise WorkerError(f"{told} ended with code {code}; finished cohorts are kept")
            if task is not None:
                self._give(place, *task)
            return None
        if task is None:
            return None
        tell({"run_steps": -worker.told})
        return task[0], {"lost": cause_of_end(code)}

    def ask_to_end(self, grace_s: float) -> None:
        """Let workers write what they are at, and wait until they have, or for so many seconds."""
        until = time.monotonic() + grace_s
        for worker in self._workers if grace_s else ():
            worker.process.terminate()
        for worker in self._workers if grace_s else ():
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.process.wait(max(0.0, until - time.monotonic()))

    def end(self) -> None:
        for worker in self._workers:
            worker.end()


def _spawn() -> subprocess.Popen[str]:
    """Start a worker that finds the modules that this process finds, as those beside a script or a notebook.

    Raises:
        WorkerError: the system refuses.
    """
    try:
        return subprocess.Popen(
            [sys.executable, "-I", "-c", START, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C in a terminal reaches the launcher alone
        )
    except OSError as error:
        reason = error.strerror or error
        raise WorkerError(f"no worker process can be started: {reason}; finished cohorts are kept") from error
