"""A regularised run is the same alone and among others, whatever the sharing scheme and the schedule.

New options join by themselves.
"""

import numpy as np
import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config
from support.weighting import first_step

from mtlrun.catalog import load_option, options
from mtlrun.config import build
from mtlrun.errors import ConfigError

CPU = torch.device("cpu")
LANES, PLACE = 16, 6
SCHEDULES = ("alternating", "sequential", "progressive")
SHARINGS = [{"sharing": s} for s in ("hard", "branched", "separate", "mmoe")]
DIVIDED = [{"sharing": "cgc"}, {"sharing": "ple"}, {"sharing": "cgc", "sharing__shared_experts": 2}]
"""Schemes with shared and own features, for what compares them."""

OPTIONS = [name for name in options("regularization") if name != "none"]


def schemes(name):
    return DIVIDED if build(load_option("regularization", name)).compares else SHARINGS


CASES = [(name, scheme) for name in OPTIONS for scheme in schemes(name)]
CASES += [(name, {**schemes(name)[0], "schedule": schedule}) for name in OPTIONS for schedule in SCHEDULES]


def company(name, **choices):
    """Sixteen runs of other seeds, rates and strengths of the regularisation."""
    node = load_option("regularization", name)
    (number,) = [key for key, value in node.items() if isinstance(value, float)][:1]
    return [
        run_config(
            seed,
            20 if choices.get("schedule", "joint") == "joint" else 10,
            regularization=name,
            optimizer__lr=10 ** (-3 + seed / 16),
            **{f"regularization__{number}": node[number] * (0.5 + seed / LANES)},
            **choices,
        )
        for seed in range(LANES)
    ]


def assert_same(ours, theirs):
    for name, values in theirs.parameters.items():
        difference = np.linalg.norm(values - ours.parameters[name])
        assert difference <= 1e-10 * np.linalg.norm(values), name


@pytest.mark.sample(3)
@pytest.mark.parametrize(("name", "choices"), CASES, ids=str)
def test_alone_among_fifteen_others(name, choices):
    torch.set_num_threads(1)
    configs = company(name, **choices)
    (alone,) = cohort_of(configs[PLACE : PLACE + 1], CPU).train()
    assert alone.diverged_at is None
    assert_same(cohort_of(configs, CPU).train()[PLACE], alone)


@pytest.mark.sample(3)
@pytest.mark.parametrize("name", OPTIONS)
def test_company_and_place_change_no_bit(name):
    torch.set_num_threads(1)
    configs = [config | {"dtype": "float32"} for config in company(name, **schemes(name)[0])]
    pair = cohort_of([configs[0], configs[PLACE]], CPU).train()[1]
    among = cohort_of(configs, CPU).train()[PLACE]
    assert all(np.array_equal(among.parameters[n], values) for n, values in pair.parameters.items())


@pytest.mark.sample(3)
@pytest.mark.parametrize("name", OPTIONS)
def test_a_diverging_lane_leaves_the_others_bit_equal(name):
    # dtype float32: a learning rate of 1e30 overflows the loss within a few steps
    torch.set_num_threads(1)
    choices = {"regularization": name, "optimizer": "sgd", "dtype": "float32", **schemes(name)[-1]}
    if "on" in load_option("regularization", name):
        choices["regularization__on"] = "all"
    calm, tame = (run_config(s, 12, optimizer__lr=0.01, **choices) for s in (0, 1))
    wild = tame | {"optimizer": tame["optimizer"] | {"lr": 1e30}}
    results, expected = cohort_of([calm, wild], CPU).train(), cohort_of([calm, tame], CPU).train()
    assert [r.diverged_at is None for r in results] == [True, False]
    assert all(np.array_equal(results[0].parameters[n], v) for n, v in expected[0].parameters.items())


def is_inside(name):
    found = build(load_option("regularization", name))
    return found.masks or found.shapes_losses or found.compares


@pytest.mark.sample(5)
@pytest.mark.parametrize(
    "name", [n for n in OPTIONS if is_inside(n)]
)  # penalties: tests/training/test_compiled.py
@pytest.mark.parametrize("lanes", (1, 3))
def test_it_can_be_traced(name, lanes):
    torch.set_num_threads(1)
    configs = [run_config(s, 4, regularization=name, **schemes(name)[0]) for s in range(lanes)]
    cohort = cohort_of(configs, CPU, "eager")
    results, expected = cohort.train(), cohort_of(configs, CPU).train()
    assert cohort.not_compiled is None
    for ours, theirs in zip(results, expected, strict=True):
        assert_same(ours, theirs)


@pytest.mark.parametrize("sharing", options("sharing"))
@pytest.mark.parametrize("name", OPTIONS)
def test_every_sharing_scheme_takes_it_or_says_why_not(name, sharing):
    configs = [run_config(s, 4, regularization=name, sharing=sharing) for s in range(2)]
    if build(configs[0]["regularization"]).compares and not body_of(sharing).divides:
        with pytest.raises(ConfigError):
            cohort_of(configs, CPU)
        return
    gradients, losses, _ = first_step(configs)
    assert losses.isfinite().all() and all(g.isfinite().all() for g in gradients.values())


def body_of(sharing):
    return cohort_of([run_config(sharing=sharing)], CPU).network.body


@pytest.mark.parametrize("name", OPTIONS)
def test_with_gradient_surgery(name):
    torch.set_num_threads(1)
    choices = {"regularization": name, "weighting": "pcgrad", **schemes(name)[0]}
    configs = [run_config(s, 10, **choices) for s in range(3)]
    (alone,) = cohort_of(configs[1:2], CPU).train()
    assert_same(cohort_of(configs, CPU).train()[1], alone)


@pytest.mark.parametrize("names", [("dropout", "dropout"), ("label_smoothing", "label_smoothing")])
def test_weightings_that_need_the_same_share_its_cohort(names):
    weightings = ("equal", "uncertainty")
    pairs = zip(names, weightings, strict=True)
    runs = [run_config(s, 10, regularization=r, weighting=w) for s, (r, w) in enumerate(pairs)]
    for place, mixed in enumerate(cohort_of(runs, CPU).train()):
        assert_same(mixed, cohort_of(runs[place : place + 1], CPU).train()[0])
