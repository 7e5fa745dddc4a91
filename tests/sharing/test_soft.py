"""Soft sharing: towers that a penalty holds together."""

import numpy as np
import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config
from support.networks import moved, network_of
from torch import nn

from mtlrun.sharing.soft import Soft

CPU = torch.device("cpu")


def trained(sharing, **choices):
    torch.set_num_threads(1)
    return (
        cohort_of([run_config(seed=s, sharing=sharing, **choices) for s in range(2)], CPU)
        .train()[0]
        .parameters
    )


def distance(parameters):
    towers = [
        np.concatenate([v.ravel() for n, v in parameters.items() if n.startswith(f"body.branches.{t}.")])
        for t in (0, 1)
    ]
    return np.linalg.norm(towers[0] - towers[1])


def test_the_penalty_by_hand():
    # Three towers with a weight of 1, 2, 4 and a bias of 0, 0, 3: pairs give 1 + 9 + 4 and 0 + 9 + 9, together 32.
    parameters = {}
    for task, (weight, bias) in enumerate(((1.0, 0.0), (2.0, 0.0), (4.0, 3.0))):
        parameters[f"body.branches.{task}.0.1.weight"] = torch.tensor([[weight]])
        parameters[f"body.branches.{task}.0.1.bias"] = torch.tensor([bias])
        parameters[f"heads.tasks.{task}.weight"] = torch.tensor([[float(task)]])
    assert Soft(0.5).penalty(parameters, {}) == 16


def test_its_names_are_those_of_a_network():
    network = moved(network_of(suite="digits_parity", sharing="soft"))
    first, second = (nn.utils.parameters_to_vector(b.parameters()) for b in network.body.branches)
    penalty = Soft(1.0).penalty(dict(network.named_parameters()), network.owners())
    torch.testing.assert_close(penalty, (first - second).square().sum())
    assert Soft(1.0).penalty({"heads.tasks.0.weight": torch.ones(2, 2)}, {}) == 0


@pytest.mark.parametrize("weighting", ("equal", "pcgrad"))
def test_without_a_coefficient_it_is_separate(weighting):
    soft = trained("soft", weighting=weighting, sharing__coefficient=0.0)
    for name, values in trained("separate", weighting=weighting).items():
        assert np.array_equal(soft[name], values), name


@pytest.mark.parametrize("weighting", ("equal", "pcgrad"))
def test_a_larger_coefficient_holds_towers_together(weighting):
    free, near, nearer = (
        distance(trained("soft", weighting=weighting, steps=40, optimizer="sgd", sharing__coefficient=c))
        for c in (0.0, 0.1, 1.0)
    )
    assert free > near > 2 * nearer > 0


def test_it_is_added_to_a_regularisation():
    # One step of plain gradient descent from moved towers; heads are linear and L2 acts on weights.
    choices = {"optimizer": "sgd", "steps": 1, "budget__evaluations": 1, "optimizer__lr": 0.1}
    cohort = cohort_of(
        [run_config(0, sharing="soft", sharing__coefficient=2.0, regularization="l2", **choices)], CPU
    )
    trainer = cohort.begin(cohort.phases[0])
    with torch.no_grad():
        cohort.parameters["body.branches.0.0.1.weight"] += 0.5
    batch = next(cohort.batches(cohort.phases[0], 0))
    with_both, _, _ = trainer.program.gradients(trainer.lanes, batch)
    plain = cohort_of([run_config(0, sharing="separate", **choices)], CPU)
    other = plain.begin(plain.phases[0])
    with torch.no_grad():
        plain.parameters["body.branches.0.0.1.weight"] += 0.5
    without, _, _ = other.program.gradients(other.lanes, batch)
    for task, sign in ((0, 1), (1, -1)):
        name = f"body.branches.{task}.0.1.weight"
        expected = without[name] + sign * 2 * 2.0 * 0.5 + 2 * 1e-3 * cohort.parameters[name]
        torch.testing.assert_close(with_both[name], expected.detach())


def test_its_settings_are_checked():
    assert [f.key for f in Soft(-1.0).faults()] == ["coefficient"]
    assert not list(Soft(0.0).faults())
