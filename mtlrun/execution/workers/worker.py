"""A process that trains cohorts: JSON lines in, JSON lines out. Started by a launcher, never by a user.

In: one task a line, as of `Task.plain`. Out: {"run_steps": n} and {"note": text} as training goes on, then
{"counts": {...}, "memory_holds": lanes or null} when the runs are stored, or {"error": message} when they could not;
{"rates": {lanes: run-steps per second}} where widths were timed.

SIGTERM and SIGUSR1 end the process; with checkpoints, the step is done and written down before.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

from mtlrun.errors import StoreError
from mtlrun.execution.workers.task import Task

REPORT_S = 0.2  # progress is sent this often

Event = dict[str, Any]


def perform(task: Task, tell: Callable[[Event], None]) -> Event:
    """Do one task in this process, telling events as it goes on, and return the last one."""
    from mtlrun.execution.checkpoints import Checkpointing, Terms
    from mtlrun.execution.train import TRAINING_ERRORS, pick_device, train_and_store
    from mtlrun.store.store import Store
    from mtlrun.training.width import time_widths

    device = pick_device(task.device)
    if task.time is not None:
        try:
            rates = time_widths(task.runs, device, task.time, task.streamed)
            return {"rates": {str(lanes): rate for lanes, rate in rates.items()}}
        except TRAINING_ERRORS:  # training meets it again, and stores it
            return {"rates": {}}
    store, checkpointing = Store(task.store, exists=True), None
    if task.checkpoint_s is not None:
        terms = Terms(device.type, task.deterministic, task.every, task.save)
        checkpointing = Checkpointing(
            store, terms, task.compile, task.checkpoint_s, lambda text: tell({"note": text})
        )
    counts, holds = train_and_store(
        task, store, device, lambda run_steps: tell({"run_steps": run_steps}), checkpointing
    )
    return {"counts": dict(counts), "memory_holds": holds}


def main(tasks: TextIO, events: TextIO) -> None:
    """Do one task for each line of `tasks`, until it ends."""
    import torch

    from mtlrun.training.runtime.allocator import keep_freed_memory

    torch.set_num_threads(1)  # there is a worker for every core
    keep_freed_memory()
    _write(events, {"run_steps": 0})
    for line in tasks:
        pending, told = 0, time.monotonic()

        def tell(event: Event) -> None:
            nonlocal pending, told
            pending += event.pop("run_steps", 0)
            if event or time.monotonic() - told > REPORT_S:
                _write(events, {"run_steps": pending, **event})
                pending, told = 0, time.monotonic()

        try:
            tell(perform(Task.of(json.loads(line)), tell))
        except StoreError as error:  # of a full disk, or a store that was removed: the launcher tells it
            tell({"error": str(error)})


def _write(events: TextIO, event: Event) -> None:
    try:
        events.write(json.dumps(event) + "\n")
        events.flush()
    except BrokenPipeError:  # the launcher has gone: what is half trained is nobody's
        os._exit(1)


def start() -> None:
    """Be a worker: standard input gives tasks, standard output takes events."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the launcher decides what an interruption means
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a user's own code prints is not for the launcher
    main(sys.stdin, told)
