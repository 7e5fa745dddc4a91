"""A process that trains cohorts: JSON lines in, JSON lines out. Started by a launcher, never by a user.

In: one cohort a line, {"configs": [...], "store": path, "device": name}. Out: {"run_steps": n} as training goes
on, and {"counts": {...}} when a cohort is stored.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import TextIO

REPORT_S = 0.2  # progress is told this often


def main(tasks: TextIO, events: TextIO) -> None:
    """Train one cohort for each line of `tasks`, until it ends."""
    import torch

    from mtlrun.launch.train import pick_device, train_and_store
    from mtlrun.store.store import Store

    torch.set_num_threads(1)  # there is a worker for every core

    def tell(event: dict[str, object]) -> None:
        events.write(json.dumps(event) + "\n")
        events.flush()

    for line in tasks:
        task = json.loads(line)
        pending, told = 0, time.monotonic()

        def progress(run_steps: int) -> None:
            nonlocal pending, told
            pending += run_steps
            if time.monotonic() - told > REPORT_S:
                tell({"run_steps": pending})
                pending, told = 0, time.monotonic()

        counts = train_and_store(task["configs"], Store(task["store"]), pick_device(task["device"]), progress)
        tell({"run_steps": pending})
        tell({"counts": counts})


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the launcher decides what an interruption means
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a user's own code prints is not for the launcher
    main(sys.stdin, told)
