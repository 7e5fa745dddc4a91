"""CAGrad: hand values, a generic solver, rescaling, and gradients without a common direction."""

import numpy as np
import pytest
import torch
from support.weighting import gradient_families, make_case, run_stacked, weights_of
from test_solvers import least_norm
from torchjd.aggregation import CAGradWeighting

from mtlrun.weighting.cagrad import CAGrad, worst_combination
from mtlrun.weighting.cosines import cosines


def test_two_tasks():
    # Equal lengths 1, orthogonal: w = (1/2, 1/2), g_w = g0, so weights are (1 + c) / 2, over 1, 1 + c^2, 1 + c.
    for rescale, divisor in enumerate((1, 1.25, 1.5)):
        assert weights_of(CAGrad(0.5, rescale), np.eye(2)) == pytest.approx([0.75 / divisor] * 2)
    # g1 = (2, 0), g2 = (0, 1), |g0| = sqrt(5)/2: D^2 = 5, l = 3/2, c = 0.4 gives c |g0| D = 1 < l: the shorter
    # alone, w = (0, 1): weights (1/2, 1/2 + 0.4 sqrt(5)/2).
    assert weights_of(CAGrad(0.4, 0), [[4, 0], [0, 1]]) == pytest.approx([0.5, 0.5 + 0.2 * 5**0.5])
    assert weights_of(CAGrad(0.0), [[4, 0], [0, 1]]).tolist() == [0.5, 0.5]


def objective(w, gradients, c):
    mean = gradients.mean(0)
    combined = w @ gradients
    return combined @ mean + c * np.linalg.norm(mean) * np.linalg.norm(combined)


def least(gradients, c):
    """The least objective, by scipy's non-negative least squares on whole gradients.

    With |g_w| = min over k of |g_w|^2 / (2 k) + k / 2, the best w for a given k = l c |g0| is the least-norm point of
    the gradients g_t + l g0. At the optimum |g_w| = k; |g_w| / k falls with l, so bisection finds it. The ends, the
    gradients alone and the least norm, are tried too.
    """
    mean = gradients.mean(0)
    radius = c * np.linalg.norm(mean)
    tried = [*np.eye(len(gradients)), least_norm(gradients)]
    low, high = -60.0, 60.0
    for _ in range(60):
        middle = (low + high) / 2
        tried.append(least_norm(gradients + np.exp(middle) * mean))
        longer = np.linalg.norm(tried[-1] @ gradients) > np.exp(middle) * radius
        low, high = (middle, high) if longer else (low, middle)
    return min(objective(w, gradients, c) for w in tried)


@pytest.mark.parametrize("c", (0.1, 0.4, 0.9, 2.0))
@pytest.mark.parametrize("tasks", (2, 3, 5, 10))
def test_no_combination_is_worse(tasks, c):
    rng, eps = np.random.default_rng(tasks), np.finfo(float).eps
    rows = [g for _ in range(2) for g in gradient_families(tasks, rng).items()]
    rows = [(name, g / np.linalg.norm(g, axis=1).max()) for name, g in rows if g.any()]

    def worst(gradients):
        cosine, lengths = cosines(gradients @ gradients.mT)
        return worst_combination(cosine, lengths, c * gradients.mean(0).norm())

    found = torch.vmap(worst)(torch.from_numpy(np.array([g for _, g in rows]))).numpy()
    assert (found >= 0).all()
    assert found.sum(1) == pytest.approx(1)
    for weights, (name, gradients) in zip(found, rows, strict=True):
        ours, best = objective(weights, gradients, c), least(gradients, c)
        # Where gradients cancel the least value is 0: a Gramian tells squares to eps, so lengths to its root, of the
        # summands; and where the mean is 0 too, all is rounding.
        summed = weights @ np.linalg.norm(gradients, axis=1)
        cancelled = (10 * eps**0.5 * c * np.linalg.norm(gradients.mean(0)) + 10 * eps) * summed
        tiny = 1e-60  # a gradient of 0 is taken as about 1e-77 long
        assert ours <= best + max(1e-6 * abs(best), cancelled, tiny), name


@pytest.mark.parametrize("count", (20, pytest.param(200, marks=pytest.mark.slow)))
@pytest.mark.parametrize("tasks", (2, 3, 5))
def test_agrees_with_torchjd(tasks, count):
    oracle, rng, c = CAGradWeighting(c=0.4), np.random.default_rng(tasks), 0.4
    for _ in range(count):
        gradients = rng.standard_normal((tasks, 12)) * rng.uniform(0.3, 3, (tasks, 1))
        gramian = torch.from_numpy(gradients @ gradients.T)
        mean = gradients.mean(0)
        updates, values = [], []
        for weights in (weights_of(CAGrad(c, 0), gramian), oracle(gramian).numpy()):
            updates.append(weights @ gradients)
            shares = weights - 1 / tasks
            values.append(objective(shares / shares.sum(), gradients, c))
        # Its solver stops at some 1e-8 of the objective; near the optimum that grows with the square of a difference.
        short = 1e-8 + (values[1] - values[0]) / abs(values[0])
        assert short > 0
        assert np.linalg.norm(updates[0] - updates[1]) <= (1e-5 + short**0.5) * np.linalg.norm(mean)


@pytest.mark.parametrize("tasks", (2, 3, 5))
@pytest.mark.parametrize("scale", (1e-8, 1e8))
def test_the_scale_of_gradients_changes_nothing(tasks, scale):
    gradients = np.random.default_rng(0).standard_normal((tasks, 12))
    plain, scaled = (weights_of(CAGrad(), g @ g.T) for g in (gradients, scale * gradients))
    assert scaled == pytest.approx(plain)


@pytest.mark.parametrize("tasks", (2, 3, 5))
def test_the_update_stays_in_the_ball(tasks):
    for name, gradients in gradient_families(tasks, np.random.default_rng(0)).items():
        weights = weights_of(CAGrad(0.4, 0), gradients @ gradients.T)
        assert np.isfinite(weights).all(), name
        mean = gradients.mean(0)
        away = np.linalg.norm(weights @ gradients - mean)
        assert away <= (0.4 + 1e-6) * np.linalg.norm(mean) + 1e-9 * np.linalg.norm(gradients), name


@pytest.mark.parametrize("c", (1.0, 2.0))
@pytest.mark.parametrize("tasks", (2, 3, 5, 10))
def test_with_a_ball_that_reaches_0_no_loss_rises(tasks, c):
    # 0 is in the ball, so that the largest least gain is 0 or more.
    for name, gradients in gradient_families(tasks, np.random.default_rng(0)).items():
        unit = gradients / np.linalg.norm(gradients, axis=1, keepdims=True).clip(1e-300)
        if np.linalg.norm(least_norm(unit) @ unit) < 1e-6:
            continue  # the worst combination may be 0, where the update is 0 as far as rounding tells
        weights = weights_of(CAGrad(c), gradients @ gradients.T)
        lengths = np.linalg.norm(gradients, axis=1)
        slopes = gradients @ (weights @ gradients)
        # Where gradients cancel a Gramian tells their sum to the root of eps.
        assert (
            slopes >= -1e-6 * lengths * np.linalg.norm(gradients.mean(0)) - 1e-15 * lengths * lengths.max()
        ).all(), name


@pytest.mark.parametrize("dtype", (torch.float32, torch.float64), ids=str)
@pytest.mark.parametrize("c", (1.0, 1.01, 2.0, 10.0))
@pytest.mark.parametrize("tasks", (2, 3, 5, 10))
def test_with_a_ball_that_reaches_0_the_update_is_0_at_pareto_stationary_points(tasks, c, dtype):
    rng, method, rows = np.random.default_rng(tasks), CAGrad(c), []
    for _ in range(50):
        gradients = rng.standard_normal((tasks, 12)) * 10.0 ** rng.uniform(-1, 1, (tasks, 1))
        some = rng.integers(1, tasks)  # so many of the others balance the last one
        gradients[-1] = -rng.uniform(0.1, 3, some) @ gradients[:some]
        rows.append(gradients * 10.0 ** rng.uniform(-3, 3))
    cases = [make_case(method, np.ones((1, tasks)), g, rng, dtype) for g in rows]
    assert (run_stacked(method, cases) == 0).all()
    free = [
        make_case(method, np.ones((1, tasks)), rng.standard_normal((tasks, 12)), rng, dtype) for _ in rows
    ]
    assert (run_stacked(method, free).amax(2) > 0).all()


@pytest.mark.parametrize("tasks", (2, 3, 5))
@pytest.mark.parametrize("short", (1e-3, 1e-6))
def test_one_gradient_far_shorter_than_the_others_has_all_the_weight_of_the_ball(tasks, short):
    # Orthogonal, of lengths 1 but for the last: |g0| = sqrt(T - 1 + short^2) / T, and the worst combination is the
    # last gradient alone, since any other raises both g_w'g0 and |g_w|.
    squares = np.array([1.0] * (tasks - 1) + [short**2])
    expected = np.full(tasks, 1 / tasks)
    expected[-1] += 0.4 * np.sqrt(squares.sum()) / tasks / short
    assert weights_of(CAGrad(0.4, 0), np.diag(squares)) == pytest.approx(expected)


def test_opposed_gradients():
    # g1 = 1, g2 = -3, g0 = -1. c = 1/2: the worst is g1 alone, d = -1 + 1/2 = -1/2 = 1 g1 + 1/2 g2.
    assert weights_of(CAGrad(0.5, 0), [[1, -3], [-3, 9]]) == pytest.approx([1, 0.5])
    # c = 1: d = -1 + 1 = 0. c = 2: no direction lowers both losses.
    for c in (1.0, 2.0):
        assert weights_of(CAGrad(c, 0), [[1, -3], [-3, 9]]).tolist() == [0, 0]


def test_faults():
    assert [f.key for f in CAGrad(-0.1).faults()] == ["c"]
