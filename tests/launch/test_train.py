"""One cohort, trained and stored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from support.configs import run_config

import mtlrun
from mtlrun.errors import ConfigError
from mtlrun.launch.train import pick_device, train_and_store
from mtlrun.plan.runs import config_id
from mtlrun.store.store import Store
from mtlrun.training.cohort import Cohort
from mtlrun.weighting.base import Weighting

CPU = torch.device("cpu")


@dataclass
class Refusing(Weighting):
    """A weighting with a fault."""

    def weigh(self, signals, state):
        raise NotImplementedError("only for three tasks\nor more")


def stored(tmp_path, *configs):
    """Train a cohort into a new store; return counts, run-steps told, and the store."""
    told: list[int] = []
    store = Store(tmp_path)
    counts, _ = train_and_store(configs, store, CPU, told.append)
    return counts, told, store


def test_a_record_says_all_about_a_run(tmp_path):
    configs = [run_config(seed=seed, budget__evaluations=2) for seed in (3, 5)]
    counts, told, store = stored(tmp_path, *configs)
    assert counts == {"finished": 2, "diverged": 0, "failed": 0}
    assert sum(told) == 2 * 20
    runs = store.runs()
    assert list(runs["run_id"]) == [config_id(config) for config in configs]
    assert list(runs["seed"]) == [3, 5]
    assert list(runs["config"]) == configs
    run = runs.iloc[0]
    assert (run["status"], run["error"]) == ("finished", None)
    assert run["device"].startswith("cpu ")
    assert run["versions"]["mtlrun"] == mtlrun.__version__
    assert run["versions"]["torch"] == torch.__version__
    assert (run["cost"]["steps"], run["cost"]["lanes"]) == (20, 2)
    assert run["cost"]["wall_s"] > 0
    assert run["cost"]["parameters_shared"] == 64 * 16 + 16 + 16 * 16 + 16
    assert run["cost"]["parameters_task"] == {"digit": 170, "parity": 17}
    assert run["diagnostics"]["steps"] == [10, 20]


def test_curves_hold_every_metric_of_every_split_at_every_evaluation(tmp_path):
    config = run_config(seed=1)
    _, _, store = stored(tmp_path, config)
    result = Cohort([config], CPU).train()[0]
    curves = store.curves()
    assert len(curves) == result.values.size
    for e, step in enumerate(result.steps):
        for s, split in enumerate(("train", "val", "test")):
            for m, (task, metric) in enumerate(result.names):
                picked = curves[
                    (curves["step"] == step)
                    & (curves["split"] == split)
                    & (curves["task"] == task)
                    & (curves["metric"] == metric)
                ]
                assert picked["value"].item() == result.values[e, s, m]


def test_a_diverged_lane_says_when_and_its_neighbour_is_finished(tmp_path):
    good = run_config(seed=0, dtype="float32", optimizer="sgd")
    bad = run_config(seed=0, dtype="float32", optimizer="sgd", optimizer__lr=1e30)
    counts, _, store = stored(tmp_path, good, bad)
    assert counts == {"finished": 1, "diverged": 1, "failed": 0}
    runs = store.runs().set_index("run_id")
    assert "not finite at step " in runs.loc[config_id(bad), "error"]
    assert np.isfinite(store.curves([config_id(good)])["value"]).all()


def test_a_fault_of_a_method_is_the_result_of_its_runs_with_place_and_traceback(tmp_path):
    config = run_config(seed=2)
    config["weighting"] = {"_target_": f"{__name__}.Refusing"}
    counts, _, store = stored(tmp_path, config)
    assert counts == {"finished": 0, "diverged": 0, "failed": 1}
    run = store.runs().iloc[0]
    assert (run["status"], run["seed"], run["config"]) == ("failed", 2, config)
    first, *rest = run["error"].splitlines()
    assert first.startswith("NotImplementedError: only for three tasks (test_train.py, line ")
    assert rest[0] == "Traceback (most recent call last):"
    assert rest[-1] == "or more"
    assert store.curves().empty


def test_an_interruption_is_no_result(tmp_path):
    def interrupt(steps: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_and_store([run_config()], Store(tmp_path), CPU, interrupt)
    assert list(tmp_path.iterdir()) == []


def test_devices(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto").type == pick_device("cpu").type == "cpu"
    with pytest.raises(ConfigError, match="no CUDA device"):
        pick_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device("auto").type == pick_device("cuda").type == "cuda"
    assert pick_device("cpu").type == "cpu"
