"""Fixed weights."""

import pytest
import torch
from support.configs import run_config
from support.weighting import first_step, weights_of
from torchjd.aggregation import ConstantWeighting

from mtlrun.errors import ConfigError
from mtlrun.weighting.one_run import lane_fields
from mtlrun.weighting.static import MOST, Static


def test_weights_are_used_as_given():
    assert weights_of(Static([2.0, 0.5]), torch.eye(2)).tolist() == [2, 0.5]
    assert weights_of(Static(3.0), torch.eye(2)).tolist() == [3, 3]  # one number: the same for every task
    jacobian = torch.ones(2, 4)
    assert (
        weights_of(Static([2.0, 0.5]), torch.eye(2)).tolist()
        == ConstantWeighting(torch.tensor([2.0, 0.5]))(jacobian).tolist()
    )


def test_in_a_phase_of_one_task_its_own_weight_counts():
    assert lane_fields(Static([2.0, 0.5]), (1,))["weights"].tolist() == [0.5]
    assert lane_fields(Static(3.0), (1,))["weights"].tolist() == 3


def test_the_gradient_is_that_of_the_weighted_sum():
    configs = [
        run_config(weighting="static", weighting__weights=w) for w in ([1.0, 0.0], [0.0, 1.0], [2.0, 0.5])
    ]
    gradients, _, weights = first_step(configs)
    assert weights.tolist() == [[1, 0], [0, 1], [2, 0.5]]
    for first, second, both in gradients.values():
        torch.testing.assert_close(2 * first + 0.5 * second, both)


@pytest.mark.parametrize("weights", ([1.0, -0.1], [0.0, 0.0], -1.0, 0.0, []))
def test_faults(weights):
    assert [fault.key for fault in Static(weights).faults()] == ["weights"]
    assert not list(Static([0.0, 1.0]).faults())


def grid(points, tasks):
    return [variant.weights for variant in Static(grid=points).variants(tasks)]


def test_a_grid_of_two_tasks_is_the_front_from_one_alone_to_the_other_alone():
    assert grid(11, 2) == [[round(0.2 * k, 1), round(2 - 0.2 * k, 1)] for k in range(11)]
    assert grid(3, 2) == [[0, 2], [1, 1], [2, 0]]


def test_a_grid_of_more_tasks_is_the_lattice_of_the_simplex():
    # Three points on each edge: the corners and the middles of the edges, scaled to the sum 3.
    corners = [[3.0, 0, 0], [0, 3.0, 0], [0, 0, 3.0]]
    middles = [[1.5, 1.5, 0], [1.5, 0, 1.5], [0, 1.5, 1.5]]
    assert sorted(grid(3, 3)) == sorted(corners + middles)
    assert [1, 1, 1] in grid(4, 3)
    assert grid(7, 1) == [[1]]  # one task has nothing to weigh
    for points, tasks in ((11, 3), (6, 4), (4, 5)):
        found = grid(points, tasks)
        assert len({tuple(w) for w in found}) == len(found)
        assert all(min(w) >= 0 and sum(w) == pytest.approx(tasks, rel=1e-15 * tasks) for w in found)
        on_first_edge = [w for w in found if not any(w[2:])]
        assert len(on_first_edge) == points


def test_without_a_grid_weights_stand_for_themselves():
    option = Static([2.0, 0.5])
    assert option.variants(2) == [option]
    assert all(variant.grid is None for variant in Static(grid=3).variants(2))


def test_a_grid_of_too_many_points_is_refused_before_it_is_made():
    # Three tasks: 43 points on an edge are 44 * 43 / 2 = 946 in all, 44 are 990, 45 are 1035.
    assert len(grid(44, 3)) == 990 <= MOST
    with pytest.raises(ConfigError, match="at most 44 with 3 tasks, for no more than 1,000 cells, found 45"):
        grid(45, 3)
    with pytest.raises(ConfigError, match="at most 3 with 20 tasks"):
        grid(10**6, 20)
    assert len(grid(1000, 2)) == MOST
    with pytest.raises(ConfigError, match="at most 1000 with 2 tasks"):
        grid(1001, 2)


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"grid": 1}, "grid"),
        ({"grid": 3, "weights": [1.0, 1.0]}, "weights"),
        ({"grid": 3, "weights": 2.0}, "weights"),
    ],
)
def test_faults_of_a_grid(settings, key):
    assert [fault.key for fault in Static(**settings).faults()] == [key]
    assert not list(Static(grid=2).faults())
