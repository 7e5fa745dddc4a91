"""DSelect-k."""

import math

import numpy as np
import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config
from support.networks import counts, inputs_of, moved, network_of

from mtlrun.sharing.dselect_k import DSelectK, selection

PER_EXAMPLE = {"sharing__gates": "per_example"}


def test_a_selection_by_hand():
    # gamma 2: S(u) = -u^3/4 + 3u/4 + 1/2 gives S(0) = 1/2, S(1/2) = 27/32, S(-3) = 0, S(1) = 1. Two bits: experts
    # 00, 01, 10, 11.
    codes = torch.tensor([[0.0, 0.5], [-3.0, 1.0]], dtype=torch.float64)
    expected = [[5 / 64, 27 / 64, 5 / 64, 27 / 64], [0, 1, 0, 0]]
    torch.testing.assert_close(selection(codes, 2.0), torch.tensor(expected, dtype=torch.float64))


def test_weights_sum_to_one_and_slopes_are_finite_everywhere():
    codes = torch.linspace(-2, 2, 60, dtype=torch.float64).reshape(20, 3).requires_grad_()
    weights = selection(codes, 1.0)
    torch.testing.assert_close(weights.sum(-1), torch.ones(20, dtype=torch.float64))
    penalty = DSelectK(experts=8, entropy=1.0).penalty({"body.gates.0.codes": codes}, {})
    (slope,) = torch.autograd.grad(penalty + weights[:, 0].sum(), codes)
    assert slope.isfinite().all()
    assert slope[8].any()


def test_the_penalty_by_hand():
    # Codes of 0 leave every one of 4 experts at 1/4: entropy log 4 for each of two selectors; codes beyond gamma/2
    # choose: entropy 0.
    parameters = {"body.gates.0.codes": torch.zeros(2, 2), "body.gates.1.codes": torch.full((2, 2), 3.0)}
    parameters["heads.tasks.0.weight"] = torch.ones(2, 2)
    found = DSelectK(entropy=0.5).penalty(parameters, {})
    assert float(found) == pytest.approx(0.5 * 2 * math.log(4))


def test_selectors_that_choose_the_first_expert_are_hard_sharing():
    chosen, hard = (network_of(sharing=s) for s in ("dselect_k", "hard"))
    with torch.no_grad():
        for gate in chosen.body.gates:
            gate.codes.fill_(-1.0)
    for ours, theirs in zip(chosen(inputs_of()), hard(inputs_of()), strict=True):
        assert torch.equal(ours, theirs)


def test_selectors_begin_apart_and_a_strong_penalty_makes_them_choose():
    configs = [
        run_config(s, sharing="dselect_k", sharing__entropy=1.0, steps=150, optimizer__lr=0.01)
        for s in (0, 1)
    ]
    torch.set_num_threads(1)
    cohort = cohort_of(configs, torch.device("cpu"))
    codes = cohort.parameters["body.gates.0.codes"].detach().clone()
    assert len(codes.unique()) == codes.numel()
    for result in cohort.train():
        chosen = selection(torch.from_numpy(result.parameters["body.gates.0.codes"]), 1.0)
        assert (chosen.max(-1).values > 0.99).all()


def test_parameters_counted_by_hand():
    # Four shared experts of 1040 + 272; two selectors of 2 bits and 1 share each, and the head for each task.
    network = network_of(suite="digits_parity", sharing="dselect_k")
    assert counts(network) == {None: 4 * (1040 + 272), 0: 6 + 170, 1: 6 + 17}
    # Per example each of the 6 is a linear map of 64 pixels with bias.
    network = network_of(suite="digits_parity", sharing="dselect_k", **PER_EXAMPLE)
    assert counts(network) == {None: 4 * (1040 + 272), 0: 6 * 65 + 170, 1: 6 * 65 + 17}


def test_a_selection_of_each_example_by_hand():
    # One bit, two experts, gamma 2, one selector: z = p for the first pixel p. S(1/2) = 27/32, S(-1) = 0, S(0) = 1/2.
    # Entropies: -(5/32) log(5/32) - (27/32) log(27/32), 0 and log 2; the charge is their mean times 0.5, per task.
    settings = {
        "sharing__experts": 2,
        "sharing__selectors": 1,
        "sharing__gamma": 2.0,
        "sharing__entropy": 0.5,
    }
    body = network_of(suite="digits_parity", sharing="dselect_k", **PER_EXAMPLE, **settings).body
    inputs = inputs_of("digits_parity")[0][:3].clone()
    inputs[:, 0, 0, 0] = torch.tensor([0.5, -1.0, 0.0])
    with torch.no_grad():
        for gate in body.gates:
            gate.codes.weight.zero_()[0, 0] = 1.0
            gate.codes.bias.zero_()
        first, second = (expert(inputs) for expert in body.experts)
        for features in body([inputs]):
            expected = torch.stack(
                [5 / 32 * first[0] + 27 / 32 * second[0], first[1], (first[2] + second[2]) / 2]
            )
            torch.testing.assert_close(features, expected)
        entropies = (-5 / 32 * math.log(5 / 32) - 27 / 32 * math.log(27 / 32), 0, math.log(2))
        assert float(body.charge([inputs])) == pytest.approx(2 * 0.5 * sum(entropies) / 3)


def test_gates_that_see_no_input_are_static_ones():
    static, seeing = (network_of(seed=2, sharing="dselect_k", **gates) for gates in ({}, PER_EXAMPLE))
    with torch.no_grad():
        for ours, theirs in zip(seeing.body.gates, static.body.gates, strict=True):
            ours.codes.weight.zero_()
            ours.codes.bias.copy_(theirs.codes.flatten())
    for ours, theirs in zip(seeing(inputs_of()), static(inputs_of()), strict=True):
        torch.testing.assert_close(ours, theirs)
    named = dict(static.named_parameters())
    torch.testing.assert_close(seeing.body.charge(inputs_of()), DSelectK().penalty(named, {}))
    assert not DSelectK(gates="per_example").penalty(dict(seeing.named_parameters()), {})


@pytest.mark.parametrize("weighting", ("equal", "pcgrad"))
@pytest.mark.parametrize("lanes", (1, 3))
def test_the_charge_is_differentiated_once_beside_the_losses(weighting, lanes):
    torch.set_num_threads(1)
    found = []
    for entropy in (0.0, 2.0):
        settings = {
            "sharing": "dselect_k",
            "sharing__entropy": entropy,
            "weighting": weighting,
            **PER_EXAMPLE,
        }
        cohort = cohort_of([run_config(seed, **settings) for seed in range(lanes)], torch.device("cpu"))
        trainer, batch = cohort.begin(cohort.phases[0]), next(cohort.batches(cohort.phases[0], 0))
        found.append(trainer.program.gradients(trainer.lanes, batch)[0])
    free, charged = found
    last = lanes - 1
    network = network_of(
        last, suite="digits_parity", sharing="dselect_k", sharing__entropy=2.0, **PER_EXAMPLE
    )
    charge = network.body.charge([x[last] for x in batch.examples.inputs])
    named = dict(network.named_parameters())
    slopes = torch.autograd.grad(charge, list(named.values()), allow_unused=True)
    for (name, values), slope in zip(named.items(), slopes, strict=True):
        slope = torch.zeros_like(values) if slope is None else slope
        torch.testing.assert_close(charged[name][last] - free[name][last], slope, rtol=1e-9, atol=1e-12)
        assert bool(slope.any()) == (".codes." in name)


@pytest.mark.parametrize("model", ("mlp", "convnet"))
def test_gates_that_see_examples_over_lanes(model):
    torch.set_num_threads(1)
    configs = [run_config(s, sharing="dselect_k", model=model, steps=8, **PER_EXAMPLE) for s in range(4)]
    (alone,) = cohort_of(configs[2:3], torch.device("cpu")).train()
    among = cohort_of(configs, torch.device("cpu")).train()[2]
    for name, values in alone.parameters.items():
        difference = np.linalg.norm(values - among.parameters[name])
        assert difference <= 1e-10 * max(np.linalg.norm(values), 1e-30), name


def test_owners_are_the_tasks_that_gradients_reach():
    network = moved(network_of(sharing="dselect_k", **PER_EXAMPLE))
    owners = network.owners()
    for task, output in enumerate(network(inputs_of())):
        found = torch.autograd.grad(output.square().sum(), list(network.parameters()), allow_unused=True)
        for name, gradient in zip(owners, found, strict=True):
            assert (gradient is not None and bool(gradient.any())) == (owners[name] in (None, task)), name


def test_its_settings_are_checked():
    assert [f.key for f in DSelectK(6).faults()] == ["experts"]
    assert [f.key for f in DSelectK(1).faults()] == ["experts"]
    assert [f.key for f in DSelectK(4, 5, 0.0, -1.0).faults()] == ["selectors", "gamma", "entropy"]
    assert not list(DSelectK(2, 1).faults())
