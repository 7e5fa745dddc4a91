"""Gradient surgery, against hand values, whole gradients and TorchJD."""

import numpy as np
import pytest
import torch
from support.weighting import make_case, run_stacked, weights_of
from torchjd.aggregation import PCGradWeighting

from mtlrun.weighting.pcgrad import PCGrad


def draws(*orders):
    """Numbers whose rows sort into the given orders."""
    return torch.from_numpy(np.argsort(orders, axis=1) / 10)


def test_two_tasks_in_conflict():
    # g1 = (1, 0), g2 = (-1, 1): g1.g2 = -1, |g1|^2 = 1, |g2|^2 = 2.
    # g1 - (-1/2) g2 = (1/2, 1/2); g2 - (-1/1) g1 = (0, 1); their sum is (1 + 1) g1 + (1/2 + 1) g2.
    assert weights_of(PCGrad(), [[1, -1], [-1, 2]]).tolist() == [2, 1.5]


def test_without_conflict_it_is_equal():
    assert weights_of(PCGrad(), [[1, 0.5], [0.5, 2]]).tolist() == [1, 1]
    assert weights_of(PCGrad(), [[1, 0], [0, 2]]).tolist() == [1, 1]
    positive = np.full((3, 3), 0.1) + np.eye(3)
    assert weights_of(PCGrad(), positive, draw=torch.rand(3, 3)).tolist() == [1, 1, 1]


def test_three_tasks_in_either_order():
    # g1 = (1, 0), g2 = (-1, 1), g3 = (-2, -1), squares 1, 2, 5. Combinations of (g1, g2, g3), lower task first:
    #   1: on 2: (1, 1/2, 0) = (1/2, 1/2), meets 3 with -3/2: (1, 1/2, 3/10)
    #   2: on 1: (1, 1, 0) = (0, 1), meets 3 with -1: (1, 1, 1/5)
    #   3: on 1: (2, 0, 1) = (0, -1), meets 2 with -1: (2, 1/2, 1)
    # higher task first:
    #   1: on 3: (1, 0, 2/5) = (1/5, -2/5), meets 2 with -3/5: (1, 3/10, 2/5)
    #   2: meets 3 with +1, stays; on 1: (1, 1, 0)
    #   3: meets 2 with +1, stays; on 1: (2, 0, 1)
    gradients = np.array([[1, 0], [-1, 1], [-2, -1]])
    gramian = gradients @ gradients.T
    rising, falling = draws(*[(0, 1, 2)] * 3), draws(*[(2, 1, 0)] * 3)
    assert weights_of(PCGrad(), gramian, draw=rising) == pytest.approx([4, 2, 1.5])
    assert weights_of(PCGrad(), gramian, draw=falling) == pytest.approx([4, 1.3, 1.4])


@pytest.mark.parametrize("tasks", (3, 5))
def test_projections_of_whole_gradients(tasks):
    rng = np.random.default_rng(0)
    for _ in range(50):
        gradients = rng.standard_normal((tasks, 4))
        orders = [rng.permutation(tasks) for _ in range(tasks)]
        total = np.zeros(4)
        for task, order in enumerate(orders):  # algorithm 1 of Yu et al.
            projected = gradients[task].copy()
            for other in order:
                dot = projected @ gradients[other]
                if other != task and dot < 0:
                    projected -= dot / (gradients[other] @ gradients[other]) * gradients[other]
            total += projected
        weights = weights_of(PCGrad(), gradients @ gradients.T, draw=draws(*orders))
        assert weights @ gradients == pytest.approx(total)


def random_pairs(count):
    rng = np.random.default_rng(1)
    return [rng.standard_normal((2, 5)) * 10.0 ** rng.uniform(-3, 3, (2, 1)) for _ in range(count)]


def test_two_tasks_agree_with_torchjd():
    oracle, rng = PCGradWeighting(), np.random.default_rng(2)
    pairs = random_pairs(200)
    weights = run_stacked(PCGrad(), [make_case(PCGrad(), np.ones((1, 2)), g, rng) for g in pairs])[:, 0]
    conflicts = 0
    for ours, gradients in zip(weights, pairs, strict=True):
        gramian = torch.from_numpy(gradients @ gradients.T)
        torch.testing.assert_close(ours, oracle(gramian), rtol=1e-5, atol=1e-5)
        # In either order of the tasks, and without conflict with either.
        torch.testing.assert_close(ours.flip(0), oracle(gramian.flip(0, 1)), rtol=1e-5, atol=1e-5)
        slopes = gramian @ ours
        assert (slopes >= -1e-12 * gramian.diagonal()).all()
        conflicts += int(gramian[0, 1] < 0)
    assert 50 < conflicts < 150


@pytest.mark.parametrize("tasks", (3, 5))
def test_more_tasks_agree_with_torchjd_in_its_order(tasks, monkeypatch):
    oracle, rng, conflicts = PCGradWeighting(), np.random.default_rng(tasks), 0
    for _ in range(200):
        gradients = rng.standard_normal((tasks, 5)) * 10.0 ** rng.uniform(-3, 3, (tasks, 1))
        gramian = torch.from_numpy(gradients @ gradients.T)
        orders = [rng.permutation(tasks) for _ in range(tasks)]
        given = map(torch.from_numpy, orders)
        monkeypatch.setattr(torch, "randperm", lambda _, given=given: next(given))
        expected = oracle(gramian)
        found = torch.from_numpy(weights_of(PCGrad(), gramian, draw=draws(*orders)))
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
        conflicts += int((expected != 1).any())
    assert conflicts > 100


def test_a_zero_gradient_conflicts_with_nothing():
    assert weights_of(PCGrad(), [[0, 0], [0, 2]]).tolist() == [1, 1]


def test_one_task_alone_keeps_its_gradient():
    assert weights_of(PCGrad(), [[4.0]]).tolist() == [1]


def test_orders_are_drawn_for_three_tasks_or_more():
    assert PCGrad().random_shape(1) == PCGrad().random_shape(2) == ()
    assert PCGrad().random_shape(3) == (3, 3)
