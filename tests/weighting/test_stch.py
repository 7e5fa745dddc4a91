"""Smooth Tchebycheff: warm-up, nadir, hand values, and TorchJD's scalarisation differentiated."""

import numpy as np
import pytest
import torch
from torchjd.scalarization import STCH as TorchJDSTCH

from mtlrun.weighting.base import Facts, Signals
from mtlrun.weighting.stch import STCH


def weights_by_step(method, epochs):
    """Weights of every step, given the losses of each step of each epoch."""
    state, found = method.init_state(Facts(len(epochs[0][0]))), []
    for epoch, steps in enumerate(epochs):
        for step, losses in enumerate(steps):
            new_epoch = torch.tensor(step == 0 and epoch > 0)
            signals = Signals(torch.as_tensor(losses).double(), None, None, {}, new_epoch)
            weights, state = method.weigh(signals, state)
            found.append(weights.numpy())
    return np.array(found)


def test_the_first_epoch_measures_and_the_second_weighs():
    epochs = [[(1, 2), (3, 2)], [(2, 6), (2, 2)]]
    # the warm-up: w = 1 / L. Nadir: means (2, 2). Then ratios (1, 3), of shares (1, 3) / 4 at mu = 1:
    # w = T share / L = (2/4 / 2, 6/4 / 6); and for ratios (1, 1), w = (1 / 2, 1 / 2)
    expected = [[1, 1 / 2], [1 / 3, 1 / 2], [1 / 4, 1 / 4], [1 / 2, 1 / 2]]
    assert weights_by_step(STCH(warmup=0), epochs) == pytest.approx(np.array(expected))
    # at mu = 1/2 shares are of the squares, (1, 9) / 10: w = (2/10 / 2, 18/10 / 6)
    assert weights_by_step(STCH(mu=0.5, warmup=0), epochs)[2] == pytest.approx([0.1, 0.3])


def test_epochs_before_the_measured_one_do_not_count():
    epochs = [[(100, 1)], [(1, 1)], [(1, 3)]]
    # nadir (1, 1), so ratios (1, 3): w = (2 * 1/4 / 1, 2 * 3/4 / 3)
    expected = [[0.01, 1], [1, 1], [0.5, 0.5]]
    assert weights_by_step(STCH(warmup=1), epochs) == pytest.approx(np.array(expected))
    assert weights_by_step(STCH(warmup=5), epochs) == pytest.approx(1 / np.array(epochs)[:, 0])


@pytest.mark.parametrize("mu", (0.01, 0.3, 2.0))
@pytest.mark.parametrize("tasks", (2, 3, 5))
def test_agrees_with_torchjd_times_the_number_of_tasks(tasks, mu):
    rng = np.random.default_rng(tasks)
    ones = torch.ones(tasks, dtype=torch.float64)
    for _ in range(200):
        nadir, values = rng.uniform(0.1, 3, (2, tasks))
        losses = torch.tensor(values, requires_grad=True)
        objective = tasks * TorchJDSTCH(mu, ones)((losses / torch.from_numpy(nadir)).log())
        (expected,) = torch.autograd.grad(objective, losses)
        found = weights_by_step(STCH(mu=mu, warmup=0), [[nadir], [values]])[1]
        assert found == pytest.approx(expected.numpy(), rel=1e-7, abs=1e-12)


def test_a_loss_of_zero_counts_as_a_small_one():
    assert weights_by_step(STCH(), [[(0, 1)]])[0] == pytest.approx([1e12, 1])
    found = weights_by_step(STCH(warmup=0), [[(0, 1)], [(0, 1)]])[1]
    assert found == pytest.approx([1e12, 1])  # as good as in the epoch that was measured, both


def test_faults():
    assert [fault.key for fault in STCH(mu=0.0, warmup=-1).faults()] == ["mu", "warmup"]
    assert not list(STCH().faults())
