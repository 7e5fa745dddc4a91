"""Fixed weights."""

import pytest
import torch
from support.configs import run_config
from support.weighting import first_step, weights_of
from torchjd.aggregation import ConstantWeighting

from mtlrun.training.cohort import lane_fields
from mtlrun.weighting.static import Static


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
