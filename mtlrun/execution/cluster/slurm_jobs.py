"""Jobs of Slurm: submitit submits them, squeue tells their states, scancel ends them."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from submitit import SlurmExecutor
from submitit.core.utils import FailedJobError, FailedSubmissionError

from mtlrun.errors import ConfigError, MtlrunError
from mtlrun.execution.cluster.job import SlurmJob
from mtlrun.execution.launcher import Note
from mtlrun.execution.workers.worker_pool import WorkerError

ENDED = {
    *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY"),
    *("PREEMPTED", "REVOKED", "TIMEOUT"),
}
"""States from which a job does not come back by itself."""

FIRST_CHECK_S, LAST_CHECK_S = 2.0, 30.0
"""Between questions to Slurm, which is asked more and more rarely; jobs tell that they have ended by their files."""

COMMAND_S = 60.0
SETTLE_S = 10.0


class SlurmJobs:
    """The jobs of one launcher, as an `Engine`.

    Args:
        folder: for submitit's files.
        parameters: as of submitit's `SlurmExecutor.update_parameters`.
        requeues: how often a job that reached its time limit is queued again.
        note: told why jobs wait, once for each reason.
    """

    def __init__(self, folder: Path, parameters: Mapping[str, Any], requeues: int, note: Note) -> None:
        self._executor = SlurmExecutor(folder, max_num_timeout=requeues)
        self._executor.update_parameters(**parameters)
        self._note, self._reasons = note, set[str]()
        self._ids: dict[int, str] = {}  # Slurm's, by number
        self._results: dict[int, Path] = {}  # that submitit writes last
        self._logs: dict[int, Path] = {}
        self._gone: dict[int, str] = {}
        self._check_s, self._next_check = FIRST_CHECK_S, 0.0

    def submit(self, texts: Mapping[int, str]) -> None:
        """Queue jobs, several as one array.

        Raises:
            ConfigError: Slurm refuses the first ones.
            WorkerError: it refuses later ones.
        """
        try:
            # submitit prints what it raises
            with _outside_a_job(), contextlib.redirect_stderr(io.StringIO()):
                jobs = self._executor.submit_array([SlurmJob(text) for text in texts.values()])
        except (FailedJobError, FailedSubmissionError, OSError, subprocess.SubprocessError) as error:
            raise self._refused(_told(error)) from error
        for number, job in zip(texts, jobs, strict=True):
            self._ids[number] = job.job_id
            self._results[number], self._logs[number] = job.paths.result_pickle, job.paths.stderr
        self._check_s, self._next_check = FIRST_CHECK_S, time.monotonic() + FIRST_CHECK_S

    def gone(self) -> Mapping[int, str]:
        """Return of each job that has ended its state, and where its log is."""
        if time.monotonic() >= self._next_check:
            self._gone = self._ask()
            self._check_s = min(1.5 * self._check_s, LAST_CHECK_S)
            self._next_check = time.monotonic() + self._check_s
        return self._gone

    def wait(self, seconds: float) -> None:
        """Wait so long."""
        time.sleep(seconds)

    def end(self, running: Collection[int]) -> None:
        """Cancel jobs, let them write their checkpoints, and the others their last file."""
        ids = [self._ids[number] for number in running if number in self._ids]
        end = time.monotonic() + SETTLE_S
        if ids:
            _called("scancel", *ids)
            command = ("squeue", "--noheader", "--states=running,completing", f"--jobs={','.join(ids)}")
            while (left := _called(*command)) and left.stdout.strip() and time.monotonic() < end:
                time.sleep(0.5)
        rest = [self._results[n] for n in self._ids if n not in running and n not in self._gone]
        while rest and time.monotonic() < end:
            rest = [path for path in rest if not path.exists()]
            if rest:
                time.sleep(0.1)

    def _ask(self) -> dict[int, str]:
        """Return what became of the jobs that have ended, by Slurm, and note why others wait."""
        parents = sorted({job_id.partition("_")[0] for job_id in self._ids.values()})
        if not parents:
            return {}
        form = "--format=%i|%T|%r"
        done = _called("squeue", "--noheader", "--array", "--states=all", f"--jobs={','.join(parents)}", form)
        if done is None or (done.returncode and "Invalid job id" not in done.stderr):
            return self._gone  # Slurm is busy or down: asked again later
        lines = (line.strip().split("|", 2) for line in done.stdout.splitlines())
        states = {job_id: (state, reason) for job_id, state, reason in lines}
        self._note_waiting(states.values())
        gone = {}
        for number, job_id in self._ids.items():
            state, _ = states.get(job_id, ("not known to Slurm any more", ""))
            if job_id not in states or state in ENDED:
                gone[number] = f"job {job_id} of Slurm ended ({state}); its log is {self._logs[number]}"
        return gone

    def _note_waiting(self, states: Collection[tuple[str, str]]) -> None:
        """Note a reason for which all jobs wait, other than that none is free."""
        waiting = {reason for state, reason in states if state == "PENDING"}
        if any(state in ("RUNNING", "COMPLETING") for state, _ in states):
            return
        for reason in waiting - self._reasons - {"None", "Resources", "Priority", "BeginTime"}:
            self._note(f"jobs of Slurm wait: {reason}")
            self._reasons.add(reason)

    def _refused(self, told: str) -> MtlrunError:
        rule = f"`launch`: Slurm does not take the job: {told}"
        return WorkerError(f"{rule}; finished cohorts are kept") if self._ids else ConfigError([rule])


@contextlib.contextmanager
def _outside_a_job() -> Iterator[None]:
    """Hide the variables of the job that this process is itself, if it is one, from those that it submits."""
    prefixes = ("SLURM_", "SLURMD_", "SRUN_", "SBATCH_") if "SLURM_JOB_ID" in os.environ else ()
    hidden = {name: os.environ.pop(name) for name in [*os.environ] if _is_of_a_job(name, prefixes)}
    try:
        yield
    finally:
        os.environ.update(hidden)


def _is_of_a_job(name: str, prefixes: tuple[str, ...]) -> bool:
    return name.startswith(prefixes) and name != "SLURM_CONF"


def _called(*command: str) -> subprocess.CompletedProcess[str] | None:
    """Run one of Slurm's commands; None where it does not answer."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None


def _told(error: Exception) -> str:
    """Return what sbatch said, without the trace that submitit puts around it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = [line.removeprefix("sbatch: error: ") for line in lines if line.startswith("sbatch:")]
    return "; ".join(said or lines[:1])
