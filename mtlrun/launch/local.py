"""Training on this machine: in this process, or in one worker process per core."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mtlrun.config import Configured
from mtlrun.errors import Fault, MtlrunError
from mtlrun.plan.cohorts import CohortPlan
from mtlrun.store.store import Store

WORTH_WORKERS_S = 10.0
"""A study estimated shorter than this is trained in this process: a worker takes seconds to start."""


class WorkerError(MtlrunError):
    """A worker process ended before its work did."""

    exit_code = 1


@dataclass
class Local(Configured):
    """Trains cohorts one after another in each of a number of processes.

    Args:
        processes: null for one per core where the study is long enough to pay for starting them.
        width: most lanes of a cohort; null for the default.
    """

    processes: int | None = None
    width: int | None = None

    def faults(self) -> Iterator[Fault]:
        for name, value in (("processes", self.processes), ("width", self.width)):
            if value is not None and value < 1:
                yield Fault(name, "must be at least 1, or null", value)

    def process_count(self, estimate_s: float, device: str) -> int:
        """Return the number of processes for a study of that estimated length; one GPU takes one process."""
        if self.processes is not None:
            return self.processes
        return cores() if estimate_s > WORTH_WORKERS_S and device == "cpu" else 1

    def train(
        self,
        cohorts: Sequence[CohortPlan],
        store: Store,
        device: str,
        processes: int,
        progress: Callable[[int], None],
    ) -> Counter[str]:
        """Train all cohorts; each is stored as it finishes. Returns the number of runs of each status.

        Args:
            cohorts: the longest first.
            store: gets a segment per cohort.
            device: `auto`, `cpu` or `cuda`.
            processes: as `process_count` says.
            progress: told of run-steps done.

        Raises:
            WorkerError: a worker died; what was stored stays.
        """
        if processes == 1 or len(cohorts) == 1:
            return _train_here(cohorts, store, device, progress)
        return _train_in_workers(cohorts, store, device, min(processes, len(cohorts)), progress)


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _train_here(
    cohorts: Sequence[CohortPlan], store: Store, device: str, progress: Callable[[int], None]
) -> Counter[str]:
    import torch

    from mtlrun.launch.train import pick_device, train_and_store

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in a worker, so that a run's kernels do not depend on how it was launched
    try:
        counts: Counter[str] = Counter()
        for cohort in cohorts:
            counts.update(train_and_store(cohort.configs, store, pick_device(device), progress))
        return counts
    finally:
        torch.set_num_threads(threads)


def _train_in_workers(
    cohorts: Sequence[CohortPlan], store: Store, device: str, processes: int, progress: Callable[[int], None]
) -> Counter[str]:
    events: queue.Queue[tuple[int, Mapping[str, Any] | None]] = queue.Queue()
    workers = [_start(place, events) for place in range(processes)]
    waiting, counts = list(cohorts), Counter[str]()

    def hand_out(place: int) -> bool:
        if not waiting:
            return False
        task = {"configs": waiting.pop(0).configs, "store": str(store.path), "device": device}
        pipe = workers[place].stdin
        assert pipe is not None
        with contextlib.suppress(BrokenPipeError):  # a worker that has ended tells so by its event
            pipe.write(json.dumps(task) + "\n")
            pipe.flush()
        return True

    try:
        busy = sum(hand_out(place) for place in range(processes))
        while busy:
            place, event = events.get()
            if event is None:
                raise WorkerError(
                    f"a worker process ended with code {workers[place].wait()}; finished cohorts are kept"
                )
            progress(event.get("run_steps", 0))
            if "counts" in event:
                counts.update(event["counts"])
                busy -= not hand_out(place)
        return counts
    finally:
        for worker in workers:
            _end(worker)


def _start(place: int, events: queue.Queue[tuple[int, Mapping[str, Any] | None]]) -> subprocess.Popen[str]:
    """Start a worker and a thread that passes its events on; None stands for its end."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "mtlrun.launch.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C in a terminal reaches the launcher alone
    )

    def listen() -> None:
        assert worker.stdout is not None
        with worker.stdout:
            for line in worker.stdout:
                events.put((place, json.loads(line)))
        events.put((place, None))

    threading.Thread(target=listen, daemon=True).start()
    return worker


def _end(worker: subprocess.Popen[str]) -> None:
    worker.kill()
    worker.wait()
    assert worker.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # of what it never read
        worker.stdin.close()
