"""MoDo: hand values and TorchJD over steps; and the projection that it takes."""

import numpy as np
import pytest
import torch
from support.weighting import probed_weights
from torchjd.aggregation import MoDoWeighting

from mtlrun.weighting.base import Facts, Signals
from mtlrun.weighting.modo import MoDo
from mtlrun.weighting.simplex import nearest_on_simplex


def test_one_step():
    # w = (1/2, 1/2) - 1/10 (4/2, 1/2) = (0.3, 0.45); 1/8 more each sums to 1.
    assert probed_weights(MoDo(), [[[4, 0], [0, 1]]])[0] == pytest.approx([0.425, 0.575])
    # rho = 1 takes 1/20 from each, which the projection gives back.
    assert probed_weights(MoDo(rho=1.0), [[[4, 0], [0, 1]]])[0] == pytest.approx([0.425, 0.575])
    # a long step ends at a vertex
    assert probed_weights(MoDo(gamma=10.0), [[[4, 0], [0, 1]]])[0].tolist() == [0, 1]


def test_it_nears_the_least_norm():
    # argmin of 4 w1^2 + w2^2: w = (1/5, 4/5)
    assert probed_weights(MoDo(), [[[4, 0], [0, 1]]] * 100)[-1] == pytest.approx([0.2, 0.8])


@pytest.mark.parametrize("rho", (0.0, 0.1))
@pytest.mark.parametrize("tasks", (2, 3, 5))
def test_agrees_with_torchjd(tasks, rho):
    rng, oracle = np.random.default_rng(tasks), MoDoWeighting(gamma=0.1, rho=rho)
    matrices = [rng.standard_normal((tasks, 4)) @ rng.standard_normal((4, tasks)) for _ in range(200)]
    expected = np.array([oracle(torch.from_numpy(matrix)).numpy() for matrix in matrices])
    np.testing.assert_allclose(probed_weights(MoDo(0.1, rho), matrices), expected, atol=1e-7)
    assert (expected == 0).any(1).sum() > 5


def test_nothing_shared_leaves_equal_weights():
    state = MoDo().init_state(Facts(2))
    signals = Signals(torch.ones(2), None, None, {}, torch.tensor(False), None)
    assert MoDo().weigh(signals, state)[0].tolist() == [0.5, 0.5]


def test_no_point_of_the_simplex_is_nearer():
    rng = np.random.default_rng(0)
    for tasks in (1, 2, 3, 5, 10):
        corners = np.vstack([np.eye(tasks), rng.dirichlet(np.ones(tasks), 20)])
        for scale in (1e-8, 1, 1e8):
            point = scale * rng.standard_normal(tasks)
            found = nearest_on_simplex(torch.from_numpy(point)).numpy()
            assert (found >= 0).all()
            assert found.sum() == pytest.approx(1)
            # the way to the point leads no nearer to any point of the simplex
            assert ((corners - found) @ (point - found) <= 1e-7 * max(1, scale)).all()


def test_faults():
    assert [f.key for f in MoDo(0.0, -1.0).faults()] == ["gamma", "rho"]
