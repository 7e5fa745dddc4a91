"""The geometric mean of losses: hand values, and TorchJD's differentiated."""

import numpy as np
import pytest
import torch
from support.weighting import weights_of
from torchjd.scalarization import GeometricMean

from mtlrun.weighting.gls import GLS


def test_two_tasks():
    # M = sqrt(1 * 4) = 2; w = M / (T L) = 2 / (2 * 1), 2 / (2 * 4)
    assert weights_of(GLS(), torch.eye(2), [1.0, 4.0]) == pytest.approx([1, 0.25])


@pytest.mark.parametrize("tasks", (2, 3, 5))
def test_agrees_with_torchjd(tasks):
    rng = np.random.default_rng(tasks)
    for _ in range(200):
        values = 10 ** rng.uniform(-3, 3, tasks)
        losses = torch.tensor(values, requires_grad=True)
        (expected,) = torch.autograd.grad(GeometricMean()(losses), losses)
        assert weights_of(GLS(), torch.eye(tasks), values) == pytest.approx(expected.numpy(), rel=1e-9)


def test_a_loss_of_zero_counts_as_a_small_one():
    # M = sqrt(1e-12 * 1) = 1e-6; w = 1e-6 / (2 * 1e-12), 1e-6 / 2
    assert weights_of(GLS(), torch.eye(2), [0.0, 1.0]) == pytest.approx([5e5, 5e-7])
