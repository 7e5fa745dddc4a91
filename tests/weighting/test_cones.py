"""Projections on the dual cone, against scipy's non-negative least squares on whole gradients."""

import numpy as np
import pytest
import torch
from scipy.optimize import nnls
from support.weighting import gradient_families, nearly_cancelling

from mtlrun.weighting.cones import dual_cone_weights


def projection_weights(gradients, preference):
    """Weights of the projection: |sum_t (u_t + y_t / n_t) g_t| is least over y >= 0, for unit gradients."""
    lengths = np.linalg.norm(gradients, axis=1)
    there, found = lengths > 0, np.array(preference, float)
    if there.any():
        units, largest = gradients[there] / lengths[there, None], lengths.max()
        solution, _ = nnls(units.T, -(preference @ gradients) / largest, maxiter=1000)
        found[there] += solution * largest / lengths[there]
    return found


@pytest.mark.parametrize("dtype", (torch.float64, torch.float32), ids=str)
@pytest.mark.parametrize("tasks", (2, 3, 5, 10))
def test_no_weights_above_the_preferences_give_a_shorter_sum(tasks, dtype):
    torch.set_num_threads(1)
    rng = np.random.default_rng(tasks)
    cases = [(n, g) for _ in range(10) for n, g in gradient_families(tasks, rng).items()]
    rows = torch.from_numpy(np.array([g for _, g in cases])).to(dtype)
    preferences = torch.cat([torch.eye(tasks, dtype=dtype), torch.full((1, tasks), 1 / tasks, dtype=dtype)])
    found = torch.vmap(lambda g: dual_cone_weights(g @ g.mT, preferences))(rows)
    assert (found >= preferences).all()
    preferences, found = preferences.double().numpy(), found.double().numpy()
    tolerance, noise = (1e-6, 1e-12) if dtype == torch.float64 else (1e-5, 1e-2)
    for (name, gradients), weights in zip(cases, found, strict=True):
        for ours, preference in zip(weights, preferences, strict=True):
            best = projection_weights(gradients, preference)
            length, least = (np.linalg.norm(w @ gradients) for w in (ours, best))
            # Where gradients cancel, what a Gramian of this precision can tell is relative to their lengths.
            cancelled = noise * (ours @ np.linalg.norm(gradients, axis=1))
            assert length**2 <= (1 + tolerance) * least**2 or length <= least + cancelled, name


@pytest.mark.parametrize("tasks", (2, 3, 5, 10))
def test_nearly_cancelling_gradients_are_projected_as_far_as_a_gramian_tells(tasks):
    rng, preferences = np.random.default_rng(tasks), np.vstack([np.eye(tasks), np.full(tasks, 1 / tasks)])
    cases, given = (
        np.array([nearly_cancelling(tasks, rng) for _ in range(100)]),
        torch.from_numpy(preferences),
    )
    found = torch.vmap(lambda g: dual_cone_weights(g @ g.mT, given))(torch.from_numpy(cases)).numpy()
    for gradients, weights in zip(cases, found, strict=True):
        lengths = np.linalg.norm(gradients, axis=1)
        for ours, preference in zip(weights, preferences, strict=True):
            square, least = (
                np.square(w @ gradients).sum() for w in (ours, projection_weights(gradients, preference))
            )
            assert square <= (1 + 1e-6) * least + 20 * np.finfo(float).eps * (ours @ lengths) ** 2


def test_a_direction_without_conflict_stays():
    gramian = torch.tensor([[1.0, 0.1, 0.2], [0.1, 2.0, 0.3], [0.2, 0.3, 3.0]])
    preferences = torch.tensor([[1.0, 0, 0], [0.2, 0.3, 0.5]])
    assert torch.equal(dual_cone_weights(gramian, preferences), preferences)


def test_zero_gradients_keep_their_preferences():
    for tasks in (2, 4):
        preference = torch.rand(tasks)
        assert torch.equal(dual_cone_weights(torch.zeros(tasks, tasks), preference), preference)
