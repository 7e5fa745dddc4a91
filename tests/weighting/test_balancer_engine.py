"""Every weighting trains a network in a plain loop as in the engine; options of conf/weighting join by themselves."""

import numpy as np
import pytest
import torch
from support.balancer_loop import TASKS, PlainLoop, config, in_the_engine
from support.cohorts import cohort_of

from mtlrun.catalog import load_option, options
from mtlrun.config import build

ALIKE = 1e-9  # of a tensor's norm

OTHER_SETTINGS = {"reduction": "sum", "gradients_at": "representation"}  # of all weightings that have them
EVERY = [(name, {}) for name in options("weighting")] + [
    (name, {key: value})
    for name in options("weighting")
    for key, value in OTHER_SETTINGS.items()
    if key in load_option("weighting", name)
]


def assert_alike(name, setting, tasks, primary=None):
    torch.set_num_threads(1)
    choices = {} if primary is None else {"suite__primary": TASKS[primary]}
    run = config(name, setting, tasks, **choices)
    cohort = cohort_of([run], torch.device("cpu"))
    expected, expected_weights, batches = in_the_engine(cohort)
    loop = PlainLoop(run, cohort, primary)
    start = {n: p.detach().clone() for n, p in loop.network.named_parameters()}
    weights = torch.stack([loop.step(batch) for batch in batches])
    torch.testing.assert_close(weights, expected_weights, rtol=ALIKE, atol=ALIKE)
    for parameter, found in loop.network.named_parameters():
        values = expected[parameter]
        assert not torch.equal(found, start[parameter]), parameter
        assert (found - values).norm() <= ALIKE * values.norm(), parameter


@pytest.mark.sample(6)
@pytest.mark.parametrize("tasks", (2, 3))
@pytest.mark.parametrize(
    ("name", "setting"), EVERY, ids=[" ".join([n, *(str(v) for v in s.values())]) for n, s in EVERY]
)
def test_every_weighting_trains_as_in_the_engine(name, setting, tasks):
    assert_alike(name, setting, tasks)


@pytest.mark.parametrize("name", options("weighting"))
def test_one_task_alone_trains_as_in_the_engine(name):
    assert_alike(name, {}, 1)


@pytest.mark.parametrize("name", ("relatedness", "auto_lambda"))
def test_a_task_that_the_others_help(name):
    assert_alike(name, {}, 3, primary=1)


@pytest.mark.parametrize("name", options("weighting"))
def test_a_weighting_says_whether_it_looks_at_epochs(name):
    """What has another weight where an epoch begins must ask the user how long one is."""
    torch.set_num_threads(1)
    weights = []
    for length in (2, 10**6):
        run = config(name, {"warmup": 0} if name == "stch" else {}, 2)
        cohort = cohort_of([run], torch.device("cpu"))
        loop = PlainLoop(run, cohort, steps_per_epoch=length)
        batches = cohort.batches(cohort.phases[0], 0)
        weights.append(torch.stack([loop.step(batch) for batch, _ in zip(batches, range(8), strict=False)]))
    told = not np.array_equal(*weights)
    assert told == build(load_option("weighting", name)).watches_epochs
