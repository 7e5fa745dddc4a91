"""Optima and expected risks of linear networks: by hand, at their limits, and against draws."""

import math

import numpy as np
import pytest

from mtlrun.theory.linear import LinearNetwork, expected_risks, optimum

INF = math.inf


def truths(cosine, dim=10, norms=(1.0, 1.0)):
    found = np.zeros((2, dim))
    found[0, 0] = norms[0]
    found[1, :2] = norms[1] * np.array([cosine, math.sqrt(1 - cosine**2)])
    return found


def test_one_shared_feature_keeps_the_top_direction():
    # Columns (2, 0) and (0, 1): the top direction is the first axis. Weights (1, 9) make the second column longer.
    estimates = np.array([[2.0, 0.0], [0.0, 1.0]])
    alike, weighted = (LinearNetwork(1, "private", INF, weights) for weights in ((1, 1), (1, 9)))
    np.testing.assert_allclose(optimum(alike, estimates), [[2, 0], [0, 0]], atol=1e-12)
    np.testing.assert_allclose(optimum(weighted, estimates), [[0, 0], [0, 1]], atol=1e-12)


@pytest.mark.parametrize(
    ("features", "heads", "tie", "weights"),
    [(1, "private", 0, (1, 2)), (2, "private", INF, (1, 2)), (1, "none", 0, (1, 2)), (1, "none", 3, (1,))],
)
def test_enough_room_is_least_squares(features, heads, tie, weights):
    estimates = np.arange(6.0).reshape(2, 3)[: len(weights)]
    network = LinearNetwork(features, heads, tie, weights)
    np.testing.assert_array_equal(optimum(network, estimates), estimates)
    variances = np.array([0.1, 0.2])[: len(weights)]
    np.testing.assert_allclose(expected_risks(network, estimates, variances), 3 * variances, rtol=1e-12)


def test_pooled_is_the_weighted_mean():
    estimates = np.array([[4.0, 0.0], [0.0, 8.0]])
    for heads in ("common", "none"):
        found = optimum(LinearNetwork(1, heads, INF, (1, 3)), estimates)
        np.testing.assert_allclose(found, [[1, 6], [1, 6]])


def test_soft_by_hand():
    # Minimise |x - a|^2 + |y - b|^2 + |x - y|^2 / 2: 1.5 x - 0.5 y = a, 1.5 y - 0.5 x = b, so x = (3 a + b) / 4.
    network = LinearNetwork(1, "none", 0.5, (1, 1))
    found = optimum(network, np.array([[4.0], [8.0]]))
    np.testing.assert_allclose(found, [[5], [7]])
    # Risks with truths 1 and 0, d = 1, variances 0.16 and 0.32: (1/4)^2 + 9/16 * 0.16 + 1/16 * 0.32 = 0.1725,
    # and (1/4)^2 + 1/16 * 0.16 + 9/16 * 0.32 = 0.2525.
    risks = expected_risks(network, np.array([[1.0], [0.0]]), np.array([0.16, 0.32]))
    np.testing.assert_allclose(risks, [0.1725, 0.2525])


def test_soft_lies_between_its_limits():
    estimates = np.random.default_rng(0).standard_normal((3, 4))
    loose, tight, pooled = (
        optimum(LinearNetwork(1, "none", tie, (1, 2, 3)), estimates) for tie in (1e-9, 1e9, INF)
    )
    np.testing.assert_allclose(loose, estimates, atol=1e-7)
    np.testing.assert_allclose(tight, pooled, atol=1e-7)


def test_each_optimum_is_a_minimum():
    rng = np.random.default_rng(1)
    estimates, weights = rng.standard_normal((2, 5)), np.array([1.0, 2.5])

    def objective(predictors, tie):
        apart = ((predictors[0] - predictors[1]) ** 2).sum()
        return weights @ ((predictors - estimates) ** 2).sum(1) + tie * apart

    best = optimum(LinearNetwork(1, "none", 0.7, tuple(weights)), estimates)
    shared = optimum(LinearNetwork(1, "private", INF, tuple(weights)), estimates)
    _, _, directions = np.linalg.svd(shared)
    assert np.linalg.matrix_rank(shared) == 1
    for step in rng.standard_normal((50, 2, 5)) * 0.1:
        assert objective(best + step, 0.7) > objective(best, 0.7)
        turned = directions[0] + step[0]
        projected = np.outer(estimates @ turned, turned) / (turned @ turned)
        assert objective(projected, 0) > objective(shared, 0)


def test_free_heads_make_a_finite_tie_worthless():
    for heads in ("private", "common"):
        assert optimum(LinearNetwork(1, heads, 0.5, (1, 1)), np.eye(2)) is None
        assert expected_risks(LinearNetwork(1, heads, 0.5, (1, 1)), np.eye(2), np.ones(2)) is None


def test_pooled_risk_is_the_known_formula():
    # R_a = beta^2 D^2 + d [(1 - beta)^2 s_a^2 + beta^2 s_b^2], beta = w_b / (w_a + w_b), D^2 = 2 - 2 cosine.
    weights, variances, dim, cosine = (1.0, 0.5), np.array([0.02, 0.05]), 10, 0.3
    beta, apart = 0.5 / 1.5, 2 - 2 * cosine
    expected = beta**2 * apart + dim * ((1 - beta) ** 2 * 0.02 + beta**2 * 0.05)
    risks = expected_risks(LinearNetwork(1, "none", INF, weights), truths(cosine), variances)
    assert risks[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("cosine", (0.5, -0.8, 1.0))
def test_with_little_noise_one_direction_has_the_textbook_sum(cosine):
    # n (R_a + R_b) is about mu2^2 + sigma^2 (d + kappa); with n = 1 here, mu^2 = 1 +- |cosine|, sigma^2 = s.
    s, low, high = 1e-5, 1 - abs(cosine), 1 + abs(cosine)
    risks = expected_risks(LinearNetwork(1, "private", INF, (1, 1)), truths(cosine), np.array([s, s]))
    assert risks.sum() - low == pytest.approx(s * (10 + (high + low) / (high - low)), rel=2e-3)


@pytest.mark.parametrize("weights", ((1.0, 1.0), (1.0, 0.5)))
@pytest.mark.parametrize("variances", ((0.02, 0.02), (0.01, 0.04)))
@pytest.mark.parametrize("cosine", (0.5, 0.8, 1.0, -0.7))
def test_one_direction_against_draws(cosine, variances, weights):
    network, truth = LinearNetwork(1, "private", INF, weights), truths(cosine, norms=(1.0, 1.2))
    rng = np.random.default_rng(3)
    estimates = truth + rng.standard_normal((4000, 2, 10)) * np.sqrt(variances)[:, None]
    drawn = np.mean([((optimum(network, e) - truth) ** 2).sum(1) for e in estimates], axis=0)
    # 4,000 draws leave a standard error of 1 %.
    np.testing.assert_allclose(expected_risks(network, truth, np.array(variances)), drawn, rtol=0.05)


def test_no_expectation_where_the_direction_is_not_settled():
    network, variances = LinearNetwork(1, "private", INF, (1, 1)), np.array([0.02, 0.02])
    assert expected_risks(network, truths(0.0), variances) is None
    assert expected_risks(network, truths(0.05), variances) is None
    three = LinearNetwork(1, "private", INF, (1, 1, 1))
    assert expected_risks(three, np.eye(3), np.ones(3)) is None
