"""DSelect-k."""

import math

import pytest
import torch
from support.configs import run_config
from support.networks import counts, inputs_of, network_of

from mtlrun.sharing.dselect_k import DSelectK, selection
from mtlrun.training.cohort import Cohort


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
    cohort = Cohort(configs, torch.device("cpu"))
    codes = cohort.parameters["body.gates.0.codes"].detach().clone()
    assert len(codes.unique()) == codes.numel()
    for result in cohort.train():
        chosen = selection(torch.from_numpy(result.parameters["body.gates.0.codes"]), 1.0)
        assert (chosen.max(-1).values > 0.99).all()


def test_parameters_counted_by_hand():
    # Four shared experts of 1040 + 272; two selectors of 2 bits and 1 share each, and the head for each task.
    network = network_of(suite="digits_parity", sharing="dselect_k")
    assert counts(network) == {None: 4 * (1040 + 272), 0: 6 + 170, 1: 6 + 17}


def test_its_settings_are_checked():
    assert [f.key for f in DSelectK(6).faults()] == ["experts"]
    assert [f.key for f in DSelectK(1).faults()] == ["experts"]
    assert [f.key for f in DSelectK(4, 5, 0.0, -1.0).faults()] == ["selectors", "gamma", "entropy"]
    assert not list(DSelectK(2, 1).faults())
