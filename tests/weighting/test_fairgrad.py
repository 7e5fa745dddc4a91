"""FairGrad: hand values, the defining equation, TorchJD, a generic solver, and systems without a solution."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from support.weighting import gradient_families, make_case, run_stacked, weights_of
from torchjd.aggregation import FairGradWeighting

from mtlrun.weighting.fairgrad import FairGrad
from mtlrun.weighting.nash_mtl import NashMTL

ALPHAS = (0.5, 1.0, 2.0, 5.0)
UNSOLVED = {"zero", "one zero", "opposed", "stationary", "fewer directions than tasks"}


def test_two_tasks():
    # alpha = 2, orthogonal gradients of squares 8 and 1: 8 w = w^(-1/2), w = 8^(-2/3) = 1/4; and 1.
    assert weights_of(FairGrad(2.0), [[8, 0], [0, 1]]) == pytest.approx([1 / 4, 1])
    # alpha = 1/2, the same G twice: (7 + 1) w = w^-2, so w = 8^(-1/3) = 1/2.
    assert weights_of(FairGrad(0.5), [[7, 1], [1, 7]]) == pytest.approx([1 / 2, 1 / 2])
    # alpha = 1 is the bargaining solution
    gramian = [[4, -1], [-1, 1]]
    assert weights_of(FairGrad(), gramian) == pytest.approx(weights_of(NashMTL(max_norm=0.0), gramian))


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("tasks", (2, 3, 5, 10))
def test_the_equation_holds(tasks, alpha):
    rng, method = np.random.default_rng(tasks), FairGrad(alpha)
    rows = [rng.standard_normal((tasks, 12)) * 10.0 ** rng.uniform(-1, 1, (tasks, 1)) for _ in range(200)]
    scales = 10.0 ** rng.uniform(-8, 8, 200)
    rows = [scale * row for scale, row in zip(scales, rows, strict=True)]
    found = run_stacked(method, [make_case(method, np.ones((1, tasks)), g, rng) for g in rows])[:, 0]
    for weights, gradients in zip(found.numpy(), rows, strict=True):
        slopes = gradients @ (weights @ gradients)
        assert slopes * weights ** (1 / alpha) == pytest.approx(np.ones(tasks), abs=1e-6)


@pytest.mark.parametrize("alpha", (1.0, 2.0))
@pytest.mark.parametrize("tasks", (2, 3, 5))
def test_agrees_with_torchjd(tasks, alpha):
    oracle, rng = FairGradWeighting(alpha), np.random.default_rng(tasks)
    for _ in range(200):
        gradients = rng.standard_normal((tasks, 12))
        gramian = torch.from_numpy(gradients @ gradients.T)
        expected, weights = oracle(gramian).numpy(), weights_of(FairGrad(alpha), gramian)
        missed = np.abs(gramian.numpy() @ expected - expected ** (-1 / alpha)).max()
        # TorchJD's solver stops by its own rule: weights agree as far as it solved the equation.
        np.testing.assert_allclose(weights, expected, rtol=1e-5 + missed, atol=1e-5 + missed)
        assert missed < 0.1


def objective(logs, cosine, d, alpha):
    """u'Cu / 2 - sum d u^(1 - 1/alpha) / (1 - 1/alpha) and its slope, in the logarithms of u."""
    shares, power = np.exp(logs.clip(-300, 300)), 1 - 1 / alpha
    gains = d * logs if power == 0 else d * shares**power / power
    return shares @ cosine @ shares / 2 - gains.sum(), shares * (cosine @ shares) - d * shares**power


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("tasks", (2, 3, 5, 10))
def test_no_generic_solver_finds_better_weights(tasks, alpha):
    rng = np.random.default_rng(tasks)
    for name, gradients in gradient_families(tasks, rng).items():
        if name in UNSOLVED - ({"fewer directions than tasks"} if tasks == 2 else set()):
            continue
        if name == "badly scaled" and alpha == 5:
            continue  # lengths 16 orders apart: the docstring's limit
        lengths = np.linalg.norm(gradients, axis=1)
        units, longest = gradients / lengths[:, None], lengths.max()
        cosine, d = units @ units.T, (lengths / longest) ** (1 / alpha - 1)
        weights = weights_of(FairGrad(alpha), gradients @ gradients.T)
        common = d.max()
        power = alpha / (1 + alpha)
        shares = weights * longest ** (2 * power) * (lengths / longest) / common**power
        ours = objective(np.log(shares), cosine, d / common, alpha)[0]
        for start in (np.log(shares), np.log(d / common) * power):
            theirs = minimize(objective, start, (cosine, d / common, alpha), "BFGS", jac=True).fun
            assert ours <= theirs + 1e-6 * abs(theirs), name


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("tasks", (2, 3, 5))
def test_opposed_gradients_give_an_update_near_nothing(tasks, alpha):
    gradients = np.where(np.arange(tasks) % 2, -1.0, 1.0)[:, None] * np.ones((tasks, 4))
    weights = weights_of(FairGrad(alpha), gradients @ gradients.T)
    assert np.isfinite(weights).all()
    assert (weights > 0).all()
    assert np.linalg.norm(weights @ gradients) < 1e-2


def test_a_zero_gradient_is_left_out():
    assert weights_of(FairGrad(2.0), [[0, 0], [0, 8]]) == pytest.approx([0, 1 / 4])


def test_faults():
    assert [f.key for f in FairGrad(0.0).faults()] == ["alpha"]
