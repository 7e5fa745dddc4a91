"""Nash-MTL: hand values, the defining equation, the bound, and games without a solution.

A generic solver for what it minimises is in test_fairgrad.py, as alpha = 1.
"""

import numpy as np
import pytest
import torch
from support.weighting import gradient_families, make_case, run_stacked, weights_of
from torchjd.aggregation import NashMTL as TorchJDNashMTL

from mtlrun.weighting.base import Facts, Signals
from mtlrun.weighting.nash_mtl import NashMTL

FREE = NashMTL(max_norm=0.0)


def test_two_tasks():
    # |g| = (2, 1), cosine -1/2: w = (1/2, 1) / sqrt(1 - 1/2) = (1/2, 1) sqrt 2, of length sqrt 2.
    # G w = sqrt 2 * (4/2 - 1, -1/2 + 1) = (sqrt 2, sqrt(2)/2) = 1 / w. Bounded to 1: divided by sqrt 2.
    gramian = [[4, -1], [-1, 1]]
    assert weights_of(FREE, gramian) == pytest.approx([2**0.5 / 2, 2**0.5])
    assert weights_of(NashMTL(), gramian) == pytest.approx([0.5, 1])
    assert weights_of(NashMTL(max_norm=5.0), gramian) == pytest.approx([2**0.5 / 2, 2**0.5])


@pytest.mark.parametrize("tasks", (2, 3, 5, 10))
def test_slopes_are_inverse_weights(tasks):
    rng = np.random.default_rng(tasks)
    rows = [rng.standard_normal((tasks, 12)) * 10.0 ** rng.uniform(-8, 8, (tasks, 1)) for _ in range(200)]
    found = run_stacked(FREE, [make_case(FREE, np.ones((1, tasks)), g, rng) for g in rows])[:, 0]
    for weights, gradients in zip(found.numpy(), rows, strict=True):
        lengths = np.linalg.norm(gradients, axis=1)
        units, shares = gradients / lengths[:, None], weights * lengths
        assert (units @ units.T @ shares) * shares == pytest.approx(np.ones(tasks), abs=1e-9)


@pytest.mark.parametrize("tasks", (2, 3, 5, 8, 10))
@pytest.mark.parametrize("apart", (1e-1, 1e-3, 1e-6))
def test_nearly_singular_gramians_are_solved_too(tasks, apart):
    """Gradients that differ little, or opposed ones with little in common: G a = 1 / a to what G can tell."""
    rng = np.random.default_rng(tasks)
    common = rng.standard_normal(12)
    alike = [common + apart * rng.standard_normal((tasks, 12)) for _ in range(20)]
    spanned = [np.abs(rng.standard_normal((tasks, 2))) @ rng.standard_normal((2, 12)) for _ in range(20)]
    for rows in (*alike, *spanned):
        weights = weights_of(FREE, rows @ rows.T)
        assert weights * (rows @ (weights @ rows)) == pytest.approx(np.ones(tasks), abs=1e-6)


@pytest.mark.filterwarnings("ignore")  # of cvxpy, about its solver
@pytest.mark.parametrize("count", (5, pytest.param(200, marks=pytest.mark.slow)))
@pytest.mark.parametrize("tasks", (2, 3, 5))
def test_agrees_with_torchjd(tasks, count):
    # It divides G by its norm, and its constraint undoes that: lengths agree too.
    pytest.importorskip("ecos", reason="has no wheels for this Python")
    rng, solved = np.random.default_rng(tasks), 0
    for _ in range(count):
        gradients = rng.standard_normal((tasks, 12)) * rng.uniform(0.3, 3, (tasks, 1))
        oracle = TorchJDNashMTL(n_tasks=tasks, max_norm=0.0, update_weights_every=1, optim_niter=100)
        expected = oracle.weighting(torch.from_numpy(gradients)).numpy()
        products = expected * (gradients @ (expected @ gradients))
        if np.ptp(products) < 1e-6 * products.mean():  # where its solver did not give up
            weights = weights_of(FREE, gradients @ gradients.T)
            np.testing.assert_allclose(weights, expected, rtol=1e-5)
            solved += 1
    assert solved >= 0.8 * count  # 173 of 200 for five tasks: else it leaves its start as it was


@pytest.mark.parametrize("tasks", (2, 3, 5))
def test_without_a_solution_the_update_is_finite_and_no_longer_than_the_bound(tasks):
    for name, gradients in gradient_families(tasks, np.random.default_rng(0)).items():
        weights = weights_of(NashMTL(), gradients @ gradients.T)
        assert np.isfinite(weights).all(), name
        # The bound is held as far as a Gramian of relative rounding eps tells the length of a sum.
        told = np.finfo(float).eps * (weights @ np.linalg.norm(gradients, axis=1)) ** 2
        assert np.linalg.norm(weights @ gradients) ** 2 <= 1 + 1e-9 + 10 * told, name
    assert weights_of(NashMTL(), np.zeros((tasks, tasks))).tolist() == [0] * tasks


def test_opposed_gradients_give_an_update_near_nothing():
    gradients = np.array([[1.0, 2], [-3, -6]])
    weights = weights_of(NashMTL(), gradients @ gradients.T)
    assert (weights > 0).all()
    assert np.linalg.norm(weights @ gradients) < 1e-6


def test_a_zero_gradient_is_left_out():
    assert weights_of(FREE, [[0, 0], [0, 4]]) == pytest.approx([0, 0.5])


def test_weights_are_kept_for_some_steps():
    method = NashMTL(max_norm=0.0, update_every=2)
    state, found = {k: v.double() for k, v in method.init_state(Facts(2)).items()}, []
    for scale in (1, 4, 16):
        gramian = scale * torch.eye(2, dtype=torch.float64)
        signals = Signals(torch.ones(2), gramian, None, {}, torch.tensor(False))
        weights, state = method.weigh(signals, state)
        found.append(weights[0].item())
    assert found == pytest.approx([1, 1, 1 / 4])


def test_faults():
    assert [f.key for f in NashMTL(-1.0, 0).faults()] == ["max_norm", "update_every"]
