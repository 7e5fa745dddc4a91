"""SDMGrad: hand values, TorchJD over steps, and matrices of batches that disagree."""

import numpy as np
import pytest
import torch
from support.weighting import probed_weights
from torchjd.aggregation import SDMGradWeighting

from mtlrun.weighting.base import Facts, Signals
from mtlrun.weighting.sdmgrad import SDMGrad


def test_one_iteration():
    # A = diag(9, 1) over the squared mean norm 2^2. lambda = 1: w + 1/2 = (1, 1), v = (9/4, 1/4).
    # lr = 1/10: (0.5 - 0.225, 0.5 - 0.025) = (0.275, 0.475), 1/8 more each: (0.4, 0.6).
    # Used: ((0.4, 0.6) + 1/2) / 2.
    method = SDMGrad(strength=1.0, lr=0.1, iterations=1)
    assert probed_weights(method, [[[9, 0], [0, 1]]])[0] == pytest.approx([0.45, 0.55])


def test_without_a_pull_it_nears_the_least_norm():
    # argmin of 9 w1^2 + w2^2: w = (1/10, 9/10)
    method = SDMGrad(strength=0.0, lr=0.1)
    assert probed_weights(method, [[[9, 0], [0, 1]]] * 20)[-1] == pytest.approx([0.1, 0.9])


# The authors' step of 10 is so long that iterations are chaotic: one a step shows them without blowing up roundings.
@pytest.mark.parametrize(("lr", "iterations"), ((0.1, 20), (10.0, 1)))
@pytest.mark.parametrize("tasks", (2, 3, 5))
def test_agrees_with_torchjd(tasks, lr, iterations):
    rng, oracle = np.random.default_rng(tasks), SDMGradWeighting(lr=lr, n_iter=iterations)
    # Two batches' gradients: the true ones and noise of their own. TorchJD adds 1e-8 to a squared norm of about 12.
    means = [rng.standard_normal((tasks, 12)) for _ in range(200)]
    matrices = [
        (m + 0.3 * rng.standard_normal(m.shape)) @ (m + 0.3 * rng.standard_normal(m.shape)).T for m in means
    ]
    expected = np.array([oracle(torch.from_numpy(matrix)).numpy() for matrix in matrices])
    np.testing.assert_allclose(
        probed_weights(SDMGrad(lr=lr, iterations=iterations), matrices), expected, atol=1e-5
    )
    assert np.abs(np.diff(expected, axis=0)).max() > 0.01


def test_only_long_steps_amplify_differences():
    rng, change, grown = np.random.default_rng(0), 1e-10, {}
    for lr in (1.0, 10.0):
        factors = []
        for _ in range(100):
            rows = rng.standard_normal((3, 12))
            first, second = (rows + 0.3 * rng.standard_normal(rows.shape) for _ in range(2))
            matrix = first @ second.T
            other = matrix * (1 + change * rng.standard_normal(matrix.shape))
            apart = probed_weights(SDMGrad(lr=lr), [matrix]) - probed_weights(SDMGrad(lr=lr), [other])
            factors.append(np.abs(apart).max() / change)
        grown[lr] = max(factors)
    assert grown[1.0] < 12
    assert grown[10.0] > 1e3


@pytest.mark.parametrize("tasks", (2, 3, 5))
def test_batches_that_disagree_give_finite_weights(tasks):
    for matrix in (
        -np.eye(tasks),
        np.zeros((tasks, tasks)),
        -1e8 * np.ones((tasks, tasks)),
        1e-8 * np.eye(tasks),
    ):
        weights = probed_weights(SDMGrad(), [matrix] * 3)
        assert weights.sum(1) == pytest.approx(np.ones(3))
        assert (weights > 0).all()


def test_nothing_shared_leaves_equal_weights():
    signals = Signals(torch.ones(2), None, None, {}, torch.tensor(False), None)
    assert SDMGrad().weigh(signals, SDMGrad().init_state(Facts(2)))[0].tolist() == [0.5, 0.5]


def test_faults():
    faults = [f.key for f in SDMGrad(-1.0, 0.0, 1.0, 0).faults()]
    assert faults == ["strength", "lr", "momentum", "iterations"]
