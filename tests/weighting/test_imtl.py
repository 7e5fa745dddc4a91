"""IMTL: weights of scaled gradients, and the gradient of the trained scales."""

import math

import numpy as np
import pytest
import torch
from support.configs import run_config
from support.weighting import first_step, weights_of

from mtlrun.training.loop.step import learned_name
from mtlrun.weighting.base import Signals
from mtlrun.weighting.imtl import IMTL
from mtlrun.weighting.imtl_g import IMTLG

LOSSES = torch.tensor([1.0, 3.0], dtype=torch.float64)


def weigh(log_scale, gramian):
    matrix = torch.as_tensor(gramian, dtype=torch.float64)
    signals = Signals(LOSSES, matrix, None, {"log_scale": log_scale}, torch.tensor(False))
    return IMTL().weigh(signals, {})[0]


def test_pinned_value_and_gradient():
    # s = (0, ln 2), |g| = (2, 1). Scaled gradients have lengths (2, 2): a = (1/2, 1/2), weights a exp(s) = (1/2, 1).
    # The objective exp(s) L - s has the slope (1 * 1 - 1, 2 * 3 - 1) = (0, 5).
    log_scale = torch.tensor([0.0, math.log(2)], dtype=torch.float64, requires_grad=True)
    weights = weigh(log_scale, [[4, 1], [1, 1]])
    assert weights.tolist() == pytest.approx([0.5, 1])
    objective = (weights * LOSSES).sum() + IMTL().penalty({"log_scale": log_scale})
    (gradient,) = torch.autograd.grad(objective, log_scale)
    assert gradient.tolist() == pytest.approx([0, 5])


@pytest.mark.parametrize("tasks", (2, 3, 5))
def test_without_scales_it_is_imtl_g(tasks):
    gradients = np.random.default_rng(0).standard_normal((tasks, 12))
    gramian = gradients @ gradients.T
    assert weights_of(IMTL(), gramian) == pytest.approx(weights_of(IMTLG(), gramian))


def test_scales_change_the_length_of_the_update_only():
    gradients = torch.randn(2, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    gramian = gradients @ gradients.T
    plain, scaled = (weigh(torch.tensor(s, dtype=torch.float64), gramian) for s in ([0.0, 0.0], [1.0, -2.0]))
    assert (plain / plain.sum()).tolist() == pytest.approx((scaled / scaled.sum()).tolist())
    assert abs(plain.sum() - scaled.sum()) > 0.1


def test_the_engine_trains_the_scales_on_the_objective():
    gradients, losses, _ = first_step([run_config(seed=s, weighting="imtl") for s in (0, 1)])
    torch.testing.assert_close(gradients[learned_name(0, "log_scale")], losses - 1)  # s starts at 0
