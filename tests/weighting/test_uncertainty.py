"""Uncertainty weighting: weights, and the gradient of the trained log-variances."""

import math

import pytest
import torch
from support.configs import run_config
from support.weighting import first_step
from torchjd.scalarization import UW

from mtlrun.training.loop.step import learned_name
from mtlrun.weighting.base import Signals
from mtlrun.weighting.uncertainty import Uncertainty

# s = (0, ln 2): weights exp(-s)/2 = (1/2, 1/4), penalty sum s/2 = ln(2)/2.
# At losses (1, 3) the objective's gradient is 1/2 - exp(-s)/2 * L = (1/2 - 1/2, 1/2 - 3/4) = (0, -1/4).
LOG_VARIANCE = torch.tensor([0.0, math.log(2)], dtype=torch.float64, requires_grad=True)
LOSSES = torch.tensor([1.0, 3.0], dtype=torch.float64)


def test_pinned_value_and_gradient():
    method, learned = Uncertainty(), {"log_variance": LOG_VARIANCE}
    weights, _ = method.weigh(Signals(LOSSES, None, None, learned, torch.tensor(False)), {})
    assert weights.tolist() == pytest.approx([0.5, 0.25])
    penalty = method.penalty(learned)
    assert penalty.item() == pytest.approx(math.log(2) / 2)
    (gradient,) = torch.autograd.grad((weights * LOSSES).sum() + penalty, LOG_VARIANCE)
    assert gradient.tolist() == pytest.approx([0, -0.25])


@pytest.mark.parametrize("tasks", (2, 3, 5))
def test_agrees_with_torchjd(tasks):
    generator = torch.Generator().manual_seed(tasks)
    for _ in range(200):
        losses, log_variance = torch.randn(2, tasks, dtype=torch.float64, generator=generator)
        losses, oracle = losses.exp().requires_grad_(), UW(tasks).double()
        with torch.no_grad():
            oracle.log_var.copy_(log_variance)
        expected, slopes = torch.autograd.grad(oracle(losses), (losses, oracle.log_var))
        learned = {"log_variance": log_variance.requires_grad_()}
        weights, _ = Uncertainty().weigh(
            Signals(losses.detach(), None, None, learned, torch.tensor(False)), {}
        )
        total = (weights * losses.detach()).sum() + Uncertainty().penalty(learned)
        torch.testing.assert_close(weights, expected)
        torch.testing.assert_close(torch.autograd.grad(total, learned["log_variance"])[0], slopes)


def test_the_engine_trains_the_log_variance_on_the_objective():
    gradients, losses, weights = first_step([run_config(seed=s, weighting="uncertainty") for s in (0, 1)])
    torch.testing.assert_close(weights, torch.full((2, 2), 0.5, dtype=torch.float64))  # s starts at 0
    torch.testing.assert_close(gradients[learned_name(0, "log_variance")], 0.5 - 0.5 * losses)


def test_for_a_constant_loss_weights_tend_to_half_its_inverse():
    # d/ds (exp(-s) L / 2 + s/2) = 0 at s = ln L, where exp(-s)/2 = 1 / (2 L): 1/2 and 1/6 here.
    learned = {"log_variance": torch.zeros(2, dtype=torch.float64)}
    for _ in range(200):
        weights, _ = Uncertainty().weigh(Signals(LOSSES, None, None, learned, torch.tensor(False)), {})
        learned["log_variance"] -= 0.5 * (0.5 - weights * LOSSES)
    assert weights.tolist() == pytest.approx([1 / 2, 1 / 6])
