"""MGDA: hand values at a vertex and inside, normalisations, TorchJD."""

import numpy as np
import pytest
import torch
from support.weighting import make_case, run_stacked, weights_of
from torchjd.aggregation import MGDAWeighting

from mtlrun.weighting.mgda import MGDA

ORTHOGONAL = [[4, 0], [0, 1]]  # |g1| = 2, |g2| = 1


def test_inside_the_simplex():
    # w1 = (G22 - G12) / (G11 + G22 - 2 G12) = (1 - 0) / (4 + 1) = 1/5
    assert weights_of(MGDA(), ORTHOGONAL) == pytest.approx([0.2, 0.8])
    # (2 + 1) / (1 + 2 + 2) = 3/5
    assert weights_of(MGDA(), [[1, -1], [-1, 2]]) == pytest.approx([0.6, 0.4])


def test_at_a_vertex():
    # (5 - 2) / (1 + 5 - 4) = 3/2, over 1: the shorter gradient alone
    assert weights_of(MGDA(), [[1, 2], [2, 5]]).tolist() == [1, 0]
    assert weights_of(MGDA(), [[5, 2], [2, 1]]).tolist() == [0, 1]


def test_three_orthogonal_gradients():
    # w is proportional to 1 / G_ii: (1, 1/2, 1/3), over 11/6
    assert weights_of(MGDA(), np.diag([1, 2, 3])) == pytest.approx([6 / 11, 3 / 11, 2 / 11])


def test_three_gradients_of_which_one_is_left_out():
    # g1 = (1, 0), g2 = (0, 1), g3 = (2, 2): (g1 + g2)/2 = (1/2, 1/2) has slope 1/2 along both, and 2 along g3
    gradients = np.array([[1, 0], [0, 1], [2, 2]])
    assert weights_of(MGDA(), gradients @ gradients.T) == pytest.approx([0.5, 0.5, 0])


def test_normalisations():
    losses = [1, 2]
    # l2: unit gradients are orthogonal, so each weighs 1/2
    assert weights_of(MGDA("l2"), ORTHOGONAL, losses) == pytest.approx([1 / 2, 1 / 2])
    # loss: diag(4 / 1, 1 / 4), w1 = (1/4) / (17/4)
    assert weights_of(MGDA("loss"), ORTHOGONAL, losses) == pytest.approx([1 / 17, 16 / 17])
    # loss+: diag(4 / (2 * 1)^2, 1 / (1 * 2)^2) = diag(1, 1/4), w1 = (1/4) / (5/4)
    assert weights_of(MGDA("loss+"), ORTHOGONAL, losses) == pytest.approx([1 / 5, 4 / 5])


def test_normalisations_of_gradients_in_conflict():
    # g1'g2 = -1, with losses 1 and 2. w1 = (H22 - H12) / (H11 + H22 - 2 H12) of H_ij = G_ij / (s_i s_j):
    gramian, losses = [[4, -1], [-1, 1]], [1, 2]
    # s = (2, 1): ones, -1/2
    assert weights_of(MGDA("l2"), gramian, losses) == pytest.approx([1 / 2, 1 / 2])
    # s = (1, 2): 4, -1/2, 1/4, so w1 = (1/4 + 1/2) / (4 + 1/4 + 1)
    assert weights_of(MGDA("loss"), gramian, losses) == pytest.approx([1 / 7, 6 / 7])
    # s = (2, 2): 1, -1/4, 1/4, so w1 = (1/4 + 1/4) / (1 + 1/4 + 1/2)
    assert weights_of(MGDA("loss+"), gramian, losses) == pytest.approx([2 / 7, 5 / 7])


@pytest.mark.parametrize("unit", (1e-20, 1e20))
@pytest.mark.parametrize("normalize", ("loss", "loss+"))
def test_a_common_unit_of_losses_does_not_matter(normalize, unit):
    gramian, losses = [[4, -1], [-1, 1]], np.array([1.0, 2.0])
    expected = weights_of(MGDA(normalize), gramian, losses)
    assert weights_of(MGDA(normalize), gramian, unit * losses) == pytest.approx(expected)


def test_a_loss_of_zero_takes_all_of_nothing():
    # its gradient over its loss is unbounded, so the other one is the shorter
    assert weights_of(MGDA("loss"), ORTHOGONAL, [0, 1]) == pytest.approx([0, 1])


def test_two_tasks_agree_with_torchjd():
    oracle, rng = MGDAWeighting(), np.random.default_rng(0)
    pairs = [rng.standard_normal((2, 5)) * rng.uniform(0.1, 10, (2, 1)) for _ in range(200)]
    weights = run_stacked(MGDA(), [make_case(MGDA(), np.ones((1, 2)), g, rng) for g in pairs])[:, 0]
    for ours, gradients in zip(weights, pairs, strict=True):
        gramian = torch.from_numpy(gradients @ gradients.T)
        torch.testing.assert_close(ours, oracle(gramian), rtol=1e-5, atol=1e-5)
    vertices = (weights.amin(1) == 0).sum()
    assert 10 < vertices < 190


@pytest.mark.parametrize("tasks", (3, 5))
def test_more_tasks_agree_with_torchjd_as_far_as_it_went(tasks):
    # It stops early. The least square is strongly convex in the update: what lacks to it bounds how far it is off.
    oracle, rng = MGDAWeighting(epsilon=1e-6, max_iters=300), np.random.default_rng(tasks)
    rows = [rng.standard_normal((tasks, 8)) * rng.uniform(0.3, 3, (tasks, 1)) for _ in range(200)]
    found = run_stacked(MGDA(), [make_case(MGDA(), np.ones((1, tasks)), g, rng) for g in rows])[:, 0]
    close = 0
    for ours, gradients in zip(found.numpy(), rows, strict=True):
        theirs = oracle(torch.from_numpy(gradients @ gradients.T)).numpy()
        updates = [weights @ gradients for weights in (ours, theirs)]
        short = updates[1] @ updates[1] - updates[0] @ updates[0]
        assert short >= -1e-12
        apart = np.linalg.norm(updates[0] - updates[1])
        assert apart <= 1e-5 + max(short, 0) ** 0.5
        close += apart <= 1e-5
    assert close > 5
