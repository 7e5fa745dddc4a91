"""The least-norm point of a simplex, against an active-set solver of scipy on whole gradients."""

import numpy as np
import pytest
import torch
from scipy.optimize import nnls
from support.weighting import gradient_families, nearly_cancelling

from mtlrun.weighting.solvers import min_norm_point


def least_norm(gradients):
    """Weights of the point of least norm, by non-negative least squares.

    min |A'v|^2 + (c'v - 1)^2 over v >= 0 lies, for any c > 0, on the ray of the minimiser of |A'v| with c'v = 1.
    Unit gradients u_t = g_t / n_t, and c_t proportional to 1 / n_t, keep it well scaled.
    """
    lengths = np.linalg.norm(gradients, axis=1)
    if lengths.min() == 0:
        return (lengths == 0) / (lengths == 0).sum()
    units, ones = gradients / lengths[:, None], lengths.min() / lengths
    found, _ = nnls(np.vstack([units.T, ones]), np.append(np.zeros(gradients.shape[1]), 1.0))
    return found / lengths / (found / lengths).sum()


@pytest.mark.parametrize("dtype", (torch.float64, torch.float32), ids=str)
@pytest.mark.parametrize("tasks", (2, 3, 5, 10))
def test_no_combination_is_shorter(tasks, dtype):
    rng = np.random.default_rng(tasks)
    cases = [(n, g) for _ in range(20) for n, g in gradient_families(tasks, rng).items()]
    rows = torch.from_numpy(np.array([g for _, g in cases])).to(dtype)
    found = torch.vmap(min_norm_point)(rows @ rows.mT).double().numpy()
    assert (found >= 0).all()
    assert found.sum(1) == pytest.approx(1, abs=1e-6 if dtype == torch.float32 else 1e-12)
    tolerance, noise = (1e-6, 1e-26) if dtype == torch.float64 else (1e-5, 1e-5)
    for (name, gradients), weights in zip(cases, found, strict=True):
        best = least_norm(gradients)
        ours, theirs = (np.square(w @ gradients).sum() for w in (weights, best))
        # Where gradients cancel, their least square is 0, and what is left are roundings of their lengths.
        cancelled = noise * (best @ np.linalg.norm(gradients, axis=1)) ** 2
        assert ours <= (1 + tolerance) * theirs + cancelled, name


@pytest.mark.parametrize("tasks", (2, 3, 5, 10))
def test_nearly_cancelling_gradients_are_solved_as_far_as_a_gramian_tells(tasks):
    rng = np.random.default_rng(tasks)
    cases = np.array([nearly_cancelling(tasks, rng) for _ in range(300)])
    rows = torch.from_numpy(cases)
    found = torch.vmap(min_norm_point)(rows @ rows.mT).numpy()
    clear = 0
    for gradients, weights in zip(cases, found, strict=True):
        ours, best = (np.square(w @ gradients).sum() for w in (weights, least_norm(gradients)))
        told = 20 * np.finfo(float).eps * (weights @ np.linalg.norm(gradients, axis=1)) ** 2
        assert ours <= (1 + 1e-6) * best + told
        clear += told < 1e-6 * best
    assert clear > 50


def test_many_tasks():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((10, 20, 40))
    found = torch.vmap(min_norm_point)(torch.from_numpy(rows @ rows.transpose(0, 2, 1))).numpy()
    for weights, gradients in zip(found, rows, strict=True):
        expected = np.square(least_norm(gradients) @ gradients).sum()
        assert np.square(weights @ gradients).sum() == pytest.approx(expected, rel=1e-9)


def test_one_task():
    assert min_norm_point(torch.tensor([[4.0]])).tolist() == [1]


@pytest.mark.parametrize("tasks", (2, 3, 5))
def test_equal_and_zero_gradients_have_some_answer(tasks):
    for gramian in (torch.zeros(tasks, tasks), torch.ones(tasks, tasks)):
        weights = min_norm_point(gramian)
        assert weights.sum().item() == pytest.approx(1)
        assert (weights >= 0).all()
