"""Gradient Vaccine, against hand values, TorchJD, and whole gradients in a drawn order."""

import math

import numpy as np
import pytest
import torch
from support.weighting import weights_of
from torchjd.aggregation import GradVacWeighting

from mtlrun.weighting.base import Facts, Signals
from mtlrun.weighting.gradvac import GradVac

NOT_NEW = torch.tensor(False)


def draws(orders):
    """Numbers whose rows sort into the given orders."""
    return torch.from_numpy(np.argsort(orders, axis=1) / 10)


def signals(gradients, draw=None):
    rows = torch.as_tensor(gradients, dtype=torch.float64)
    return Signals(torch.ones(len(rows)), rows @ rows.T, draw, {}, NOT_NEW)


def test_two_tasks_in_conflict_twice():
    # g1 = (1, 0), g2 = (-1, 1), cosine -1/sqrt 2. Targets start at 0, so step one projects as PCGrad does:
    # (1, 1) + (1/2, 1) in weights. With beta = 1 the targets are now -1/sqrt 2: step two changes nothing.
    method = GradVac(beta=1.0)
    state = method.init_state(Facts(2))
    first, state = method.weigh(signals([[1.0, 0], [-1, 1]]), state)
    assert first.tolist() == pytest.approx([2, 1.5])
    assert state["targets"].flatten().tolist() == pytest.approx([0, -(0.5**0.5), -(0.5**0.5), 0])
    second, _ = method.weigh(signals([[1.0, 0], [-1, 1]]), state)
    assert second.tolist() == pytest.approx([1, 1])


def test_a_pair_that_used_to_agree_is_turned_to_its_target():
    # Orthogonal unit gradients, target 3/5 for both: each gains (3/5) / (4/5) = 3/4 of the other.
    targets = torch.full((2, 2), 0.6, dtype=torch.float64)
    weights, state = GradVac(beta=0.5).weigh(signals(np.eye(2)), {"targets": targets})
    assert weights.tolist() == pytest.approx([1.75, 1.75])
    turned = np.array([1, 0.75])
    assert turned[0] * 0.75 / math.hypot(*turned) / 0.75 == pytest.approx(0.8)  # sine of the new angle
    assert state["targets"][0, 1].item() == pytest.approx(0.3)


def test_without_conflict_it_is_equal():
    assert weights_of(GradVac(), [[1, 0.5], [0.5, 2]]).tolist() == [1, 1]


@pytest.mark.parametrize("beta", (0.01, 0.5))
def test_two_tasks_agree_with_torchjd_over_steps(beta):
    oracle, method, rng = GradVacWeighting(beta=beta), GradVac(beta=beta), np.random.default_rng(0)
    state, changed = {"targets": torch.zeros(2, 2, dtype=torch.float64)}, 0
    for _ in range(200):
        shared = rng.standard_normal(5)  # agreement makes targets rise above 0
        gradients = (shared + rng.standard_normal((2, 5))) * 10.0 ** rng.uniform(-2, 2, (2, 1))
        weights, state = method.weigh(signals(gradients), state)
        expected = oracle(torch.from_numpy(gradients @ gradients.T))
        torch.testing.assert_close(weights, expected, rtol=1e-5, atol=1e-5)
        changed += int((weights != 1).any())
    assert 50 < changed < 200
    assert state["targets"][0, 1] > 0.1


@pytest.mark.parametrize("tasks", (3, 5))
def test_more_tasks_agree_with_torchjd_in_its_order(tasks, monkeypatch):
    oracle, method, rng = GradVacWeighting(beta=0.3), GradVac(beta=0.3), np.random.default_rng(tasks)
    state, changed = {"targets": torch.zeros(tasks, tasks, dtype=torch.float64)}, 0
    for _ in range(200):
        gradients = (rng.standard_normal(6) + rng.standard_normal((tasks, 6))) * rng.uniform(
            0.1, 10, (tasks, 1)
        )
        orders = [
            rng.permutation([other for other in range(tasks) if other != task]) for task in range(tasks)
        ]
        # TorchJD draws an order of the places of the others.
        places = iter([torch.from_numpy(order - (order > task)) for task, order in enumerate(orders)])
        monkeypatch.setattr(torch, "randperm", lambda *_, places=places, **__: next(places))
        expected = oracle(torch.from_numpy(gradients @ gradients.T))
        own = [[*order, task] for task, order in enumerate(orders)]
        weights, state = method.weigh(signals(gradients, draws(own)), state)
        torch.testing.assert_close(weights, expected, rtol=1e-5, atol=1e-5)
        changed += int((weights != 1).any())
    assert changed > 100
    assert state["targets"].max() > 0.1


@pytest.mark.parametrize("tasks", (3, 5))
def test_whole_gradients_in_a_drawn_order(tasks):
    rng, method = np.random.default_rng(tasks), GradVac(beta=0.3)
    state, targets = {"targets": torch.zeros(tasks, tasks, dtype=torch.float64)}, np.zeros((tasks, tasks))
    for _ in range(50):
        gradients = rng.standard_normal((tasks, 6)) * rng.uniform(0.1, 10, (tasks, 1)) + 0.3
        orders = [rng.permutation(tasks) for _ in range(tasks)]
        total = np.zeros(6)
        for task, order in enumerate(orders):  # algorithm 1 of Wang et al.
            turned = gradients[task].copy()
            for other in (o for o in order if o != task):
                length, base = np.linalg.norm(turned), np.linalg.norm(gradients[other])
                cosine, target = turned @ gradients[other] / length / base, targets[task, other]
                if cosine < target:
                    away, there = math.sqrt(1 - cosine**2), math.sqrt(1 - target**2)
                    factor = length * (target * away - cosine * there) / (base * there)
                    turned += factor * gradients[other]
                targets[task, other] = 0.7 * target + 0.3 * cosine
            total += turned
        weights, state = method.weigh(signals(gradients, draws(orders)), state)
        assert weights.numpy() @ gradients == pytest.approx(total)
        assert state["targets"].numpy() == pytest.approx(targets)


def test_a_zero_gradient_conflicts_with_nothing():
    targets = torch.full((2, 2), 0.6, dtype=torch.float64)
    weights, state = GradVac().weigh(signals([[0.0, 0], [1, 1]]), {"targets": targets})
    assert weights.tolist() == [1, 1]
    assert state["targets"].tolist() == targets.tolist()


def test_one_task_alone_keeps_its_gradient():
    assert weights_of(GradVac(), [[4.0]]).tolist() == [1]


def test_orders_are_drawn_for_three_tasks_or_more():
    assert GradVac().random_shape(1) == GradVac().random_shape(2) == ()
    assert GradVac().random_shape(3) == (3, 3)


@pytest.mark.parametrize("beta", (-0.1, 1.5))
def test_faults(beta):
    assert [fault.key for fault in GradVac(beta).faults()] == ["beta"]
