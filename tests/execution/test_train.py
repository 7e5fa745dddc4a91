"""One cohort, trained and stored."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from support.cohorts import cohort_of, specs_of
from support.configs import run_config

import mtlrun
from mtlrun.errors import ConfigError
from mtlrun.execution.train import pick_device, train_and_store
from mtlrun.execution.workers.task import Task
from mtlrun.planning.runs import config_id
from mtlrun.store.store import Store
from mtlrun.training.loop.cohort import Cohort
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
    counts, _ = train_and_store(Task(specs_of(configs), "cpu"), store, CPU, told.append)
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
    for figure in ("step_flops", "step_wall_s", "step_device_s", "peak_mib"):
        assert run["cost"][figure] > 0
    assert run["cost"]["model_mib"] == (64 * 16 + 16 + 16 * 16 + 16 + 170 + 17) * 8 / 2**20
    assert run["cost"]["width"] == {"by": "default"}
    assert run["cost"]["features"] == 16
    assert run["cost"]["parameters_shared"] == 64 * 16 + 16 + 16 * 16 + 16
    assert run["cost"]["parameters_task"] == {"digit": 170, "parity": 17}
    assert run["diagnostics"]["steps"] == [10, 20]
    assert run["diagnostics"]["active"] == [[0, 1], [0, 1]]
    assert [len(cosines) for cosines in run["diagnostics"]["gradient_cosines"]] == [1, 1]  # of one pair


def test_curves_hold_every_metric_of_every_split_at_every_evaluation(tmp_path):
    config = run_config(seed=1)
    _, _, store = stored(tmp_path, config)
    result = cohort_of([config], CPU).train()[0]
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


@pytest.fixture
def room_for(monkeypatch):
    """Make cohorts of more than so many lanes exhaust memory after two steps; return the widths tried."""

    def limit(lanes: int, error: Exception) -> list[int]:
        tried, train = [], Cohort.train

        def scarce(self, progress):
            tried.append(len(self.seeds))
            if len(self.seeds) > lanes:
                progress(1)
                progress(1)
                raise error
            return train(self, progress)

        monkeypatch.setattr(Cohort, "train", scarce)
        return tried

    return limit


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory")])
def test_a_cohort_that_memory_does_not_hold_is_halved_and_nothing_is_lost(error, tmp_path, room_for):
    configs = [run_config(seed=seed) for seed in range(5)]
    whole = stored(tmp_path / "whole", *configs)[2]
    tried, told, store = room_for(2, error), [], Store(tmp_path / "halved")
    counts, holds = train_and_store(
        Task(specs_of(configs), "cpu", chosen={"by": "timing"}), store, CPU, told.append
    )
    assert (counts, holds) == ({"finished": 5, "diverged": 0, "failed": 0}, 2)
    assert tried == [5, 2, 3, 1, 2]
    assert sum(told) == 5 * 20
    widths = [cost["width"] for cost in store.runs()["cost"]]
    assert widths == [{"by": "timing", "out_of_memory_at": 5}] * 5
    columns = ["run_id", "task", "split", "metric", "step"]
    one, two = (s.curves().set_index(columns)["value"].sort_index() for s in (whole, store))
    assert list(one.index) == list(two.index)
    assert np.allclose(one, two, rtol=1e-9)


def test_a_single_lane_that_memory_does_not_hold_is_a_failed_run_with_a_clear_error(tmp_path, room_for):
    tried = room_for(0, MemoryError("no more"))
    counts, _, store = stored(tmp_path, *(run_config(seed=seed) for seed in range(2)))
    assert (counts["failed"], tried) == (2, [2, 1, 1])
    first = store.runs().iloc[0]["error"].partition("\n")[0]
    assert first.startswith("MemoryError: out of memory with a single lane: no more (")


def test_memory_that_is_really_limited_halves_cohorts(tmp_path):
    code = f"""
        import resource, sys
        sys.path.insert(0, {str(Path(__file__).parents[1])!r})
        import torch
        from support.cohorts import specs_of
        from support.configs import run_config
        from mtlrun.execution.train import train_and_store
        from mtlrun.execution.workers.task import Task
        from mtlrun.store.store import Store
        torch.set_num_threads(1)
        wide = [run_config(seed=s, steps=1, budget__evaluations=1, model__width=1024) for s in range(16)]
        store, cpu = Store({str(tmp_path)!r}), torch.device("cpu")
        # everything is imported by this
        train_and_store(Task(specs_of([run_config(seed=99)]), "cpu"), store, cpu, lambda n: None)
        taken = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + 700 * 2**20,) * 2)
        print(train_and_store(Task(specs_of(wide), "cpu"), store, cpu, lambda steps: None))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    runs = Store(tmp_path).runs()
    assert list(runs["status"]) == ["finished"] * 17
    lanes = [cost["lanes"] for cost in runs["cost"]]
    assert max(lanes) < 16
    assert runs.iloc[-1]["cost"]["width"]["out_of_memory_at"] == 16


def test_an_interruption_is_no_result(tmp_path):
    def interrupt(steps: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_and_store(Task(specs_of([run_config()]), "cpu"), Store(tmp_path), CPU, interrupt)
    assert list(tmp_path.iterdir()) == []


def test_devices(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto").type == pick_device("cpu").type == "cpu"
    with pytest.raises(ConfigError, match="no CUDA device"):
        pick_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device("auto").type == pick_device("cuda").type == "cuda"
    assert pick_device("cpu").type == "cpu"
