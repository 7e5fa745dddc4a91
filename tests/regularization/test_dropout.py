"""Dropout by hand, and in training alone. Where masks act, and whose they are: tests/training/test_masks.py."""

import numpy as np
import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config

from mtlrun.regularization.dropout import Dropout
from mtlrun.streams import stream
from mtlrun.training.loop.evaluate import evaluate

CPU = torch.device("cpu")


def test_pinned_value():
    # p = 0.75: what is drawn below 0.75 is dropped, the rest is divided by 1 - 0.75, so multiplied by 4.
    draw = np.array([[0.0, 0.7499], [0.75, 0.99]], np.float32)
    found = Dropout(0.75).mask(draw)
    assert found.tolist() == [[0, 0], [4, 4]]
    assert found.dtype == np.float32


@pytest.mark.parametrize("p", (0.0, 0.1, 0.5, 0.9))
def test_the_part_p_is_dropped_and_the_mean_stays(p):
    found = Dropout(p).mask(stream(0, "test").random((1000, 200), np.float32))
    error = 5 * np.sqrt(p * (1 - p) / found.size)  # five standard errors
    assert abs((found == 0).mean() - p) <= error
    assert abs(found.mean() - 1) <= error / (1 - p) + 1e-6
    assert len(np.unique(found)) == (1 if p == 0 else 2)


def test_faults():
    assert [f.key for f in Dropout(1.0).faults()] == ["p"]
    assert [f.key for f in Dropout(-0.1).faults()] == ["p"]
    assert not list(Dropout(0.0).faults())


def train(*configs):
    torch.set_num_threads(1)
    return cohort_of(configs, CPU).train()


def test_without_a_part_to_drop_it_changes_nothing():
    choices = {"regularization": "dropout", "regularization__p": 0.0}
    (none,), (some,) = train(run_config()), train(run_config(**choices))
    assert all(np.array_equal(some.parameters[n], v) for n, v in none.parameters.items())


def test_evaluations_see_the_whole_network():
    config = run_config(regularization="dropout", regularization__p=0.5)
    torch.set_num_threads(1)
    cohort = cohort_of([config], CPU)
    (result,) = cohort.train()
    plain = cohort_of([run_config()], CPU)  # the plain network with the parameters that dropout left
    for name, values in plain.parameters.items():
        values.data.copy_(cohort.parameters[name])
    for place, split in ((1, "val"), (2, "test")):
        expected = evaluate(plain.forward, plain.bank, plain.bank.split(split)).values
        assert np.array_equal(result.values[-1, place], expected[0])


@pytest.mark.parametrize("suite", ("digits_parity", "digits_permuted"))
def test_separate_towers_train_exactly_as_the_baselines_do(suite):
    choices = {"regularization": "dropout", "regularization__p": 0.5, "suite": suite}
    (towers,) = train(run_config(sharing="separate", **choices))
    names = list(dict.fromkeys(task for task, _ in towers.names))
    for position, task in enumerate(names):
        (alone,) = train(run_config(suite__tasks=[task], **choices))
        for name, values in alone.parameters.items():
            theirs = name.replace("body.trunk.", f"body.branches.{position}.")
            theirs = theirs.replace("heads.tasks.0", f"heads.tasks.{position}")
            np.testing.assert_allclose(towers.parameters[theirs], values, rtol=1e-10, atol=1e-13)


def test_lanes_may_differ_in_p_and_are_regularised_accordingly():
    runs = [run_config(2, regularization="dropout", regularization__p=p) for p in (0.0, 0.5)]
    together = train(*runs)
    (none,) = train(run_config(2))
    name = "body.trunk.0.1.weight"
    np.testing.assert_allclose(together[0].parameters[name], none.parameters[name], rtol=1e-10)
    assert not np.allclose(together[1].parameters[name], none.parameters[name], rtol=1e-3)
