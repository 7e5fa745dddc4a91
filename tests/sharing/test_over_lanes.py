"""Every sharing scheme over lanes: its own code fits stacked inputs, and a lane does not see its neighbours.

New schemes join by themselves.
"""

import numpy as np
import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config
from support.networks import drawn, in_training, inputs_of, moved, network_of
from torch.func import functional_call

from mtlrun.catalog import options
from mtlrun.training.vectorize.lane_backends import forward_of_lanes
from mtlrun.training.vectorize.stacked import Stacked

CPU = torch.device("cpu")
CASES = [("digits_parity", "mlp"), ("digits_permuted", "mlp"), ("digits_parity", "convnet")]
every_scheme = pytest.mark.parametrize("sharing", options("sharing"))


@every_scheme
@pytest.mark.parametrize(("suite", "model"), CASES)
def test_stacked_equals_plain_lane_by_lane(sharing, suite, model):
    torch.set_num_threads(1)
    networks = [moved(network_of(seed, suite, sharing=sharing, model=model)) for seed in range(3)]
    named = [dict(network.named_parameters()) for network in networks]
    stacked = {n: torch.stack([p[n].detach() for p in named]).requires_grad_() for n in named[0]}
    forward = forward_of_lanes(networks[0], stacked)
    assert isinstance(forward, Stacked)
    generator = torch.Generator().manual_seed(1)
    sources = 2 if suite == "digits_permuted" else 1
    inputs = [torch.randn(3, 5, 1, 8, 8, generator=generator, dtype=torch.float64) for _ in range(sources)]
    draws = drawn(networks[0], 3)
    outputs = forward(inputs, draws)
    found = torch.autograd.grad(sum(o.square().sum() for o in outputs), list(forward.leaves.values()))
    for lane, network in enumerate(networks):
        plain = functional_call(in_training(network, draws, lane), named[lane], ([x[lane] for x in inputs],))
        for ours, theirs in zip(outputs, plain, strict=True):
            torch.testing.assert_close(ours[lane], theirs, rtol=1e-11, atol=1e-12)
        loss = sum(o.square().sum() for o in plain)
        for gradient, expected in zip(
            found, torch.autograd.grad(loss, list(named[lane].values())), strict=True
        ):
            torch.testing.assert_close(gradient[lane], expected, rtol=1e-9, atol=1e-10)


@pytest.mark.sample(3)
@every_scheme
@pytest.mark.parametrize("weighting", ("equal", "pcgrad"))
def test_alone_among_others(sharing, weighting):
    torch.set_num_threads(1)
    configs = [
        run_config(seed, sharing=sharing, weighting=weighting, optimizer__lr=10 ** (-3 + seed / 8))
        for seed in range(8)
    ]
    (alone,) = cohort_of(configs[5:6], CPU).train()
    among = cohort_of(configs, CPU).train()[5]
    for name, values in alone.parameters.items():
        norm = max(np.linalg.norm(values), 1e-30)
        assert np.linalg.norm(values - among.parameters[name]) < 1e-10 * norm, name


@every_scheme
def test_a_representation_has_all_that_is_shared_below_it(sharing):
    network, inputs = (
        in_training(moved(network_of(sharing=sharing))),
        [x.requires_grad_() for x in inputs_of()],
    )
    if not network.body.splits:
        with pytest.raises(NotImplementedError):
            network.represent(inputs)
        return
    for ours, theirs in zip(network.finish(network.represent(inputs)), network(inputs), strict=True):
        assert torch.equal(ours, theirs)
    below = sum(z.square().sum() for z in network.represent(inputs))
    found = torch.autograd.grad(below, list(network.parameters()), allow_unused=True)
    for (name, owner), gradient in zip(network.owners().items(), found, strict=True):
        assert (gradient is not None) == (owner is None), name


@every_scheme
@pytest.mark.parametrize("heads", ("linear", "shared"))
def test_one_task_owns_or_shares_everything_and_trains(sharing, heads):
    config = run_config(suite__tasks=["digit"], sharing=sharing, heads=heads, steps=4)
    cohort = cohort_of([config, config | {"seed": 1}], CPU)
    before = {n: p.detach().clone() for n, p in cohort.parameters.items()}
    results = cohort.train()
    assert all(result.diverged_at is None for result in results)
    assert any(not torch.equal(before[n], p) for n, p in cohort.parameters.items())


@pytest.mark.parametrize("sharing", ("hard", "branched", "cross_stitch", "ltb", "mtan"))
def test_gradients_of_the_representation_alone_among_others(sharing):
    torch.set_num_threads(1)
    choices = {
        "sharing": sharing,
        "weighting": "pcgrad",
        "weighting__gradients_at": "representation",
        "steps": 5,
    }
    configs = [run_config(seed, **choices) for seed in range(4)]
    (alone,) = cohort_of(configs[2:3], CPU).train()
    among = cohort_of(configs, CPU).train()[2]
    for name, values in alone.parameters.items():
        difference = np.linalg.norm(values - among.parameters[name])
        assert difference <= 1e-10 * np.linalg.norm(values), name
