"""Dynamic weight average over epochs."""

import math

import pytest
import torch
from torchjd.scalarization import DWA as TorchJDDWA

from mtlrun.weighting.base import Facts, Signals
from mtlrun.weighting.dwa import DWA

# Losses of two tasks by epoch, two steps each, with the mean of the epoch:
EPOCHS = [
    [(1, 4), (3, 4)],  # (2, 4)
    [(1, 5), (1, 3)],  # (1, 4)
    [(0.5, 1), (1.5, 1)],  # (1, 1)
    [(1, 1), (1, 1)],
]
# Weights 2 softmax(ratio / tau), tau = 2:
#   epochs 0 and 1: no ratio yet, so (1, 1)
#   epoch 2: ratios (1/2, 4/4); 2 softmax(1/4, 1/2) = 2/(1 + e^(1/4)), and the rest to 2
#   epoch 3: ratios (1/1, 1/4); 2 softmax(1/2, 1/8) = 2/(1 + e^(-3/8)), and the rest to 2
FIRST = [1, 1, 2 / (1 + math.exp(0.25)), 2 / (1 + math.exp(-0.375))]


def test_weights_by_epoch():
    method = DWA(tau=2.0)
    state = method.init_state(Facts(2))
    for epoch, steps in enumerate(EPOCHS):
        for step, losses in enumerate(steps):
            new_epoch = torch.tensor(step == 0 and epoch > 0)
            signals = Signals(torch.tensor(losses, dtype=torch.float32), None, None, {}, new_epoch)
            weights, state = method.weigh(signals, state)
            assert weights.tolist() == pytest.approx([FIRST[epoch], 2 - FIRST[epoch]], abs=1e-6)


def test_an_epoch_of_one_step_counts_by_its_own_mean():
    # Means (2, 4), (1, 4): ratios (1/2, 1), as in FIRST[2]; the second epoch has two steps, the first one.
    method, state = DWA(tau=2.0), DWA().init_state(Facts(2))
    for losses, new_epoch in (((2, 4), False), ((0.5, 5), True), ((1.5, 3), False), ((7, 7), True)):
        signals = Signals(torch.tensor(losses), None, None, {}, torch.tensor(new_epoch))
        weights, state = method.weigh(signals, state)
    assert weights.tolist() == pytest.approx([FIRST[2], 2 - FIRST[2]], abs=1e-6)


def test_a_task_whose_loss_falls_slowly_weighs_more_and_a_high_temperature_evens_it_out():
    # FIRST[2] is of the task that halved its loss while the other stood still.
    assert FIRST[2] < 1
    state = {**DWA().init_state(Facts(2)), "ratio": torch.tensor([0.5, 1.0])}
    signals = Signals(torch.ones(2), None, None, {}, torch.tensor(False))
    sharp, even = DWA(tau=0.01).weigh(signals, state)[0], DWA(tau=1e6).weigh(signals, state)[0]
    assert sharp.tolist() == pytest.approx([0, 2], abs=1e-6)
    assert even.tolist() == pytest.approx([1, 1], abs=1e-6)


def test_faults():
    assert [fault.key for fault in DWA(tau=0.0).faults()] == ["tau"]
    assert not list(DWA().faults())


@pytest.mark.parametrize("tasks", (2, 3, 5))
def test_epochs_agree_with_torchjd(tasks):
    generator = torch.Generator().manual_seed(tasks)
    method, oracle = DWA(tau=0.5), TorchJDDWA(temperature=0.5)
    state = {name: value.double() for name, value in method.init_state(Facts(tasks)).items()}
    for step in range(200):
        if step and step % 4 == 0:
            oracle.step()
        losses = torch.rand(tasks, dtype=torch.float64, generator=generator) + 0.1
        new_epoch = torch.tensor(step > 0 and step % 4 == 0)
        weights, state = method.weigh(Signals(losses, None, None, {}, new_epoch), state)
        losses.requires_grad_()
        (expected,) = torch.autograd.grad(oracle(losses), losses)
        torch.testing.assert_close(weights, expected, rtol=1e-9, atol=1e-12)
