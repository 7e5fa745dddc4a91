"""One run diverges, or code of the user's own raises in the middle: every other run is as if nothing had happened."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.commands import mtlrun

from mtlrun.store.store import Store

SMALL = ("budget=steps", "budget.steps=30", "budget.evaluations=2", "model.width=16")
LANES = ("launch.processes=1", "launch.width=8")

RAISES = '''
import os
from dataclasses import dataclass

import numpy as np
import torch

from mtlrun.data.linear_teachers import LinearTeachers
from mtlrun.weighting.base import Weighting


@dataclass
class Fragile(LinearTeachers):
    """A suite that fails for one seed, if the environment says so."""

    def build(self, source, seed):
        if str(seed) == os.environ.get("FAIL_SEED"):
            raise OSError(5, "Input/output error", "rows.bin")
        return super().build(source, seed)


CALLS = []


@dataclass
class Tired(Weighting):
    """Weighs all tasks alike, and fails after some calls, if the environment says so."""

    def weigh(self, signals, state):
        CALLS.append(1)
        if len(CALLS) > int(os.environ.get("FAIL_AFTER", 10**9)):
            raise ZeroDivisionError("no more")
        return torch.ones_like(signals.losses), state
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a suite and a strategy of its own."""
    name = f"raises_{abs(hash(tmp_path))}"  # imported anew in each test
    (tmp_path / f"{name}.py").write_text(RAISES)
    fields = "_target_: {}.Fragile\n"
    for group, option, target in (("suite", "fragile", "Fragile"), ("weighting", "tired", "Tired")):
        (tmp_path / "own" / group).mkdir(parents=True)
        (tmp_path / "own" / group / f"{option}.yaml").write_text(
            fields.format(name).replace("Fragile", target)
        )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def _values(store: str) -> pd.Series:
    """Return every stored value of the runs that finished, by run, task, split, metric and step."""
    held = Store(store)
    finished = {run_id for run_id, status in held.statuses().items() if status == "finished"}
    columns = ["run_id", "task", "split", "metric", "step"]
    curves = held.curves(finished).astype(dict.fromkeys(columns[:4], str))
    return curves.set_index(columns)["value"].sort_index()


def test_lane_that_diverges_leaves_the_bits_of_the_others(folder):
    rates = "0.01,0.02,0.03"
    words = ("suite=linear_teachers", "seeds=2", "optimizer=sgd", *SMALL, *LANES)
    assert mtlrun("sweep", *words, f"optimizer.lr={rates}", "store=good").code == 0
    result = mtlrun("sweep", *words, f"optimizer.lr={rates},1e30", "store=one")
    assert result.code == 1 and "Traceback" not in result.err
    assert "0 runs failed, 6 diverged" in result.err
    good, one = _values("good"), _values("one")
    assert len(good) > 50 and good.equals(one)
    again = mtlrun("sweep", *words, f"optimizer.lr={rates},1e30", "store=one")
    assert again.code == 1 and "training" not in again.err  # what diverged is a result
    assert np.isfinite(one).all()


def test_suite_that_raises_for_one_seed_fails_its_runs_alone_in_a_cohort_of_several(folder, monkeypatch):
    monkeypatch.setenv("FAIL_SEED", "2")
    words = ("--config-dir", "own", "suite=fragile", "seeds=[0,1,2]", *SMALL, "launch.processes=1")
    result = mtlrun("run", *words, "launch.width=4", "store=wide")
    assert result.code == 1 and "3 runs failed" in result.err, result.err
    assert sorted(Store("wide").statuses().values()) == ["failed"] * 3 + ["finished"] * 6


def test_suite_that_raises_for_one_seed(folder, monkeypatch):
    words = ("--config-dir", "own", "suite=fragile", "seeds=[0,1,2]", *SMALL, "launch.processes=1")
    monkeypatch.setenv("FAIL_SEED", "2")
    result = mtlrun("run", *words, "launch.width=1", "store=one")
    assert result.code == 1, result.err
    assert "Traceback" not in result.err and "3 runs failed" in result.err
    assert "OSError: [Errno 5] Input/output error: 'rows.bin'" in result.err
    assert sorted(Store("one").statuses().values()) == ["failed"] * 3 + ["finished"] * 6
    monkeypatch.delenv("FAIL_SEED")
    again = mtlrun("run", *words, "launch.width=1", "store=one")
    assert again.code == 0 and "training 3 runs" in again.err, again.err
    assert mtlrun("run", *words, "launch.width=1", "store=good").code == 0
    assert _values("good").equals(_values("one"))


def test_strategy_that_raises_in_the_middle_of_training(folder, monkeypatch):
    words = (
        "--config-dir",
        "own",
        "suite=linear_teachers",
        "weighting=equal,tired",
        "seeds=4",
        *SMALL,
        "launch.processes=1",
    )
    monkeypatch.setenv("FAIL_AFTER", "15")
    result = mtlrun("sweep", *words, "launch.width=2", "store=one")
    assert result.code == 1, result.err
    assert "Traceback" not in result.err and "ZeroDivisionError: no more" in result.err
    statuses = [*Store("one").statuses().values()]
    assert statuses.count("failed") == 4 and statuses.count("finished") == 12
    monkeypatch.delenv("FAIL_AFTER")
    again = mtlrun("sweep", *words, "launch.width=2", "store=one")
    assert again.code == 0 and "training 4 runs" in again.err, again.err
    assert mtlrun("sweep", *words, "launch.width=2", "store=good").code == 0
    assert _values("good").equals(_values("one"))
