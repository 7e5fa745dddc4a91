"""Agreement of gradients: hand values with and without a primary task, moving averages, a slow reference."""

import numpy as np
import pytest
import torch
from support.configs import run_config
from support.weighting import first_step, weights_of

from mtlrun.weighting.base import Facts, Signals
from mtlrun.weighting.relatedness import Relatedness

# g1 = (1, 0), g2 = (0, 2), g3 = (3, 3): cosines g1g2 0, g1g3 and g2g3 sqrt(1/2)
GRADIENTS = np.array([[1, 0], [0, 2], [3, 3]])


def weights_by_step(method, steps, goal=()):
    """Weights of every step, given the gradients (T, P) of each."""
    tasks, found = len(steps[0]), []
    state = {k: v.double() for k, v in method.init_state(Facts(tasks, goal=goal)).items()}
    for gradients in steps:
        rows = torch.as_tensor(gradients).double()
        signals = Signals(rows.new_ones(tasks), rows @ rows.mT, None, {}, torch.tensor(False))
        weights, state = method.weigh(signals, state)
        found.append(weights.numpy())
    return np.array(found)


def reference(steps, goal, momentum):
    """The weights of the last step, from all steps at once."""
    tasks = len(steps[0])
    some = 0 < sum(goal) < tasks
    means = []
    for task in range(tasks):
        others = [s for s in range(tasks) if s != task and (goal[s] == 1 or not some)]
        cosines = [
            np.mean([g[task] @ g[s] / np.linalg.norm(g[task]) / np.linalg.norm(g[s]) for s in others] or [0])
            for g in steps
        ]
        means.append(np.average(cosines, weights=momentum ** np.arange(len(steps))[::-1]))
    clipped = np.maximum(means, 0)
    if some:
        return np.where(goal, 1, clipped)
    return tasks * clipped / clipped.sum() if clipped.sum() > 0 else np.ones(tasks)


def test_without_a_primary_task():
    # mean cosines with the two others: h/2, h/2, h (h = sqrt(1/2)), so 3 * (1/4, 1/4, 1/2)
    for goal in ((), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)):  # a phase may train helpers alone
        weights = weights_by_step(Relatedness(), [GRADIENTS], goal)[0]
        assert weights == pytest.approx([0.75, 0.75, 1.5])


def test_with_a_primary_task():
    weights = weights_by_step(Relatedness(), [GRADIENTS], (0.0, 0.0, 1.0))[0]
    assert weights == pytest.approx([np.sqrt(0.5), np.sqrt(0.5), 1])
    assert weights_by_step(Relatedness(), [GRADIENTS], (1.0, 0.0, 0.0))[0] == pytest.approx(
        [1, 0, np.sqrt(0.5)]
    )
    # two tasks count: the helper's mean cosine with both
    weights = weights_by_step(Relatedness(), [GRADIENTS], (1.0, 0.0, 1.0))[0]
    assert weights == pytest.approx([1, np.sqrt(0.5) / 2, 1])


def test_a_helper_in_conflict_is_left_out():
    assert weights_by_step(Relatedness(), [[[1, 0], [-1, 5]]], (1.0, 0.0))[0].tolist() == [1, 0]


def test_where_no_task_agrees_with_the_others_all_weigh_1():
    assert weights_of(Relatedness(), [[1, -1], [-1, 2]]).tolist() == [1, 1]
    assert weights_of(Relatedness(), np.zeros((3, 3))).tolist() == [1, 1, 1]
    assert weights_of(Relatedness(), [[4, 1], [1, 2]]) == pytest.approx([1, 1])  # two tasks agree alike


def test_the_moving_average():
    # cosines 1, then 0: (m * 1 + 0) / (m + 1) = 1/3 at m = 1/2
    steps = [[[1, 0], [3, 0]], [[1, 0], [0, 2]]]
    assert weights_by_step(Relatedness(momentum=0.5), steps, (1.0, 0.0))[1] == pytest.approx([1, 1 / 3])
    assert weights_by_step(Relatedness(momentum=0.0), steps, (1.0, 0.0))[1] == pytest.approx([1, 0])


@pytest.mark.parametrize("tasks", (2, 3, 5))
def test_agrees_with_the_slow_reference(tasks):
    rng = np.random.default_rng(tasks)
    for _ in range(70):
        scales = 10.0 ** rng.uniform(-6, 6, (4, tasks, 1))
        steps = (rng.standard_normal((4, tasks, 6)) + rng.standard_normal(6) / 2) * scales
        goal = tuple(float(g) for g in rng.integers(0, 2, tasks))
        found = weights_by_step(Relatedness(momentum=0.7), list(steps), goal)[-1]
        assert found == pytest.approx(reference(list(steps), np.array(goal), 0.7), abs=1e-9)


@pytest.mark.parametrize("on", ("parameters", "representation"))
def test_the_engine_tells_of_the_primary_task(on):
    choices = {"weighting": "relatedness", "weighting__gradients_at": on}
    weights = first_step([run_config(s, suite__primary="parity", **choices) for s in range(3)])[2]
    assert (weights[:, 1] == 1).all()
    assert (weights[:, 0] >= 0).all() and (weights[:, 0] < 1).all() and weights[:, 0].std() > 0
    torch.testing.assert_close(first_step([run_config(0, **choices)])[2], torch.ones(1, 2).double())


def test_faults():
    assert [fault.key for fault in Relatedness(momentum=1.0).faults()] == ["momentum"]
    assert not list(Relatedness(momentum=0.0).faults())
