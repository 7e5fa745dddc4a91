"""Elastic net and trace norm by hand."""

import pytest
import torch
from support.configs import run_config

from mtlrun.regularization.elastic_net import ElasticNet
from mtlrun.regularization.trace_norm import TraceNorm
from mtlrun.training.cohort import Cohort


def test_elastic_net():
    # sum |w| = 3.5, sum w^2 = 9.25; biases do not count. 2 (0.25 * 3.5 + 0.75 / 2 * 9.25) = 8.6875
    parameters = {"w": torch.tensor([[3.0], [-0.5]]), "b": torch.tensor([100.0])}
    assert ElasticNet(2.0, "all", 0.25).penalty(parameters, {"w": None, "b": None}).item() == 8.6875
    assert [f.key for f in ElasticNet(-1.0, "all", 2.0).faults()] == ["coefficient", "l1_ratio"]


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
    results = Cohort(runs, torch.device("cpu")).train()  # the towers of a run begin with equal weights
    assert all(r.diverged_at is None for r in results)


@pytest.mark.parametrize("name", ("elastic_net", "trace_norm"))
@pytest.mark.parametrize("sharing", ("hard", "branched", "separate"))
def test_alone_and_among_others(name, sharing):
    torch.set_num_threads(1)
    runs = [run_config(s, 20, regularization=name, sharing=sharing) for s in range(3)]
    (alone,) = Cohort(runs[1:2], torch.device("cpu")).train()
    among = Cohort(runs, torch.device("cpu")).train()[1]
    for key, value in alone.parameters.items():
        torch.testing.assert_close(
            torch.from_numpy(among.parameters[key]), torch.from_numpy(value), rtol=1e-10, atol=1e-12
        )
