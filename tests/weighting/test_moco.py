"""MoCo against a hand value and the algorithm in numpy."""

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from support.weighting import aggregate_steps

from mtlrun.weighting.base import Facts, Signals
from mtlrun.weighting.moco import MoCo


def test_the_first_step():
    # y = g / 2, so Y'Y = diag(4, 1) / 4 and Y'Y (1/2, 1/2) = (1/2, 1/8). A step of 0.1 gives (0.45, 0.4875), and
    # what lacks to 1 is shared: (0.48125, 0.51875). The update is 0.48125 (1, 0) + 0.51875 (0, 1/2).
    ((update, weights),) = aggregate_steps(MoCo(), [np.diag([2.0, 1.0])], [[1, 1]])
    assert weights == pytest.approx([0.48125, 0.51875])
    assert update == pytest.approx([0.48125, 0.259375])


@pytest.mark.parametrize("tasks", (2, 3, 5))
@pytest.mark.parametrize("normalize", (False, True))
def test_steps_of_the_algorithm(tasks, normalize):
    rng = np.random.default_rng(tasks)
    jacobians, losses = rng.standard_normal((40, tasks, 6)) + 0.3, rng.uniform(0.1, 3, (40, tasks))
    method = MoCo(beta=0.7, gamma=0.4, rho=0.2, decay=0.3, normalize=normalize)
    tracked, weights = np.zeros((tasks, 6)), np.full(tasks, 1 / tasks)
    # The memory is declared in float32, so 1/T is off by 1e-8.
    for k, (update, found) in enumerate(aggregate_steps(method, jacobians, losses), 1):
        rows = jacobians[k - 1]
        if normalize:
            rows = rows / np.linalg.norm(rows, axis=1)[:, None] * losses[k - 1][:, None]
        tracked = tracked - 0.7 / k**0.3 * (tracked - rows)
        moved = weights - 0.4 / k**0.3 * (tracked @ tracked.T + 0.2 * np.eye(tasks)) @ weights
        theta = brentq(lambda t, p=moved: np.maximum(p - t, 0).sum() - 1, moved.min() - 2, moved.max())
        weights = np.maximum(moved - theta, 0)
        assert found == pytest.approx(weights, abs=1e-6)
        assert update == pytest.approx(weights @ tracked, abs=1e-6)


def test_on_constant_gradients_it_finds_the_shortest_combination():
    # orthogonal, of squares 4 and 1: weights (1/5, 4/5), the minimum-norm point
    update, weights = aggregate_steps(MoCo(decay=0.0), [np.diag([2.0, 1.0])] * 500, [[1, 1]] * 500)[-1]
    assert weights == pytest.approx([0.2, 0.8], abs=1e-6)
    assert update == pytest.approx([0.4, 0.8], abs=1e-6)


@pytest.mark.parametrize("scale", (1e-25, 1.0, 1e25))
def test_gradients_are_normalized_whose_squares_float32_does_not_hold(scale):
    # (3, 4) is 5 long: brought to the length of its loss, 2, it is (1.2, 1.6)
    signals = Signals(torch.tensor([2.0]), None, None, {}, torch.tensor(False))
    method = MoCo(beta=1.0, normalize=True)
    update, *_ = method.aggregate(scale * torch.tensor([[3.0, 4.0]]), signals, method.init_state(Facts(1, 2)))
    assert update.tolist() == pytest.approx([1.2, 1.6], rel=1e-5)


def test_faults():
    assert [f.key for f in MoCo(beta=1.5, gamma=-1.0, rho=-1.0, decay=-1.0).faults()] == [
        "beta",
        "gamma",
        "rho",
        "decay",
    ]
    assert not list(MoCo().faults())
