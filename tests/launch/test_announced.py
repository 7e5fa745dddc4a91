"""Announced memory against that of a real training process."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from support.cohorts import size_of
from support.configs import run_config

from mtlrun.prepare.estimate import PROCESS_MIB

CODE = """
    import json, sys, torch
    from pathlib import Path
    from mtlrun.execution.train import train_and_store
    from mtlrun.execution.workers.task import Task
    from mtlrun.planning.run_spec import RunSpec
    from mtlrun.store.store import Store
    from mtlrun.training.cost import process_peak_mib
    torch.set_num_threads(1)
    runs = [RunSpec.of(config) for config in json.loads(sys.argv[1])]
    train_and_store(Task(runs, "cpu"), Store(sys.argv[2]), torch.device("cpu"), lambda steps: None)
    print(process_peak_mib())
"""


@pytest.mark.sample(2)
@pytest.mark.parametrize("weighting", ["equal", "pcgrad"])
def test_announced_memory_is_within_20_percent_of_the_peak(weighting, tmp_path):
    """64 lanes of 0.3 million parameters, well above what any process takes."""
    config = run_config(
        steps=1,
        dtype="float32",
        weighting=weighting,
        model__width=512,
        budget__evaluations=1,
        budget__batch_size=64,
    )
    configs = [{**config, "seed": seed} for seed in range(64)]
    command = [sys.executable, "-c", textwrap.dedent(CODE), json.dumps(configs), str(tmp_path / "runs")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    announced = PROCESS_MIB + 64 * size_of(config).memory_mib
    assert announced > 1.8 * PROCESS_MIB
    assert float(done.stdout) == pytest.approx(announced, rel=0.2)
