"""CAGrad: hand values, a generic solver, rescaling, and gradients without a common direction."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from support.weighting import gradient_families, weights_of

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


@pytest.mark.parametrize("c", (0.1, 0.4, 0.9, 2.0))
@pytest.mark.parametrize("tasks", (2, 3, 5, 10))
def test_no_generic_solver_finds_a_worse_combination(tasks, c):
    rng = np.random.default_rng(tasks)
    cases = [rng.standard_normal((tasks, 12)) * 10.0 ** rng.uniform(-1, 1, (tasks, 1)) for _ in range(8)]
    families = gradient_families(tasks, rng)
    left_out = {"zero", "stationary", "all tiny", "all huge"}
    if tasks > 2:  # a combination of 0 may be missed (docstring)
        left_out |= {"opposed", "fewer directions than tasks", "ill-conditioned"}
    cases += [g for n, g in families.items() if n not in left_out]
    for gradients in cases:
        gradients = gradients / np.linalg.norm(gradients, axis=1).max()
        cosine, lengths = cosines(torch.from_numpy(gradients @ gradients.T))
        radius = torch.tensor(c * np.linalg.norm(gradients.mean(0)))
        found = worst_combination(cosine, lengths, radius).numpy()
        assert (found >= 0).all()
        assert found.sum() == pytest.approx(1)
        ours = objective(found, gradients, c)
        for start in (found, np.full(tasks, 1 / tasks)):
            best = minimize(
                objective,
                start,
                (gradients, c),
                "SLSQP",
                bounds=[(0, None)] * tasks,
                constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
                options={"ftol": 1e-12},
            ).x.clip(0)
            theirs = objective(best / best.sum(), gradients, c)
            # a stationary combination has the objective 0, from terms of this size
            size = np.linalg.norm(gradients.mean(0)) * np.linalg.norm(gradients, axis=1).min()
            assert ours <= theirs + 1e-6 * abs(theirs) + 1e-6 * size + 1e-15


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


def test_faults():
    assert [f.key for f in CAGrad(-0.1).faults()] == ["c"]
