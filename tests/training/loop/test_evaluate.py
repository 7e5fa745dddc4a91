"""Metrics of all lanes at once."""

import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config

from mtlrun.training.loop import evaluate as module
from mtlrun.training.loop.evaluate import evaluate, metric_names
from mtlrun.training.objective.metrics import METRICS

CPU = torch.device("cpu")


def cohort_on(suite, seeds=(0, 1, 2)):
    torch.set_num_threads(1)
    return cohort_of([run_config(seed, suite=suite, sharing="branched") for seed in seeds], CPU)


def evaluated(cohort, name="val"):
    return evaluate(cohort.forward, cohort.bank, cohort.bank.split(name)).values


@pytest.mark.parametrize("suite", ("digits_attributes", "digits_permuted", "linear_teachers"))
def test_every_metric_of_every_lane_is_that_of_its_network_on_its_data(suite):
    cohort = cohort_on(suite)
    found = evaluated(cohort)
    names = metric_names(cohort.info.tasks)
    assert found.shape == (3, len(names))
    for lane, data in enumerate(cohort.data):
        parameters = {n: p[lane] for n, p in cohort.parameters.items()}
        inputs = [torch.from_numpy(s.inputs[s.splits["val"]]).double() for s in data.sources]
        outputs = torch.func.functional_call(cohort.network, parameters, (inputs,))
        for place, (task_name, metric) in enumerate(names):
            (position,) = (i for i, task in enumerate(data.tasks) if task.name == task_name)
            task = data.tasks[position]
            source = data.sources[task.source]
            target = torch.from_numpy(source.targets[task_name][source.splits["val"]])
            target = target.double() if target.is_floating_point() else target
            expected = METRICS[task.kind, metric](outputs[position], target)
            torch.testing.assert_close(found[lane, place], expected)


@pytest.mark.parametrize("suite", ("digits_parity", "linear_teachers"))
def test_in_small_pieces_it_is_the_same(suite, monkeypatch):
    cohort = cohort_on(suite)
    whole = evaluated(cohort, "test")
    monkeypatch.setattr(module, "MAX_ELEMENTS", 3 * 64 * 7)  # 7 rows of 64 pixels at a time
    torch.testing.assert_close(evaluated(cohort, "test"), whole)


def test_sources_of_different_sizes_are_cut_into_as_many_pieces(monkeypatch):
    torch.set_num_threads(1)
    sizes = {"suite__samples": {"a": 130, "b": 20}, "budget__batch_size": 16}
    cohort = cohort_of([run_config(seed, suite="linear_teachers", **sizes) for seed in (0, 1)], CPU)
    whole = evaluated(cohort, "train")
    monkeypatch.setattr(module, "MAX_ELEMENTS", 2 * 20 * 3)  # 44 pieces, more than `b` has rows
    torch.testing.assert_close(evaluated(cohort, "train"), whole)


def test_evaluation_leaves_no_gradients():
    assert not evaluated(cohort_on("digits_parity")).requires_grad


def test_names_are_in_the_order_of_tasks_and_metrics():
    cohort = cohort_on("digits_parity", seeds=(0,))
    assert metric_names(cohort.info.tasks) == [
        ("digit", "accuracy"),
        ("digit", "log_loss"),
        ("parity", "accuracy"),
        ("parity", "log_loss"),
    ]
