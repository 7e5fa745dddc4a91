"""Encoders of a user's own over lanes: by rules, under vmap or one by one, a run's result is the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config
from support.plain_loop import plain_loop

from mtlrun.errors import ConfigError
from mtlrun.training.vectorize.stacked import OneByOne, Stacked, Vmapped

CPU = torch.device("cpu")
OWN = {
    "Rows": ({"hidden": 16}, OneByOne, "lstm"),
    "Branching": ({"width": 16}, OneByOne, "item()"),
    "Renormed": ({"width": 16}, OneByOne, "aten::renorm"),
    "Map": ({"width": 16}, Vmapped, None),
    "sequence": ({"width": 16}, Stacked, None),
}


def config(name, seed=3, steps=6, **choices):
    node = {"_target_": f"support.own_encoders.{name}", **OWN[name][0]}
    return run_config(seed, steps, model="custom", model__encoder=node, **choices)


def results(*configs):
    torch.set_num_threads(1)
    return [result.parameters for result in cohort_of(configs, CPU).train()]


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-9, atol=1e-11, err_msg=name)


@pytest.mark.parametrize("name", OWN)
def test_the_way_is_found_and_told(name):
    cohort = cohort_of([config(name, 1), config(name, 2)], CPU)
    _, way, word = OWN[name]
    assert type(cohort.forward) is way
    assert cohort.one_by_one is None if word is None else word in cohort.one_by_one


@pytest.mark.sample(3)
@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize(
    "choices",
    [
        {},
        {"weighting": "pcgrad"},
        {"sharing": "separate", "suite": "digits_permuted"},
        {"regularization": "dropout", "weighting": "famo"},
    ],
)
def test_alone_and_among_others(name, choices):
    one = config(name, **choices)
    (alone,) = results(one)
    among = results(config(name, 1, **choices), one, config(name, 2, **choices))[1]
    assert_same(among, alone)
    if name != "Branching" and not choices:
        assert_same(among, plain_loop(one))


def test_a_lane_has_the_buffers_that_its_seed_draws():
    cohort = cohort_of([config("Branching", 1), config("Branching", 2)], CPU)
    (scales,) = cohort.forward._constants.values()
    assert scales.shape == (2, 16) and not torch.equal(*scales)


def test_lanes_one_by_one_have_the_same_bits_in_any_company():
    one, *others = ({**config("Rows", seed), "dtype": "float32"} for seed in (3, 1, 2))
    found, expected = results(others[0], one)[1], results(one, *others)[0]
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)


def test_a_network_with_nothing_to_train_is_refused():
    flat = {"_target_": "torch.nn.Flatten"}
    nothing = run_config(1, 2, model="custom", model__encoder=flat, heads="identity")
    with pytest.raises(ConfigError, match="must leave something to train"):
        cohort_of([nothing], CPU)


def test_frozen_parameters_stay_and_are_neither_shared_nor_a_tasks_own():
    cohort = cohort_of(
        [config("sequence", s, model__freeze=["0.*"], weighting="pcgrad") for s in (1, 2)], CPU
    )
    before = {n: p.detach().clone().numpy() for n, p in cohort.parameters.items()}
    program = cohort.begin(cohort.phases[0]).program
    frozen = {"body.trunk.0.1.weight", "body.trunk.0.1.bias"}
    assert cohort.untrained == frozen and not frozen & {*program.trained}
    assert set(program.shared) == {"body.trunk.1.0.weight", "body.trunk.1.0.bias"}
    found = cohort.train()[0].parameters
    moved = {name for name, values in found.items() if not np.array_equal(values, before[name][0])}
    assert moved == {*before} - frozen
