"""ExcessMTL against a hand value and TorchJD over steps."""

import math

import numpy as np
import pytest
import torch
from torchjd.aggregation import ExcessMTLWeighting

from mtlrun.weighting.base import Facts, Signals
from mtlrun.weighting.excess_mtl import ExcessMTL


def run(method, jacobians):
    """Return the weights of some steps, (steps, T)."""
    state, found = method.init_state(Facts(*jacobians[0].shape)), []
    state = {k: v.double() for k, v in state.items()}
    for rows in jacobians:
        signals = Signals(torch.ones(len(rows)).double(), None, None, {}, torch.tensor(False))
        update, weights, state = method.aggregate(torch.as_tensor(rows).double(), signals, state)
        assert update.numpy() == pytest.approx(weights.numpy() @ np.asarray(rows))
        found.append(weights.numpy())
    return np.array(found)


def test_two_steps_of_two_tasks():
    # First step, g = (3, 4): E = g^2 / |g| = (3, 4), the scale; weights stay (1/2, 1/2).
    # Second step, g = (4, 3): E = (16 / 5, 9 / 5), relative (16/15, 9/20): weights in proportion exp of these.
    first, second = run(ExcessMTL(), np.array([[[3.0], [4.0]], [[4.0], [3.0]]]))
    assert first.tolist() == [0.5, 0.5]
    ratio = math.exp(16 / 15 - 9 / 20)
    assert second == pytest.approx([ratio / (1 + ratio), 1 / (1 + ratio)])


@pytest.mark.parametrize("tasks", (2, 3, 5))
@pytest.mark.parametrize("warmup", (1, 4))
def test_steps_agree_with_torchjd(tasks, warmup):
    rng = np.random.default_rng(tasks)
    for _ in range(10):
        jacobians = rng.standard_normal((20, tasks, 12)) * rng.uniform(0.5, 2, (tasks, 1))
        jacobians *= 100  # TorchJD adds 1e-7 to sums of squares
        oracle = ExcessMTLWeighting(robust_step_size=0.3, n_warmup_steps=warmup)
        expected = [oracle(torch.from_numpy(rows)).numpy() for rows in jacobians]
        np.testing.assert_allclose(run(ExcessMTL(0.3, warmup), jacobians), expected, rtol=1e-5, atol=1e-5)


def test_a_task_whose_gradients_begin_at_zero_stays_finite():
    weights = run(ExcessMTL(), np.array([[[0.0], [1.0]], [[2.0], [1.0]], [[2.0], [1.0]]]))
    assert weights[-1].tolist() == [1, 0]


def test_faults():
    assert [f.key for f in ExcessMTL(0.0, 0).faults()] == ["eta", "warmup"]
    assert not list(ExcessMTL().faults())
