"""What a job of a cluster does: one task, given as JSON text. It trains on one thread, as local workers do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from submitit.core.utils import DelayedSubmission

    from mtlrun.execution.workers.worker import Event


class SlurmJob:
    """What submitit pickles for a job: this class by its name, and one string.

    Args:
        text: as of `perform_text`.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    def __call__(self) -> None:
        """Do the task; its events go into its file, and submitit pickles None."""
        heed_signals()
        perform_text(self.text)

    def checkpoint(self) -> DelayedSubmission:
        """Return what is to be done after the job was requeued: the same."""
        from submitit.core.utils import DelayedSubmission

        return DelayedSubmission(self)


def heed_signals() -> None:
    """Choose what signals from Slurm mean to a job's process: the one place for that.

    SIGTERM ends the process, but for the one that opens the time of grace before a preemption: a job that ended in
    that time by itself would have failed for Slurm, and would not be queued again. The signal before the time limit,
    SIGUSR2, is submitit's, which queues the job again.
    """
    signal.signal(signal.SIGTERM, _terminate)


def _terminate(number: int, frame: FrameType | None) -> None:
    if _slurm_state() != "RUNNING":
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def _slurm_state() -> str:
    """Return the state of this job by Slurm; "" where it does not answer."""
    command = ["squeue", "--noheader", f"--jobs={os.environ.get('SLURM_JOB_ID')}", "--format=%T"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=False).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def perform_text(text: str) -> str:
    """Do the task that a text of `Handover.text` describes, and return its last event as JSON text."""
    given = json.loads(text)
    sys.path[:] = given["path"]
    os.chdir(given["cwd"])
    import torch

    from mtlrun.errors import MtlrunError
    from mtlrun.execution.cluster.handover import Reporter
    from mtlrun.execution.workers.task import Task
    from mtlrun.execution.workers.worker import perform
    from mtlrun.training.runtime.allocator import keep_freed_memory

    torch.set_num_threads(1)
    keep_freed_memory()
    reporter = Reporter(Path(given["file"]))
    event = reporter.before.event
    if event is None:
        task, counts = given["task"], Counter[str]()
        try:
            if reporter.progress.attempt > 1:
                task, counts = remaining(task)
            nothing: Event = {"counts": {}, "memory_holds": None}
            event = perform(Task.of(task), reporter.tell) if task["configs"] else nothing
        except MtlrunError as error:  # of a full disk, or a store that was removed: the launcher tells it
            event = {"error": str(error)}
        if "counts" in event:
            counts.update(event["counts"])
            event["counts"] = dict(counts)
    reporter.end(event)
    return json.dumps(event)


def remaining(task: Mapping[str, Any]) -> tuple[dict[str, Any], Counter[str]]:
    """Return a task without the runs that an earlier attempt stored, and how many of these came to each status."""
    from mtlrun.planning.runs import config_id
    from mtlrun.planning.settings.saving import Rule
    from mtlrun.store.store import Store
    from mtlrun.store.weights import Weights

    if not task.get("store"):
        return dict(task), Counter()
    store = Store(task["store"], exists=True)
    statuses, saved = store.statuses(), Weights(store.path).names()
    left, counts = [], Counter[str]()
    for config in task["configs"]:
        run_id = config_id(config)
        wanted = {str(Rule(*rule)) for rule in task.get("save", {}).get(run_id, ())}
        status = statuses.get(run_id)
        if status == "diverged" or (status == "finished" and not wanted - saved.get(run_id, set())):
            counts[status] += 1
        else:
            left.append(config)
    return {**task, "configs": left}, counts
