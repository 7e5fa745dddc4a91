"""Elastic net and trace norm by hand."""

import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config
from support.weighting import first_step

from mtlrun.catalog import load_option, options
from mtlrun.regularization.elastic_net import ElasticNet
from mtlrun.regularization.trace_norm import TraceNorm

PENALTIES = [name for name in options("regularization") if "on" in load_option("regularization", name)]


def test_elastic_net():
    # sum |w| = 3.5, sum w^2 = 9.25; biases do not count. 2 (0.25 * 3.5 + 0.75 / 2 * 9.25) = 8.6875
    parameters = {"w": torch.tensor([[3.0], [-0.5]]), "b": torch.tensor([100.0])}
    assert ElasticNet(2.0, "all", 0.25).penalty(parameters, {"w": None, "b": None}).item() == 8.6875
    assert [f.key for f in ElasticNet(-1.0, "all", 2.0).faults()] == ["coefficient", "l1_ratio"]


@pytest.mark.parametrize(("on", "value"), [("all", 8.6875), ("shared", 8.25), ("private", 0.4375)])
def test_elastic_net_on_chosen_parameters(on, value):
    # The shared weight 3: 2 (0.25 * 3 + 0.75 / 2 * 9) = 8.25; the task's own 0.5: 2 (0.125 + 0.09375) = 0.4375.
    parameters = {"w": torch.tensor([[3.0]]), "v": torch.tensor([[-0.5]]), "b": torch.tensor([100.0])}
    owners = {"w": None, "v": 1, "b": None}
    assert ElasticNet(2.0, on, 0.25).penalty(parameters, owners).item() == value


def test_trace_norm():
    # Rows (3, 0) and (0, 4): singular values 3 and 4. Rows (3, 4) twice: one singular value, 5 sqrt 2.
    names = ("body.branches.0.1.weight", "body.branches.1.1.weight")
    owners = {names[0]: 0, names[1]: 1, "body.branches.0.1.bias": 0, "body.branches.1.1.bias": 1}
    biases = {n: torch.ones(2).double() for n in owners if n.endswith("bias")}
    apart = {n: torch.tensor([row]).double() for n, row in zip(names, ([3.0, 0.0], [0.0, 4.0]), strict=True)}
    same = {n: torch.tensor([[3.0, 4.0]]).double() for n in names}
    assert TraceNorm(2.0).penalty(apart | biases, owners).item() == pytest.approx(14)
    assert TraceNorm(2.0).penalty(same | biases, owners).item() == pytest.approx(2 * 50**0.5, rel=1e-5)
    other = {names[0]: torch.ones(1, 2), names[1]: torch.ones(1, 3)}
    assert TraceNorm().penalty(other, owners).item() == 0
    assert TraceNorm().penalty({"w": torch.ones(2, 2)}, {"w": None}).item() == 0


def test_equal_towers_have_a_finite_gradient():
    torch.set_num_threads(1)
    runs = [run_config(s, 20, sharing="separate", regularization="trace_norm") for s in range(2)]
    results = cohort_of(runs, torch.device("cpu")).train()  # the towers of a run begin with equal weights
    assert all(r.diverged_at is None for r in results)


def test_weights_of_tasks_are_paired_whatever_their_modules_are_called():
    # Experts 1 and 2 of two tasks, of two layers each: layers (3, 0) and (0, 4), then (5) and (5), so 7 + 5 sqrt 2.
    # The second task alone has a connection, and a head of another shape: both are left out.
    values = {
        "body.experts.1.0.weight": (0, [[3.0, 0.0]]),
        "body.experts.1.1.weight": (0, [[5.0]]),
        "body.experts.2.0.weight": (1, [[0.0, 4.0]]),
        "body.experts.2.1.weight": (1, [[5.0]]),
        "body.connections.0.weight": (1, [[100.0]]),
        "heads.tasks.0.weight": (0, [[100.0, 0.0]]),
        "heads.tasks.1.weight": (1, [[100.0]]),
    }
    parameters = {n: torch.tensor(v).double() for n, (_, v) in values.items()}
    found = TraceNorm(1.0).penalty(parameters, {n: owner for n, (owner, _) in values.items()})
    assert found.item() == pytest.approx(7 + 5 * 2**0.5, rel=1e-5)


@pytest.mark.parametrize(("on", "value"), [("private", 7), ("shared", 9), ("all", 16)])
def test_trace_norm_on_chosen_parameters(on, value):
    # Towers (3, 0) and (0, 4): 3 + 4. The shared weight with rows (0, 2, 0), (0, 0, 0), (2, 0, 0): 2 + 2; a kernel
    # of images is a row for each output channel, here (3, 4, 0, 0): 5. Biases do not count.
    parameters = {
        "body.branches.0.weight": torch.tensor([[3.0, 0.0]]).double(),
        "body.branches.1.weight": torch.tensor([[0.0, 4.0]]).double(),
        "body.trunk.weight": torch.tensor([[0.0, 2, 0], [0, 0, 0], [2, 0, 0]]).double(),
        "body.trunk.kernel": torch.tensor([3.0, 4, 0, 0]).double().view(1, 1, 2, 2),
        "body.trunk.bias": torch.ones(3).double(),
    }
    owners = {n: int(n[14]) if "branches" in n else None for n in parameters}
    found = TraceNorm(1.0, on=on).penalty(parameters, owners).item()
    assert found == pytest.approx(value, abs=1e-5)  # the floor below the square root of the eigenvalue 0


@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize("on", ("all", "shared", "private"))
def test_every_penalty_reaches_the_chosen_parameters_and_no_others(name, on):
    # Without a loss, that is: what the penalty adds to the first gradient. Towers of the same shapes.
    choices = {"suite": "digits_permuted", "sharing": "branched"}
    without, _, _ = first_step([run_config(**choices)])
    settings = {"regularization": name, "regularization__coefficient": 1.0, "regularization__on": on}
    found, _, _ = first_step([run_config(**choices, **settings)])
    for parameter, gradient in found.items():
        shared = parameter.startswith("body.trunk")
        chosen = parameter.endswith("weight") and on in ("all", "shared" if shared else "private")
        assert torch.equal(gradient, without[parameter]) != chosen, parameter
