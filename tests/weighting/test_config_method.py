"""ConFIG: hand values, equal cosines, TorchJD."""

import numpy as np
import pytest
import torch
from support.weighting import make_case, run_stacked, weights_of
from torchjd.aggregation import ConFIG as Oracle

from mtlrun.weighting.config import ConFIG


def random_cases(tasks):
    rng = np.random.default_rng(tasks)
    rows = [rng.standard_normal((tasks, 8)) * rng.uniform(0.1, 10, (tasks, 1)) for _ in range(200)]
    return [make_case(ConFIG(), np.ones((1, tasks)), g, rng) for g in rows]


def test_two_tasks():
    # g1 = (2, 0), g2 = (0, 1): along the bisector b = (1, 1) / sqrt 2 the gradients sum to 3 / sqrt 2, so the
    # update is (3/2, 3/2) = 3/4 g1 + 3/2 g2.
    assert weights_of(ConFIG(), [[4, 0], [0, 1]]) == pytest.approx([0.75, 1.5])


def test_three_orthogonal_gradients():
    # lengths 1, 2, 2: b = (1, 1, 1) / sqrt 3, sum along it 5 / sqrt 3, update (5/3, 5/3, 5/3)
    assert weights_of(ConFIG(), np.diag([1, 4, 4])) == pytest.approx([5 / 3, 5 / 6, 5 / 6])


def test_gradients_of_zero_are_left_out():
    assert weights_of(ConFIG(), [[0, 0], [0, 4]]).tolist() == [0, 1]
    assert weights_of(ConFIG(), np.diag([0, 1, 4])) == pytest.approx([0, 3 / 2, 3 / 4])


@pytest.mark.parametrize("tasks", (2, 3, 4))
def test_opposed_gradients_give_no_update(tasks):
    gradients = np.where(np.arange(tasks) % 2, -1.0, 2.0)[:, None] * np.array([[0.6, 0.8]])
    if tasks == 3:
        gradients = np.array([[1, 0], [-0.5, 0.75**0.5], [-0.5, -(0.75**0.5)]])  # of mean 0
    assert weights_of(ConFIG(), gradients @ gradients.T) @ gradients == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("tasks", (2, 3, 5))
def test_every_task_has_the_same_positive_cosine(tasks):
    cases = random_cases(tasks)
    for weights, case in zip(run_stacked(ConFIG(), cases)[:, 0], cases, strict=True):
        cosines = torch.nn.functional.cosine_similarity(weights @ case.jacobian, case.jacobian)
        torch.testing.assert_close(cosines, cosines.mean().expand(tasks))
        assert cosines[0] > 0


@pytest.mark.parametrize("tasks", (2, 3, 5))
def test_updates_agree_with_torchjd(tasks):
    cases, oracle = random_cases(tasks), Oracle()
    for weights, case in zip(run_stacked(ConFIG(), cases)[:, 0], cases, strict=True):
        torch.testing.assert_close(weights @ case.jacobian, oracle(case.jacobian), rtol=1e-5, atol=1e-5)
