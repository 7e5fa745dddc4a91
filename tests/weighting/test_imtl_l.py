"""IMTL-L: weights, and the gradient of the trained scales, by hand and as TorchJD has it."""

import math

import numpy as np
import pytest
import torch
from support.configs import run_config
from support.weighting import first_step
from torchjd.scalarization import IMTLL as TorchJDIMTLL

from mtlrun.training.loop.step import learned_name
from mtlrun.weighting.base import Signals
from mtlrun.weighting.imtl_l import IMTLL


def objective(losses, scale):
    method, learned = IMTLL(), {"log_scale": scale}
    weights, _ = method.weigh(Signals(losses, None, None, learned, torch.tensor(False)), {})
    return weights, (weights * losses).sum() + method.penalty(learned)


def test_pinned_value_and_gradient():
    # s = (0, ln 2), L = (1, 3): weights exp(s) = (1, 2); objective 1 + 6 - ln 2;
    # its gradient exp(s) L - 1 = (0, 5)
    scale = torch.tensor([0, math.log(2)], dtype=torch.float64, requires_grad=True)
    weights, value = objective(torch.tensor([1.0, 3.0], dtype=torch.float64), scale)
    assert weights.tolist() == pytest.approx([1, 2])
    assert value.item() == pytest.approx(7 - math.log(2))
    assert torch.autograd.grad(value, scale)[0].tolist() == pytest.approx([0, 5])


@pytest.mark.parametrize("tasks", (2, 3, 5))
def test_agrees_with_torchjd(tasks):
    rng = np.random.default_rng(tasks)
    for _ in range(200):
        oracle = TorchJDIMTLL(tasks).double()
        oracle.log_scale.data = torch.from_numpy(rng.standard_normal(tasks))
        losses = torch.from_numpy(rng.uniform(0.1, 3, tasks)).requires_grad_()
        scale = oracle.log_scale.detach().clone().requires_grad_()
        weights, value = objective(losses.detach(), scale)
        expected = torch.autograd.grad(oracle(losses), [losses, oracle.log_scale])
        torch.testing.assert_close(weights.detach(), expected[0])
        torch.testing.assert_close(torch.autograd.grad(value, scale)[0], expected[1])


def test_the_engine_trains_the_scale_on_the_objective():
    gradients, losses, weights = first_step([run_config(seed=s, weighting="imtl_l") for s in (0, 1)])
    torch.testing.assert_close(weights, torch.ones(2, 2, dtype=torch.float64))  # s starts at 0
    torch.testing.assert_close(gradients[learned_name(0, "log_scale")], losses - 1)


def test_for_a_constant_loss_weights_tend_to_its_inverse():
    losses, scale = torch.tensor([0.5, 4.0], dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    for _ in range(200):
        weights, _ = objective(losses, scale)
        scale = scale - 0.2 * (weights * losses - 1)
    assert weights.tolist() == pytest.approx([2, 0.25])
