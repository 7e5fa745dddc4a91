"""Saved weights give the very test values that the report reads."""

from pathlib import Path

import pytest
import torch
from support.commands import mtlrun, planned, reported, tiny

from mtlrun.errors import StoreError
from mtlrun.store.store import Store
from mtlrun.store.weights import Weights
from mtlrun.trained.saved_run import saved_run
from mtlrun.training.objective.metrics import METRICS


def study(store: Path, *overrides: str) -> list[str]:
    return tiny(store, "seeds=2", "budget.steps=40", "budget.evaluations=8", "optimizer.lr=0.02", *overrides)


def test_value(store: Path, run_id: str, task: str, rule: str | None = None) -> float:
    """Return the primary metric on test of a run's saved weights."""
    run = saved_run(Store(store), run_id, rule)
    data = run.suite.load(run.spec.seed)
    (t,) = [t for t in data.tasks if t.name == task]
    source = data.sources[t.source]
    rows = source.splits["test"]
    with torch.no_grad():
        inputs = [torch.from_numpy(s.inputs[s.splits["test"]]) for s in data.sources]
        outputs = run.network(run.saved.steps[task])(inputs)[data.tasks.index(t)]
    return float(METRICS[t.kind, t.metrics[0]](outputs, torch.from_numpy(source.targets[task][rows])))


test_value.__test__ = False


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "rule", ("select=per_task", "select=joint", "select=last", "patience=2", "schedule=pretrain_finetune")
)
def test_best_is_what_the_report_reads(tmp_path, rule):
    key = rule if rule.startswith("schedule") else f"budget.{rule}"
    assert mtlrun("run", *study(tmp_path, "save=best", key)).code == 0
    rows = reported(tmp_path, "--level", "runs")["runs"]
    assert len(rows) == 4
    for row in rows:
        assert test_value(tmp_path, row["run_id"], row["task"]) == pytest.approx(row["mtl"], abs=1e-6)
        assert test_value(tmp_path, row["stl_run_id"], row["task"]) == pytest.approx(row["stl"], abs=1e-6)


def test_weights_are_no_part_of_a_run(tmp_path):
    plain = study(tmp_path)
    assert mtlrun("run", *plain).code == 0
    assert planned(*plain)["runs_new"] == 0
    again = planned(*plain, "save=last")
    assert (again["runs_new"], again["runs_again"]) == (6, 6)
    before = reported(tmp_path, "--level", "runs")["runs"]
    result = mtlrun("run", *plain, "save=last")
    assert "6 stored runs without the weights asked for: trained again" in result.err
    assert reported(tmp_path, "--level", "runs")["runs"] == before
    assert planned(*plain, "save=last")["runs_new"] == 0
    assert planned(*plain, "save=best")["runs_again"] == 6  # another checkpoint


def test_two_checkpoints_of_a_run_are_told_apart(tmp_path):
    for save in ("last", "best"):
        assert mtlrun("run", *study(tmp_path, f"save={save}")).code == 0
    names = Weights(tmp_path).names()
    assert all(rules == {"last", "per_task"} for rules in names.values())
    run_id = min(names)
    with pytest.raises(StoreError, match="several checkpoints"):
        saved_run(Store(tmp_path), run_id)
    assert set(saved_run(Store(tmp_path), run_id, "last").saved.steps.values()) == {40}


def test_in_worker_processes_too(tmp_path):
    assert mtlrun("run", *study(tmp_path, "save=best", "launch.processes=2")).code == 0
    assert len(Weights(tmp_path).names()) == 6


def test_unknown_runs_and_choices_are_told(tmp_path):
    result = mtlrun("run", *study(tmp_path, "save=worst"))
    assert result.code == 2 and "`save` must be null or a valid choice, found 'worst'" in result.err
    assert mtlrun("run", *study(tmp_path)).code == 0
    with pytest.raises(StoreError, match="stored without weights"):
        saved_run(Store(tmp_path), next(iter(Store(tmp_path).statuses())))
    with pytest.raises(StoreError, match="train with save=best"):
        saved_run(Store(tmp_path), "feed")


def test_damaged_weights_are_told(tmp_path):
    assert mtlrun("run", *study(tmp_path, "save=last", "seeds=1")).code == 0
    path = min((tmp_path / "weights").iterdir())
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(StoreError, match="cannot be read"):
        saved_run(Store(tmp_path), path.name.partition(".")[0])
