"""Random weights: hand values, their distribution, TorchJD."""

import math
from statistics import NormalDist

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp, kstest
from support.weighting import make_case, run_stacked, weights_of
from torchjd.scalarization import Random as TorchJDRandom

from mtlrun.weighting.random import Random


def many(method, tasks, count):
    """Weights of many steps, (count, T)."""
    rng = np.random.default_rng(0)
    case = make_case(method, np.ones((count, tasks)), np.ones((tasks, 3)), rng)
    return run_stacked(method, [case])[0].numpy()


def test_draws_become_normal_numbers_and_these_weights():
    # z = (0, ln 3), the quantiles of its own probabilities: softmax (1, 3) / 4
    draw = torch.tensor([0.5, NormalDist().cdf(math.log(3))], dtype=torch.float64)
    assert weights_of(Random(), torch.eye(2), draw=draw) == pytest.approx([0.25, 0.75])


def test_draws_become_points_of_the_simplex():
    # -ln u = (1, 3), over 4
    draw = torch.tensor([math.exp(-1), math.exp(-3)], dtype=torch.float64)
    assert weights_of(Random("dirichlet"), torch.eye(2), draw=draw) == pytest.approx([0.25, 0.75])


def test_distributions():
    weights = many(Random(), 2, 2000)
    # the difference of two standard normal numbers has variance 2
    assert kstest(np.log(weights[:, 0] / weights[:, 1]) / math.sqrt(2), "norm").pvalue > 0.01
    # a coordinate of the flat Dirichlet of T = 3 is Beta(1, 2)
    assert kstest(many(Random("dirichlet"), 3, 2000)[:, 1], "beta", args=(1, 2)).pvalue > 0.01


def test_the_distribution_is_that_of_torchjd():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theirs = np.array([_torchjd_weights(3) for _ in range(500)])
    ours = many(Random(), 3, 2000)
    for task in range(3):
        assert ks_2samp(ours[:, task], theirs[:, task]).pvalue > 0.01


def _torchjd_weights(tasks):
    losses = torch.ones(tasks, requires_grad=True)
    return torch.autograd.grad(TorchJDRandom()(losses), losses)[0].numpy()


@pytest.mark.parametrize("distribution", ("normal", "dirichlet"))
def test_numbers_that_were_rounded_to_the_ends_are_no_harm(distribution):
    weights = weights_of(Random(distribution), torch.eye(3), draw=torch.tensor([0.0, 1.0, 0.5]))
    assert np.isfinite(weights).all()
    assert weights.sum() == pytest.approx(1)
