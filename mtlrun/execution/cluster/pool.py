"""A pool whose tasks are jobs of a cluster: submits them, follows their files, cancels what is left at the end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Protocol

from mtlrun.errors import StoreError
from mtlrun.execution.cluster.handover import Handover
from mtlrun.execution.workers.worker import Event
from mtlrun.execution.workers.worker_pool import NextTask, Pool

POLL_S = 0.5

GRACE_S = 5.0
"""A job that has ended is given up where its file does not say so after this time: shared folders lag behind."""


class Engine(Protocol):
    """Queues, places and repeats jobs."""

    def submit(self, texts: Mapping[int, str]) -> None:
        """Queue a job for each text of `Handover.text`, by the job's number."""

    def gone(self) -> Mapping[int, str]:
        """Return of each job that neither runs nor waits what became of it, in words."""

    def wait(self, seconds: float) -> None:
        """Wait; at most until a job ends, where that is known."""

    def end(self, running: Collection[int]) -> None:
        """Cancel jobs, and wait until those that have told their last event write nothing more."""


@contextlib.contextmanager
def job_pool(engine: Engine, handover: Handover, most: int) -> Iterator[Pool]:
    """A pool with at most so many jobs at a time. Its folder stays where a job was lost, whose log is in there."""
    pool = _Jobs(engine, handover, most)
    try:
        yield pool
    finally:
        engine.end(pool.running)
        if not pool.lost:
            handover.remove()


class _Jobs:
    """Jobs have numbers of their own, so that a task that is tried again has a file of its own.

    Attributes:
        running: number of the task by that of the job.
        lost: whether a job was.
    """

    def __init__(self, engine: Engine, handover: Handover, most: int) -> None:
        self._engine, self._handover, self._most = engine, handover, most
        self._numbers = 0
        self._told: dict[int, int] = {}  # run-steps
        self._noted: dict[int, int] = {}
        self._gone_at: dict[int, float] = {}
        self.running: dict[int, int] = {}
        self.lost = False

    def run(self, next_task: NextTask, tell: Callable[[Event], None]) -> Iterator[tuple[int, Event]]:
        """As `Pool.run` says.

        Raises:
            StoreError: a job could not store what it had trained.
        """
        self._submit(next_task)
        while self.running:
            ended = self._ended(tell)
            for number, event in ended:
                task = self.running.pop(number)
                if "error" in event:
                    raise StoreError(event["error"])
                self.lost |= "lost" in event
                yield task, event
            if ended:
                self._submit(next_task)
            else:
                self._engine.wait(POLL_S)

    def _submit(self, next_task: NextTask) -> None:
        """Submit as many tasks as there is room for, together."""
        texts: dict[int, str] = {}
        while len(self.running) < self._most and (task := next_task()) is not None:
            self._numbers += 1
            self.running[self._numbers] = task[0]
            texts[self._numbers] = self._handover.text(self._numbers, task[1].plain)
        if texts:
            self._engine.submit(texts)

    def _ended(self, tell: Callable[[Event], None]) -> list[tuple[int, Event]]:
        """Return the jobs that have ended, with their last events, and tell progress."""
        gone, now, ended = self._engine.gone(), time.monotonic(), list[tuple[int, Event]]()
        for number in self.running:
            progress = self._handover.progress(number)
            if progress.event is not None:
                ended.append((number, progress.event))
            elif number not in gone:
                self._gone_at.pop(number, None)
            elif now - self._gone_at.setdefault(number, now) > GRACE_S:
                ended.append((number, {"lost": gone[number]}))
                progress.run_steps = 0  # to be done again
            for note in progress.notes[self._noted.get(number, 0) :]:
                tell({"note": note})
            self._noted[number] = len(progress.notes)
            tell({"run_steps": progress.run_steps - self._told.get(number, 0)})
            self._told[number] = progress.run_steps
        return ended
