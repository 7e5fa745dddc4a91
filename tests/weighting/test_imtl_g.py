"""IMTL-G: hand values, TorchJD, equal projections, and gradients without a solution."""

import numpy as np
import pytest
import torch
from support.weighting import gradient_families, weights_of
from torchjd.aggregation import IMTLGWeighting

from mtlrun.weighting.imtl_g import IMTLG


def test_two_tasks_weigh_by_inverse_length():
    # |g1| = 2, |g2| = 1: w is proportional to (1/2, 1), whatever their angle.
    assert weights_of(IMTLG(), [[4, 0], [0, 1]]) == pytest.approx([1 / 3, 2 / 3])
    assert weights_of(IMTLG(), [[4, -1], [-1, 1]]) == pytest.approx([1 / 3, 2 / 3])


def test_three_tasks_may_have_a_negative_weight():
    # Directions 0 and 90 degrees and one at 45 that is barely out of their plane:
    # C = [[1, 0, k], [0, 1, k], [k, k, 1]], C^-1 1 = (1 - k, 1 - k, 1 - 2k) / (1 - 2k^2); k = 0.6: (4, 4, -2) / 2.8
    cosine = [[1, 0, 0.6], [0, 1, 0.6], [0.6, 0.6, 1]]
    assert weights_of(IMTLG(), cosine) == pytest.approx([2 / 3, 2 / 3, -1 / 3])


@pytest.mark.parametrize("tasks", (2, 3, 5))
def test_agrees_with_torchjd_and_projects_equally(tasks):
    oracle, rng = IMTLGWeighting(), np.random.default_rng(tasks)
    for _ in range(200):
        gradients = rng.standard_normal((tasks, 12)) * 10.0 ** rng.uniform(-1, 1, (tasks, 1))
        gramian = gradients @ gradients.T
        weights = weights_of(IMTLG(), gramian)
        np.testing.assert_allclose(weights, oracle(torch.from_numpy(gramian)), rtol=1e-5, atol=1e-5)
        projections = gramian @ weights / np.linalg.norm(gradients, axis=1)
        assert projections == pytest.approx(np.full(tasks, projections[0]))


def test_a_zero_gradient_is_left_out():
    assert weights_of(IMTLG(), [[0, 0], [0, 4]]).tolist() == [0, 1]
    assert weights_of(IMTLG(), np.diag([1.0, 0, 4])) == pytest.approx([2 / 3, 0, 1 / 3])


@pytest.mark.parametrize("tasks", (2, 3, 5, 10))
def test_weights_sum_to_one_where_nothing_can_be_solved(tasks):
    families = gradient_families(tasks, np.random.default_rng(0)) if tasks < 10 else {}
    families |= {"nothing": np.zeros((tasks, 3)), "same": np.ones((tasks, 3))}
    for name, gradients in families.items():
        weights = weights_of(IMTLG(), gradients @ gradients.T)
        assert np.isfinite(weights).all(), name
        assert weights.sum() == pytest.approx(1, abs=1e-8 * (1 + np.abs(weights).sum())), name
    assert weights_of(IMTLG(), np.zeros((tasks, tasks))) == pytest.approx(np.full(tasks, 1 / tasks))
    assert weights_of(IMTLG(), np.ones((tasks, tasks))) == pytest.approx(np.full(tasks, 1 / tasks), abs=0.01)
