"""UPGrad: hand values, PCGrad for two tasks, and TorchJD."""

import numpy as np
import pytest
import torch
from support.weighting import make_case, run_stacked, weights_of
from torchjd.aggregation import UPGradWeighting
from torchjd.linalg import QuadprogProjector

from mtlrun.weighting.pcgrad import PCGrad
from mtlrun.weighting.upgrad import UPGrad

# TorchJD's own projector, nearly without what it adds to the Gramian by default (1e-4).
EXACT = QuadprogProjector(norm_eps=1e-14, reg_eps=1e-13)


def random_cases(method, tasks):
    rng = np.random.default_rng(tasks)
    rows = [rng.standard_normal((tasks, 8)) * rng.uniform(0.1, 10, (tasks, 1)) for _ in range(200)]
    return [make_case(method, np.ones((1, tasks)), g, rng) for g in rows]


def test_two_tasks_in_conflict():
    # g1 = (1, 0), g2 = (-1, 1). On the cone, g1 becomes g1 + g2 / 2 and g2 becomes g2 + g1:
    # weights (1, 1/2) and (1, 1), with mean (1, 3/4).
    assert weights_of(UPGrad(), [[1, -1], [-1, 2]]).tolist() == [1, 0.75]


def test_without_conflict_it_is_the_mean():
    assert weights_of(UPGrad(), [[1, 0.5], [0.5, 2]]).tolist() == [0.5, 0.5]


def test_opposed_gradients_cancel():
    # g2 = -2 g1: both project to 0, as g1 + g2 / 2 and g2 + 2 g1.
    assert weights_of(UPGrad(), [[1, -2], [-2, 4]]).tolist() == [1.5, 0.75]


def test_two_tasks_are_half_of_pcgrad():
    cases = random_cases(UPGrad(), 2)
    torch.testing.assert_close(2 * run_stacked(UPGrad(), cases), run_stacked(PCGrad(), cases))


@pytest.mark.parametrize("tasks", (2, 3, 5))
def test_weights_agree_with_torchjd(tasks):
    cases, oracle = random_cases(UPGrad(), tasks), UPGradWeighting(projector=EXACT)
    for ours, case in zip(run_stacked(UPGrad(), cases)[:, 0], cases, strict=True):
        torch.testing.assert_close(ours, oracle(case.gramian), rtol=1e-5, atol=1e-5)
