"""Sweeps on a real Slurm of three nodes: jobs that are preempted, nodes that are drained, and Ctrl-C.

Where `MTLRUN_TEST_SLURM` is set, Slurm must be there; without it, these tests are left out.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.cluster_page import commands
from support.commands import mtlrun, planned, segments
from support.slurm_cluster import SlurmCluster, missing, slurm_cluster

from mtlrun.execution.cluster.handover import FOLDER, read_progress
from mtlrun.store.segments import Segments
from mtlrun.store.store import Store

pytestmark = pytest.mark.skipif("MTLRUN_TEST_SLURM" not in os.environ, reason="MTLRUN_TEST_SLURM is not set")

LIMIT_S = 150.0

COMMAND, *SLURM = commands("sweep", "launch=slurm")[0]
"""As docs/clusters.md has it."""

STUDY = (
    *(text for text in SLURM if not text.startswith("launch")),
    *("budget=steps", "budget.steps=600", "budget.evaluations=2", "model.width=16", "launch.width=2"),
)
"""Eight runs in four cohorts."""


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    assert not missing(), f"MTLRUN_TEST_SLURM is set, and this machine lacks {missing()}"
    with slurm_cluster(tmp_path_factory.mktemp("slurm") / "cluster") as cluster:
        yield cluster


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The same study trained by launch=local: its store, and the table."""
    store = tmp_path_factory.mktemp("local") / "runs"
    done = mtlrun("sweep", *STUDY, "launch.processes=1", f"store={store}")
    assert done.code == 0
    return store, done.out


@contextlib.contextmanager
def started(cluster: SlurmCluster, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A command that submits to the cluster, and heeds Ctrl-C also where these tests do not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "mtlrun.cli", *arguments],
            env={**os.environ, **cluster.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(there: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait until something is there, while the process runs."""
    end = time.monotonic() + LIMIT_S
    while not there():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.1)


def preempt(cluster: SlurmCluster, node: str) -> None:
    """Take a node from the job that runs there, for a second."""
    cluster.call("sbatch", "--partition=urgent", f"--nodelist={node}", "--output=/dev/null", "--wrap=sleep 1")


def training(store: Path) -> list[int]:
    """Return the numbers of the jobs that have trained some steps and have not ended."""
    files = {int(path.stem): read_progress(path) for path in store.glob(f"{FOLDER}/*/*.json")}
    return [number for number, found in files.items() if found.run_steps and found.event is None]


def stored(store: Path) -> Counter[str]:
    """Return how often each run is stored, whichever record counts."""
    listed = Segments(store).listed()
    return Counter(r for one in listed for r in Segments(store).read(one, ("run_id",))["run_id"].to_pylist())


def test_jobs_are_preempted_and_a_node_is_drained_and_the_table_is_that_of_local(slurm, local, tmp_path):
    store = tmp_path / "runs"
    with started(slurm, COMMAND, *SLURM, *STUDY, f"store={store}") as process:
        wait_for(lambda: len(training(store)) >= 2, process)
        (first, node), (second, _) = slurm.jobs("running", "i", "N")[:2]
        preempt(slurm, node)
        slurm.call("scontrol", "update", "nodename=n3", "state=drain", "reason=test")
        slurm.call("scancel", "--signal=USR2", second)  # as Slurm does before the time limit
        slurm.hurry(first)
        slurm.hurry(second)
        out, err = process.communicate(timeout=LIMIT_S)
    slurm.call("scontrol", "update", "nodename=n3", "state=resume")
    assert process.returncode == 0, err
    assert "jobs of Slurm at a time" in err
    assert out == local[1]
    assert Store(store).statuses() == Store(local[0]).statuses()
    assert set(Store(store).statuses().values()) == {"finished"}
    assert stored(store) == dict.fromkeys(Store(local[0]).statuses(), 1)
    assert not (store / FOLDER).exists()
    assert planned(*STUDY, f"store={store}")["runs_new"] == 0


@pytest.mark.slow
def test_a_job_trains_on_in_the_time_of_grace_before_it_is_preempted(slurm, tmp_path):
    store = tmp_path / "runs"
    short = ("seeds=1", "mitigation=none", "suite.tasks=[left]", "launch.partition=gentle")
    with started(slurm, "run", *SLURM, *STUDY, *short, f"store={store}") as process:
        wait_for(lambda: bool(training(store)), process)
        ((job, node),) = slurm.jobs("running", "i", "N")
        preempt(slurm, node)
        _, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, err
    assert "PreemptTime=2" in slurm.call("scontrol", "show", "job", job)  # and not None
    assert [*Store(store).statuses().values()] == ["finished"]


@pytest.mark.slow
def test_ctrl_c_cancels_what_is_queued_and_keeps_what_has_finished(slurm, tmp_path):
    store = tmp_path / "runs"
    with started(slurm, COMMAND, *SLURM, *STUDY, "launch.jobs=1", f"store={store}") as process:
        wait_for(lambda: bool(segments(store)) and bool(training(store)), process)
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, out) == (130, "")
    assert "interrupted; what had finished is stored" in err
    assert "Traceback" not in err
    while slurm.jobs("pending,running,completing"):
        assert time.monotonic() - begun < 20  # SIGTERM ends a job; SIGKILL would come after 30 s
        time.sleep(0.2)
    kept = len(Store(store).statuses())
    assert 2 <= kept < 8 and set(Store(store).statuses().values()) == {"finished"}
    assert planned(*STUDY, f"store={store}")["runs_reused"] == kept
    assert not (store / FOLDER).exists()


def test_what_slurm_refuses_is_told_in_its_words_and_nothing_is_trained(slurm, tmp_path):
    store = tmp_path / "runs"
    with started(slurm, COMMAND, *SLURM, *STUDY, "launch.partition=nowhere", f"store={store}") as process:
        out, err = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, out) == (2, "")
    assert err.splitlines()[-1].startswith("mtlrun: bad config: `launch`: Slurm does not take the job: ")
    assert "invalid partition specified: nowhere" in err and "Traceback" not in err
    assert err.count("nowhere") == 1
    assert not segments(store) and not (store / FOLDER).exists()
