"""GradNorm: two steps by hand, and autograd on the paper's loss."""

import numpy as np
import pytest
import torch
from support.configs import run_config
from support.weighting import first_step

from mtlrun.weighting.base import Facts, Signals
from mtlrun.weighting.gradnorm import GradNorm


def weights_by_step(method, norms, losses):
    """Weights of every step, for gradient norms and losses (steps, T)."""
    state, found = {k: v.double() for k, v in method.init_state(Facts(len(norms[0]))).items()}, []
    for n, values in zip(norms, losses, strict=True):
        gramian = torch.diag(torch.as_tensor(n).double() ** 2)
        signals = Signals(torch.as_tensor(values).double(), gramian, None, {}, torch.tensor(False))
        weights, state = method.weigh(signals, state)
        found.append(weights.numpy())
    return np.array(found)


def test_two_steps_by_hand():
    # Norms (1, 3), lr 0.1, alpha 1.
    # step 1: w = (1, 1), lengths (1, 3), r = (1, 1), target 2 for both; slope n sign = (-1, 3):
    #   (1 + 0.1, 1 - 0.3), times 2 / 1.8
    # step 2: w = (11, 7) / 9, lengths (11, 21) / 9, mean 16/9; losses over the first (1/2, 1), mean 3/4,
    #   r = (2/3, 4/3), targets (32, 64) / 27 = (10.7, 21.3) / 9: slope (1, -3):
    #   (11/9 - 0.1, 7/9 + 0.3) = (10.1, 9.7) / 9, times 2 over their sum 19.8 / 9
    found = weights_by_step(GradNorm(alpha=1.0, lr=0.1), [[1, 3]] * 3, [[2, 4], [1, 4], [1, 4]])
    expected = [[1, 1], [11 / 9, 7 / 9], [20.2 / 19.8, 19.4 / 19.8]]
    assert found == pytest.approx(np.array(expected))


@pytest.mark.parametrize("tasks", (2, 3, 5))
@pytest.mark.parametrize("alpha", (0.0, 0.5, 1.5))
def test_agrees_with_autograd_on_the_papers_loss(tasks, alpha):
    rng = np.random.default_rng(tasks)
    norms = rng.uniform(0.5, 2, (60, tasks)) * np.linspace(1, 3, tasks)
    losses = rng.uniform(0.1, 3, (60, tasks))
    found = weights_by_step(GradNorm(alpha, lr=0.01), norms, losses)
    weights = torch.ones(tasks, dtype=torch.float64)
    for step in range(60):
        assert found[step] == pytest.approx(weights.numpy(), rel=1e-9)
        weights.requires_grad_()
        lengths = weights * torch.from_numpy(norms[step])
        ratio = losses[step] / losses[0]
        target = lengths.mean().detach() * torch.from_numpy((ratio / ratio.mean()) ** alpha)
        (slope,) = torch.autograd.grad((lengths - target).abs().sum(), weights)
        weights = (weights - 0.01 * slope).detach()
        weights *= tasks / weights.sum()
    assert found[-1].std() > 0.05


def test_with_alpha_0_gradients_become_equally_long():
    norms = [[1, 2, 4]] * 3000
    found = weights_by_step(GradNorm(alpha=0.0, lr=1e-3), norms, [[1, 1, 1]] * 3000)[-1]
    assert found * [1, 2, 4] == pytest.approx(np.full(3, 12 / 7), rel=0.02)  # 1/n, over 7/4, times 3


def test_a_step_too_long_ends_above_0():
    found = weights_by_step(GradNorm(lr=10.0), [[1, 300]] * 2, [[1, 1]] * 2)[1]
    # 1 + 10, and 1 - 3000, kept at 0.001; times 2 over their sum
    assert found == pytest.approx([22 / 11.001, 0.002 / 11.001])


def test_zero_gradients_and_losses_change_nothing():
    assert weights_by_step(GradNorm(), [[0, 0]] * 2, [[0, 0]] * 2)[1].tolist() == [1, 1]


@pytest.mark.parametrize("on", ("parameters", "representation"))
def test_in_the_engine_it_starts_as_the_plain_sum(on):
    gradients, _, weights = first_step([run_config(0, weighting="gradnorm", weighting__gradients_at=on)])
    plain, _, _ = first_step([run_config(0)])
    assert weights.tolist() == [[1, 1]]
    for name, value in plain.items():
        torch.testing.assert_close(gradients[name], value)


def test_faults():
    assert [fault.key for fault in GradNorm(alpha=-1.0, lr=-1.0).faults()] == ["alpha", "lr"]
    assert not list(GradNorm().faults())
