"""A sweep on Ray's own cluster of several nodes on this machine, of which one is killed on the way."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.cluster_page import commands
from support.commands import mtlrun

from mtlrun.execution.cluster.handover import FOLDER, read_progress
from mtlrun.store.segments import Segments
from mtlrun.store.store import Store

LIMIT_S = 200.0

COMMAND, *RAY = commands("sweep", "launch=ray")[0]
"""As docs/clusters.md has it."""

STUDY = (
    *(text for text in RAY if not text.startswith("launch")),
    *("budget=steps", "budget.steps=600", "budget.evaluations=2", "model.width=16", "launch.width=2"),
)
"""Eight runs in four cohorts."""

NODE = {"num_cpus": 1, "object_store_memory": 100 * 2**20}


@pytest.fixture
def ray_cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head without CPUs, so that it has no tasks, and two nodes of one CPU each."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    from ray.cluster_utils import Cluster

    before = signal.getsignal(signal.SIGTERM)
    cluster = Cluster(initialize_head=True, head_node_args=NODE | {"num_cpus": 0, "include_dashboard": False})
    try:
        cluster.add_node(**NODE)
        cluster.add_node(**NODE)
        cluster.wait_for_nodes()
        yield cluster
    finally:
        cluster.shutdown()
        signal.signal(signal.SIGTERM, before)  # Ray has one of its own


def training(store: Path) -> list[int]:
    """Return the numbers of the tasks that have trained some steps and have not ended."""
    files = {int(path.stem): read_progress(path) for path in store.glob(f"{FOLDER}/*/*.json")}
    return [number for number, found in files.items() if found.run_steps and found.event is None]


def test_a_node_is_killed_and_the_table_is_that_of_local(ray_cluster, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    store, local = tmp_path / "runs", tmp_path / "local"
    process = subprocess.Popen(
        [sys.executable, "-m", "mtlrun.cli", COMMAND, *RAY, *STUDY, f"store={store}"],
        env={**os.environ, "RAY_ADDRESS": ray_cluster.address},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with contextlib.ExitStack() as stack:
        stack.callback(process.communicate)
        stack.callback(process.kill)
        end = time.monotonic() + LIMIT_S
        while len(training(store)) < 2:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < end
            time.sleep(0.1)
        ray_cluster.remove_node(ray_cluster.worker_nodes.copy().pop(), allow_graceful=False)
        out, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, err
    assert "tasks of Ray at a time" in err and "Ray: 2 CPUs, 0 GPUs" in err
    one = mtlrun("sweep", *STUDY, "launch.processes=1", f"store={local}")
    assert (one.code, one.out) == (0, out)
    assert Store(store).statuses() == Store(local).statuses()
    assert set(Store(store).statuses().values()) == {"finished"}
    stored = Counter(
        run_id
        for segment in Segments(store).listed()
        for run_id in Segments(store).read(segment, ("run_id",))["run_id"].to_pylist()
    )
    assert stored == dict.fromkeys(Store(local).statuses(), 1)
    assert not (store / FOLDER).exists()


@pytest.mark.slow
@pytest.mark.parametrize("seen", ["training 8 runs", "Ray: "])
def test_a_signal_ends_the_command_with_its_number_and_leaves_checkpoints(seen, tmp_path):
    store = tmp_path / "runs"
    words = (*STUDY[:-1], "budget.steps=60000", "launch.width=2", "launch=ray", f"store={store}")
    process = subprocess.Popen(
        [sys.executable, "-m", "mtlrun.cli", COMMAND, *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # as in the background of a script
    )
    with contextlib.ExitStack() as stack:
        stack.callback(process.communicate)
        stack.callback(process.kill)
        assert next(line for line in iter(process.stderr.readline, "") if seen in line)
        end = time.monotonic() + LIMIT_S
        while seen == "Ray: " and len(training(store)) < 2:
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.1)
        time.sleep(1.0 if seen == "Ray: " else 3.0)  # some steps; the middle of Ray's start
        process.send_signal(signal.SIGTERM)
        err = process.communicate(timeout=LIMIT_S)[1]
    assert process.returncode == 128 + signal.SIGTERM, err
    assert "mtlrun: interrupted; no new run had finished" in err and "Traceback" not in err
    assert ("runs in training have a checkpoint" in err) == (seen == "Ray: ")
    assert not (store / FOLDER).exists()


def test_an_address_without_a_cluster_is_told(tmp_path):
    found = mtlrun("run", *STUDY, "launch=ray", "launch.address=127.0.0.1:1", f"store={tmp_path / 'runs'}")
    assert found.code == 2
    assert found.err.splitlines()[-1].startswith("mtlrun: bad config: `launch.address` must be the address")
