"""DB-MTL against a hand value and the algorithm in numpy."""

import numpy as np
import pytest
from support.weighting import aggregate_steps

from mtlrun.weighting.db_mtl import DBMTL


def test_the_first_step():
    # log-loss gradients (4, 0) / 2 = (2, 0) and (0, 3) / 1 = (0, 3); m is half of them with beta 1/2: lengths 1
    # and 3/2. Both get length 3/2: update (3/2, 3/2), weights (3/2, 1).
    ((update, weights),) = aggregate_steps(DBMTL(0.5), [np.diag([4.0, 3.0])], [[2, 1]])
    assert update == pytest.approx([1.5, 1.5])
    assert weights == pytest.approx([1.5, 1])


@pytest.mark.parametrize("tasks", (2, 3, 5))
def test_steps_of_the_algorithm(tasks):
    rng = np.random.default_rng(tasks)
    jacobians, losses = rng.standard_normal((30, tasks, 6)), rng.uniform(0.1, 3, (30, tasks))
    mean = np.zeros((tasks, 6))
    for k, (update, weights) in enumerate(aggregate_steps(DBMTL(0.8, 0.3), jacobians, losses), 1):
        beta = 0.8 / k**0.3
        mean = beta * mean + (1 - beta) * jacobians[k - 1] / (losses[k - 1][:, None] + 1e-8)
        lengths = np.linalg.norm(mean, axis=1)
        assert weights == pytest.approx(lengths.max() / lengths)
        assert update == pytest.approx((mean / lengths[:, None] * lengths.max()).sum(0))


def test_a_loss_in_other_units_changes_nothing():
    rng = np.random.default_rng(0)
    jacobians, losses = rng.standard_normal((5, 2, 6)), rng.uniform(0.1, 3, (5, 2))
    unit = np.array([1000.0, 1.0])
    plain, other = (
        aggregate_steps(DBMTL(), jacobians, losses),
        aggregate_steps(DBMTL(), jacobians * unit[:, None], losses * unit),
    )
    assert plain[-1][0] == pytest.approx(other[-1][0], rel=1e-6)


def test_zero_gradients_and_losses_are_finite():
    update, weights = aggregate_steps(DBMTL(), [np.array([[0.0, 0], [0, 2]])], [[0, 0]])[0]
    assert np.isfinite(update).all()
    assert weights.tolist() == [1, 1]


def test_faults():
    assert [f.key for f in DBMTL(1.0, -1.0).faults()] == ["beta", "decay"]
    assert not list(DBMTL().faults())
