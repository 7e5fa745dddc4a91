"""The analysis of seeds crossed with examples beside independent computations: least squares, DeLong, Monte Carlo."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from benchmarks.crossed_studies import WORLDS, centred, differences, draw
from mtlrun.statistics import evidence
from mtlrun.statistics.paired_tests.crossed import crossed
from mtlrun.statistics.settings import Statistics
from mtlrun.training.objective.case_scores import _halved
from mtlrun.training.objective.example_scores import example_scores

pytestmark = pytest.mark.validity


def residual_sum(y: np.ndarray, columns: list[np.ndarray]) -> float:
    """Return the sum of squares that a linear model with these indicator columns leaves, by least squares."""
    design = np.stack([np.ones(len(y)), *columns], axis=1)
    return float(((y - design @ np.linalg.lstsq(design, y, rcond=None)[0]) ** 2).sum())


def mean_squares(layout: np.ndarray) -> tuple[float, float, float]:
    """Return those of seeds, examples and the rest: what each factor adds to a model that has the other."""
    n, m = layout.shape
    seed, example = (index.ravel() for index in np.indices(layout.shape))
    seeds = [(seed == k) * 1.0 for k in range(1, n)]
    examples = [(example == k) * 1.0 for k in range(1, m)]
    y = layout.ravel()
    rest = residual_sum(y, seeds + examples)
    return (
        (residual_sum(y, examples) - rest) / (n - 1),
        (residual_sum(y, seeds) - rest) / (m - 1),
        rest / ((n - 1) * (m - 1)),
    )


@pytest.mark.parametrize("shape", [(5, 30), (12, 7), (2, 40)])
def test_mean_squares_and_t_are_those_of_least_squares(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(shape)
    n, m = shape
    layout = 1e6 + 3 * rng.normal(size=(n, 1)) + rng.normal(size=(1, m)) + rng.normal(size=shape)
    of_seeds, of_examples, rest = mean_squares(layout - 1e6)
    found = crossed([[layout]])
    np.testing.assert_allclose(found.seed * n * m, of_seeds, rtol=1e-6)
    np.testing.assert_allclose(found.example * n * m, of_examples, rtol=1e-6)
    np.testing.assert_allclose(found.rest * n * m, rest, rtol=1e-6)
    total = of_seeds + of_examples - rest
    squares = of_seeds**2 / (n - 1) + of_examples**2 / (m - 1) + rest**2 / ((n - 1) * (m - 1))
    freedom = max(total**2 / squares, min(n, m) - 1)
    error = np.sqrt(max(total, of_seeds, of_examples) / (n * m))
    t = (layout.mean() - 1e6) / error
    p = found.p_above(np.array([1e6]), np.array([1.0]))
    np.testing.assert_allclose(p, stats.t.sf(t, freedom), rtol=1e-5)


def test_its_variance_is_that_of_means_drawn_again_and_again() -> None:
    rng, n, m = np.random.default_rng(1), 6, 40
    draws = (
        0.2 * rng.normal(size=(4000, n, 1)) + rng.normal(size=(4000, 1, m)) + rng.normal(size=(4000, n, m))
    )
    found = crossed([[one] for one in draws])
    true = 0.2**2 / n + 1 / m + 1 / (n * m)
    unbiased = found.seed + found.example - found.rest
    assert unbiased.mean() == pytest.approx(true, rel=0.02)
    assert draws.mean(axis=(1, 2)).var() == pytest.approx(true, rel=0.05)
    shares = np.array(found.shares()).mean(axis=1)
    np.testing.assert_allclose(shares, [0.2**2 / n, 1 / m, 1 / (n * m)], rtol=0.05)


def delong(scores: np.ndarray, positive: np.ndarray) -> tuple[float, float]:
    """Return the difference of two areas and its variance, from placements (DeLong et al., Biometrics 44, 1988)."""
    wins = scores[:, positive, None] > scores[:, None, ~positive]
    of_positives, of_negatives = wins.mean(2), wins.mean(1)
    areas = of_positives.mean(1)
    variance = sum((one[1] - one[0]).var(ddof=1) / one.shape[1] for one in (of_positives, of_negatives))
    return areas[1] - areas[0], variance


def test_one_network_judged_again_and_again_is_delongs_test() -> None:
    """Seeds that agree leave the examples alone: the crossed variance is then that of two correlated areas."""
    rng, m = np.random.default_rng(2), 400
    positive = rng.random(m) < 0.4
    sides = 0.8 * positive + rng.normal(size=m) + 0.7 * rng.normal(size=(2, m))
    targets = torch.from_numpy(np.broadcast_to(positive * 1.0, (2, m)).copy()).unsqueeze(-1)
    find = example_scores("binary", "auroc")
    assert find is not None
    scores = find(torch.from_numpy(sides).unsqueeze(-1), targets).numpy()
    difference, variance = delong(sides, positive)
    found = crossed([[np.repeat((scores[1] - scores[0])[None], 3, axis=0)]])
    assert found.mean[0] == pytest.approx(difference, abs=1e-9)
    assert found.variance[0] == pytest.approx(variance, rel=0.02)


@pytest.mark.parametrize("name", ["accuracy near .9", "AUROC", "log-loss", "R2"])
def test_three_digits_of_scores_are_plenty(name: str) -> None:
    sides = next(draw(WORLDS[name], 6, 200, 5, np.random.default_rng(3)))
    rounded = []
    for scores in sides.scores:
        scale, values = _halved(torch.from_numpy(scores.reshape(30, 200)))
        rounded.append((values.double() * scale[:, None]).numpy().reshape(scores.shape))
    stored = sides._replace(scores=tuple(rounded))
    tests = [
        evidence.tests_of(differences(WORLDS[name], one), Statistics(), np.random.default_rng(0))
        for one in (sides, stored)
    ]
    p = [evidence.p_two_sided(one) for one in tests]
    np.testing.assert_allclose(p[1], p[0], rtol=0.01)
    np.testing.assert_allclose(centred(stored.scores[0], stored.values[0]).mean(axis=-1), stored.values[0])
