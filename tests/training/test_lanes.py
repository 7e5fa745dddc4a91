"""A lane never sees its neighbours, and does what an ordinary loop does."""

import numpy as np
import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config
from support.plain_loop import plain_loop

from mtlrun.catalog import options

WEIGHTINGS = ("equal", "static", "uncertainty", "dwa", "pcgrad", "mgda")
SHARINGS = ("hard", "branched", "separate")
CPU = torch.device("cpu")


def train(*configs):
    torch.set_num_threads(1)
    return [result.parameters for result in cohort_of(configs, CPU).train()]


def company(lanes, **choices):
    """Runs of other seeds, learning rates, noise levels and strategy numbers."""
    noises = np.linspace(0, 0.6, lanes)
    rates = np.geomspace(1e-4, 1e-1, lanes)
    return [
        run_config(seed=100 + k, suite__label_noise=float(noise), optimizer__lr=float(rate), **choices)
        for k, (noise, rate) in enumerate(zip(noises, rates, strict=True))
    ]


def distance(a, b):
    """The largest difference of a parameter tensor, relative to its norm."""
    return max(np.linalg.norm(a[n] - b[n]) / max(np.linalg.norm(a[n]), 1e-30) for n in a)


@pytest.mark.sample(6)
@pytest.mark.parametrize("sharing", SHARINGS)
@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_alone_among_others_and_in_a_plain_loop(weighting, sharing):
    # 57 steps of 16 are an epoch of 897 rows; 150 steps let DWA reach its third epoch.
    choices = {"weighting": weighting, "sharing": sharing, "steps": 150 if weighting == "dwa" else 50}
    one = run_config(seed=3, suite__label_noise=0.1, optimizer__lr=3e-3, **choices)
    others = company(31, **choices)
    (alone,) = train(one)
    among = train(*others[:17], one, *others[17:])[17]
    assert distance(alone, among) < 1e-10
    assert distance(plain_loop(one), among) < 1e-10


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_float32_after_one_step(weighting):
    choices = {"weighting": weighting, "steps": 1, "budget__evaluations": 1, "dtype": "float32"}
    one = run_config(seed=3, **choices)
    (alone,) = train(one)
    among = train(one, *company(3, **choices))[0]
    assert distance(alone, among) < 1e-6
    assert distance(plain_loop(one), among) < 1e-6


@pytest.mark.sample(3)
@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_company_and_place_change_no_bit(weighting):
    # Layers as wide as a multiple of 16: for others the matrix kernels themselves round by memory alignment,
    # and only the tolerances of the other tests hold. Heads of 10 and 1 outputs are covered.
    choices = {"weighting": weighting, "dtype": "float32", "steps": 40}
    one = run_config(seed=5, optimizer__lr=2e-3, **choices)
    others = company(31, **choices)
    first = train(one, others[0])[0]
    last = train(*others, one)[31]
    same_settings = [run_config(seed=s, optimizer__lr=2e-3, **choices) for s in range(40, 50)]
    middle = train(*same_settings[:4], one, *same_settings[4:])[4]
    for name in first:
        assert np.array_equal(first[name], last[name]), name
        assert np.array_equal(first[name], middle[name]), name


@pytest.mark.sample(8)
@pytest.mark.parametrize("weighting", options("weighting"))
def test_a_diverging_lane_leaves_the_others_bit_equal(weighting):
    # dtype float32: a learning rate of 1e30 overflows the loss within a few steps
    choices = {"weighting": weighting, "dtype": "float32", "optimizer": "sgd", "steps": 30}
    calm = [run_config(seed=s, optimizer__lr=0.01, **choices) for s in range(3)]
    wild = run_config(seed=9, optimizer__lr=1e30, **choices)
    tame = run_config(seed=9, optimizer__lr=0.01, **choices)
    results = cohort_of([calm[0], wild, *calm[1:]], CPU).train()
    expected = cohort_of([calm[0], tame, *calm[1:]], CPU).train()
    assert [r.diverged_at is not None for r in results] == [False, True, False, False]
    for lane in (0, 2, 3):
        for name, value in expected[lane].parameters.items():
            assert np.array_equal(results[lane].parameters[name], value), name


def test_several_inputs_and_kinds_of_tasks_match_the_plain_loop():
    for suite in ("digits_permuted", "digits_attributes", "digits_two", "linear_teachers"):
        for weighting in ("equal", "pcgrad"):
            choices = {"suite": suite, "weighting": weighting, "steps": 30}
            one = run_config(seed=1, **choices)
            among = train(one, run_config(seed=2, **choices))[0]
            assert distance(plain_loop(one), among) < 1e-10, (suite, weighting)


def test_baseline_and_multi_task_run_begin_alike():
    multi = cohort_of([run_config(seed=4, sharing="branched", weighting="pcgrad", steps=60)], CPU)
    for position, task in enumerate(("digit", "parity")):
        single = cohort_of([run_config(seed=4, suite__tasks=[task], steps=60)], CPU)
        weights = {n: p.detach().numpy() for n, p in single.parameters.items()}
        start = {n: p.detach().numpy() for n, p in multi.parameters.items()}
        assert np.array_equal(weights["body.trunk.0.1.weight"], start["body.trunk.0.1.weight"])
        assert np.array_equal(weights["body.trunk.1.1.weight"], start[f"body.branches.{position}.0.1.weight"])
        assert np.array_equal(weights["heads.tasks.0.weight"], start[f"heads.tasks.{position}.weight"])
        a = multi.batches(multi.phases[0], 0)
        b = single.batches(single.phases[0], 0)
        for _ in range(60):
            mine, theirs = next(a), next(b)
            assert torch.equal(mine.examples.inputs[0], theirs.examples.inputs[0])
            assert torch.equal(mine.examples.targets[position], theirs.examples.targets[0])


def test_training_leaves_the_global_generators_alone():
    before_torch, before_numpy = torch.get_rng_state(), np.random.get_state()[1].copy()
    train(run_config(seed=0, steps=2), run_config(seed=1, steps=2))
    assert torch.equal(before_torch, torch.get_rng_state())
    assert np.array_equal(before_numpy, np.random.get_state()[1])


def test_lanes_of_other_tasks_keep_their_names_and_values():
    mixed = [
        run_config(seed=1, suite="digits_two", suite__tasks=[task]) for task in ("left", "right", "left")
    ]
    together = cohort_of(mixed, CPU).train()
    assert [r.names[0][0] for r in together] == ["left", "right", "left"]
    (right,) = cohort_of([mixed[1]], CPU).train()
    assert np.allclose(right.values, together[1].values, rtol=1e-10)
    assert not np.allclose(together[0].values, together[1].values, rtol=1e-3)


@pytest.mark.sample(2)
@pytest.mark.parametrize("weightings", [("equal", "static", "uncertainty", "dwa"), ("pcgrad", "mgda")])
def test_strategies_that_need_the_same_share_a_cohort_and_nothing_else(weightings):
    strategies = [{"weighting": w, "regularization": r} for w in weightings for r in ("none", "l1", "l2")]
    runs = [
        run_config(seed=s, steps=120, dtype="float32", optimizer__lr=3e-3, **strategy)
        for strategy in strategies
        for s in range(2)
    ]
    mixed = train(*runs)
    for place in range(0, len(runs), 2):
        pair = train(*runs[place : place + 2])
        for ours, theirs in zip(mixed[place : place + 2], pair, strict=True):
            assert all(np.array_equal(ours[n], theirs[n]) for n in theirs), strategies[place // 2]
