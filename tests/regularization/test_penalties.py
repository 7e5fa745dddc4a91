"""L1 and L2 by hand: which parameters, which values, and what reaches the gradients."""

import numpy as np
import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config
from support.weighting import first_step

from mtlrun.regularization.l1 import L1
from mtlrun.regularization.l2 import L2
from mtlrun.regularization.none import NoRegularization

PARAMETERS = {
    "trunk.weight": torch.tensor([[1.0, -2.0]]),
    "trunk.bias": torch.tensor([100.0]),
    "head.weight": torch.tensor([[3.0], [-0.5]]),
    "head.bias": torch.tensor([100.0, 100.0]),
}
OWNERS = {"trunk.weight": None, "trunk.bias": None, "head.weight": 1, "head.bias": 1}

# sum |w|: shared 1 + 2, private 3 + 0.5; sum w^2: shared 1 + 4, private 9 + 0.25. Biases do not count.
SUMS = {
    (L1, "shared"): 3,
    (L1, "private"): 3.5,
    (L1, "all"): 6.5,
    (L2, "shared"): 5,
    (L2, "private"): 9.25,
    (L2, "all"): 14.25,
}


@pytest.mark.parametrize(("penalty", "on"), SUMS)
def test_pinned_values(penalty, on):
    assert penalty(2.0, on).penalty(PARAMETERS, OWNERS).item() == 2 * SUMS[penalty, on]
    assert penalty(0.0, on).penalty(PARAMETERS, OWNERS).item() == 0


@pytest.mark.parametrize("penalty", (L1, L2))
def test_where_nothing_is_chosen_the_penalty_is_0(penalty):
    assert penalty(2.0, "shared").penalty(PARAMETERS, dict.fromkeys(OWNERS, 0)).item() == 0
    assert NoRegularization().penalty(PARAMETERS, OWNERS).item() == 0


def chosen(name, on):
    shared = name.startswith("body.trunk")
    return name.endswith("weight") and on in ("all", "shared" if shared else "private")


@pytest.mark.parametrize("weighting", ("equal", "pcgrad"))
@pytest.mark.parametrize("on", ("all", "shared", "private"))
@pytest.mark.parametrize("kind", ("l1", "l2"))
def test_the_gradient_of_the_penalty_is_added_whatever_the_weighting(kind, on, weighting):
    # Two lanes of different coefficients, whose gradients differ from those without penalty by c sign(w) or 2 c w.
    coefficients = (0.5, 2.0)
    plain = [run_config(seed=s, weighting=weighting) for s in (0, 1)]
    settings = {"regularization": kind, "regularization__on": on, "weighting": weighting}
    penalised = [
        run_config(seed=s, regularization__coefficient=c, **settings)
        for s, c in zip((0, 1), coefficients, strict=True)
    ]
    without, losses, weights = first_step(plain)
    found, same_losses, same_weights = first_step(penalised)
    assert torch.equal(losses, same_losses)
    assert torch.equal(weights, same_weights)
    initial = initial_parameters(penalised)
    for name, gradient in found.items():
        for lane, c in enumerate(coefficients):
            w = initial[name][lane]
            extra = c * (torch.sign(w) if kind == "l1" else 2 * w)
            expected = without[name][lane] + (extra if chosen(name, on) else 0)
            torch.testing.assert_close(gradient[lane], expected)


def initial_parameters(configs):
    return {n: p.detach() for n, p in cohort_of(configs, torch.device("cpu")).parameters.items()}


def test_a_strong_l1_makes_weights_small():
    torch.set_num_threads(1)
    settings = {"regularization": "l1", "optimizer": "sgd", "optimizer__momentum": 0.0, "steps": 30}
    configs = [run_config(regularization__coefficient=c, **settings) for c in (0.0, 1e-2)]
    free, held = (r.parameters for r in cohort_of(configs, torch.device("cpu")).train())
    total = [sum(np.abs(p[n]).sum() for n in p if n.endswith("weight")) for p in (free, held)]
    assert total[1] < 0.9 * total[0]


def test_faults():
    for penalty in (L1, L2):
        assert [f.key for f in penalty(coefficient=-1.0).faults()] == ["coefficient"]
        assert not list(penalty(coefficient=0.0).faults())
