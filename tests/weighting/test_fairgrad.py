"""FairGrad: hand values, the defining equation, TorchJD, a generic solver, and systems without a solution."""

import numpy as np
import pytest
import torch
from scipy.optimize import least_squares, minimize
from support.weighting import gradient_families, make_case, run_stacked, weights_of
from test_solvers import least_norm
from torchjd.aggregation import FairGradWeighting

from mtlrun.weighting.fair import NEGLIGIBLE, ROUNDINGS
from mtlrun.weighting.fairgrad import FairGrad
from mtlrun.weighting.nash_mtl import NashMTL

ALPHAS = (0.5, 1.0, 2.0, 5.0, 10.0)
UNSOLVED = {"zero", "one zero", "opposed", "stationary", "fewer directions than tasks", "ties", "one undone"}


def test_two_tasks():
    # alpha = 2, orthogonal gradients of squares 8 and 1: 8 w = w^(-1/2), w = 8^(-2/3) = 1/4; and 1. Twice that.
    assert weights_of(FairGrad(2.0, 0.0), [[8, 0], [0, 1]]) == pytest.approx([1 / 2, 2])
    # Of length sqrt(8/4 + 4) = sqrt 6, shortened to 1.
    assert weights_of(FairGrad(), [[8, 0], [0, 1]]) == pytest.approx([0.5 / 6**0.5, 2 / 6**0.5])
    # alpha = 1/2, the same G twice: (7 + 1) w = w^-2, so w = 8^(-1/3) = 1/2.
    assert weights_of(FairGrad(0.5, 0.0), [[7, 1], [1, 7]]) == pytest.approx([1, 1])
    # alpha = 1 is the bargaining solution
    gramian = [[4, -1], [-1, 1]]
    expected = weights_of(NashMTL(max_norm=0.0), gramian)
    assert weights_of(FairGrad(1.0, 0.0), gramian) == pytest.approx(2 * expected)
    assert weights_of(FairGrad(1.0), gramian) == pytest.approx(weights_of(NashMTL(), gramian))


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("tasks", (2, 3, 5))
def test_the_bound_holds_however_small_gradients_are(tasks, alpha):
    rng = np.random.default_rng(tasks)
    for scale in 10.0 ** np.arange(-9, 4, 3):
        gradients = scale * rng.standard_normal((tasks, 12))
        gramian = gradients @ gradients.T
        free, bounded = (weights_of(FairGrad(alpha, norm), gramian) for norm in (0.0, 1.0))
        length = np.linalg.norm(free @ gradients)
        assert bounded == pytest.approx(free / max(length, 1))
        # Its length without the bound follows the gradients' to the power (1 - alpha) / (1 + alpha).
        unscaled = weights_of(FairGrad(alpha, 0.0), gramian / scale**2) @ (gradients / scale)
        expected = scale ** ((1 - alpha) / (1 + alpha)) * np.linalg.norm(unscaled)
        assert length == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("alpha", (1.0, 2.0))
@pytest.mark.parametrize("tasks", (2, 3, 5))
def test_the_update_of_a_least_squares_solver(tasks, alpha):
    # As the authors have it: least squares on G x = x^(-1/alpha), times T, shortened to 1.
    rng = np.random.default_rng(tasks)
    for scale in (0.1, 1.0, 30.0):
        gradients = scale * rng.standard_normal((tasks, 12))
        gramian = gradients @ gradients.T
        found = least_squares(
            lambda x, g=gramian: g @ x - x ** (-1 / alpha),
            np.ones(tasks) / tasks,
            bounds=(0, np.inf),
            ftol=1e-15,
            xtol=1e-15,
            gtol=1e-15,
        )
        update = tasks * found.x @ gradients
        expected = update / max(np.linalg.norm(update), 1)
        assert weights_of(FairGrad(alpha), gramian) @ gradients == pytest.approx(expected, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("tasks", (2, 3, 5, 10))
def test_the_equation_holds(tasks, alpha):
    rng, method = np.random.default_rng(tasks), FairGrad(alpha, max_norm=0.0)
    rows = [rng.standard_normal((tasks, 12)) * 10.0 ** rng.uniform(-1, 1, (tasks, 1)) for _ in range(200)]
    scales = 10.0 ** rng.uniform(-8, 8, 200)
    rows = [scale * row for scale, row in zip(scales, rows, strict=True)]
    found = run_stacked(method, [make_case(method, np.ones((1, tasks)), g, rng) for g in rows])[:, 0]
    for weights, gradients in zip(found.numpy(), rows, strict=True):
        weights = weights / tasks
        slopes, shares = gradients @ (weights @ gradients), weights * np.linalg.norm(gradients, axis=1)
        counting = shares > 10 * NEGLIGIBLE * shares.max()  # for alpha = 10 some do not
        assert (slopes * weights ** (1 / alpha))[counting] == pytest.approx(1, abs=1e-6)


@pytest.mark.sample(3)
@pytest.mark.parametrize("alpha", (1.0, 2.0))
@pytest.mark.parametrize("tasks", (2, 3, 5))
def test_agrees_with_torchjd(tasks, alpha):
    oracle, rng = FairGradWeighting(alpha), np.random.default_rng(tasks)
    for _ in range(200):
        gradients = rng.standard_normal((tasks, 12))
        gramian = torch.from_numpy(gradients @ gradients.T)
        expected, weights = oracle(gramian).numpy(), weights_of(FairGrad(alpha, 0.0), gramian) / tasks
        missed = np.abs(gramian.numpy() @ expected - expected ** (-1 / alpha)).max()
        # TorchJD's solver stops by its own rule: weights agree as far as it solved the equation.
        np.testing.assert_allclose(weights, expected, rtol=1e-5 + missed, atol=1e-5 + missed)
        assert missed < 0.1


def unit_problem(gradients, alpha):
    """Unit gradients and d of C u = d u^(-1/alpha), whose largest is 1, without the gradients of 0."""
    lengths = np.linalg.norm(gradients, axis=1)
    units, relative = (
        gradients[lengths > 0] / lengths[lengths > 0, None],
        lengths[lengths > 0] / lengths.max(),
    )
    d = relative ** (1 / alpha - 1)
    return units, d / d.max()


def objective(logs, units, d, alpha):
    """|sum u_t units_t|^2 / 2 - sum d u^(1 - 1/alpha) / (1 - 1/alpha), slopes, bends, in the logarithms of u."""
    shares, power = np.exp(logs.clip(-300, 300)), 1 - 1 / alpha
    gains = d * logs if power == 0 else d * shares**power / power
    matrix = (shares[:, None] * units) @ (shares[:, None] * units).T
    slopes = matrix.sum(1) - d * shares**power
    bends = matrix + np.diag(matrix.sum(1) - power * d * shares**power)
    return matrix.sum() / 2 - gains.sum(), slopes, bends


def best(start, *problem):
    """The least objective that scipy finds from a start."""
    parts = [lambda logs, part=part: objective(logs, *problem)[part] for part in range(3)]
    options = {"gtol": 1e-12, "maxiter": 300}
    return minimize(parts[0], start, method="trust-exact", jac=parts[1], hess=parts[2], options=options).fun


@pytest.mark.sample(4)
@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("tasks", (2, 3, 5, 10))
def test_no_generic_solver_finds_better_weights(tasks, alpha):
    rng, solved = np.random.default_rng(tasks), 0
    cases = [case for _ in range(3) for case in gradient_families(tasks, rng).items()]
    method = FairGrad(alpha, max_norm=0.0)
    found = run_stacked(method, [make_case(method, np.ones((1, tasks)), g, rng) for _, g in cases])[:, 0]
    for (name, gradients), weights in zip(cases, found.numpy(), strict=True):
        lengths = np.linalg.norm(gradients, axis=1)
        if not lengths.any():
            continue
        units, d = unit_problem(gradients, alpha)
        least = np.linalg.norm(least_norm(units) @ units)
        if least < 1e-6:  # some combination is 0: no solution
            continue
        shares = (weights * lengths)[lengths > 0]
        # the best length along the ray, which also undoes the common scale
        shares = shares / shares.max()
        combined = shares @ units
        shares *= ((d * shares ** (1 - 1 / alpha)).sum() / (combined @ combined)) ** (alpha / (1 + alpha))
        logs = np.log(shares.clip(1e-300))
        ours = objective(logs, units, d, alpha)[0]
        # A Gramian of relative rounding eps gives u no better than this: u is up to 1 / least.
        blur = 10 * np.finfo(float).eps / least**2
        for start in (logs, np.log(d) * alpha / (1 + alpha)):
            assert ours <= best(start, units, d, alpha) + (1e-6 + blur) * abs(ours), (name, least)
        solved += 1
    assert solved >= 25


@pytest.mark.parametrize("tasks", (2, 3, 5, 10))
def test_the_length_along_the_ray_is_right(tasks):
    # u'Cu = sum d u^(1 - 1/alpha) at the optimum; in weights: w'Gw = sum w^(1 - 1/alpha)
    for name, gradients in gradient_families(tasks, np.random.default_rng(0)).items():
        if name in UNSOLVED | {"ill-conditioned"}:
            continue
        for alpha in ALPHAS:
            weights = weights_of(FairGrad(alpha, 0.0), gradients @ gradients.T) / tasks
            combined = weights @ gradients
            assert combined @ combined == pytest.approx((weights ** (1 - 1 / alpha)).sum(), rel=1e-6), name


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("tasks", (2, 3, 5, 10))
def test_opposed_gradients_give_an_update_near_nothing(tasks, alpha):
    gradients = np.where(np.arange(tasks) % 2, -1.0, 1.0)[:, None] * np.full((tasks, 4), 0.5)
    weights = weights_of(FairGrad(alpha, 0.0), gradients @ gradients.T) / tasks
    assert np.isfinite(weights).all()
    assert (weights > 0).all()
    # With a ridge r on the cosines weights are about r^(-alpha / (1 + alpha)), and slopes w^(-1/alpha).
    ridge = ROUNDINGS * np.finfo(float).eps
    assert np.linalg.norm(weights @ gradients) < 2 * ridge ** (1 / (1 + alpha))


def test_a_zero_gradient_is_left_out():
    assert weights_of(FairGrad(2.0, 0.0), [[0, 0], [0, 8]]) == pytest.approx([0, 2 / 4])


def test_faults():
    assert [f.key for f in FairGrad(0.0, -1.0).faults()] == ["alpha", "max_norm"]
