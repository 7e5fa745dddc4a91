"""What the manifest is told of theory: for which configs, and what."""

import math

import numpy as np
import pytest
from support.configs import run_config

from mtlrun.config import build
from mtlrun.prepare.theory_predictions import expected, linear_network
from mtlrun.theory.linear import LinearNetwork
from mtlrun.training.network import Parts

PLAIN = {
    "suite": "linear_teachers",
    "suite__design": "orthonormal",
    "suite__dim": 5,
    "model": "linear",
    "model__width": 1,
    "model__bias": False,
    "heads__bias": False,
    "optimizer": "sgd",
}


def network_of(**choices):
    return linear_network(Parts.of(run_config(**{**PLAIN, **choices})), 2)


def cell_of(seeds=(0, 3), **choices):
    config = run_config(**{**PLAIN, **choices})
    tasks = [{"name": name} for name in build(config["suite"]).selected()]
    return {"cell_id": "c", "config": config, "seeds": list(seeds), "tasks": tasks}


@pytest.mark.parametrize(
    ("choices", "found"),
    [
        ({}, LinearNetwork(1, "private", math.inf, (1, 1))),
        ({"model__width": 3}, LinearNetwork(3, "private", math.inf, (1, 1))),
        ({"heads": "shared"}, LinearNetwork(1, "common", math.inf, (1, 1))),
        ({"sharing": "separate"}, LinearNetwork(1, "private", 0, (1, 1))),
        ({"weighting": "static", "weighting__weights": [1.0, 0.5]}, LinearNetwork(1, "private", math.inf, (1, 0.5))),
        ({"weighting": "static", "weighting__weights": 2.0}, LinearNetwork(1, "private", math.inf, (2, 2))),
    ],
)  # fmt: skip
def test_networks_that_theory_knows(choices, found):
    assert network_of(**choices) == found


def test_without_heads():
    config = run_config(
        **{k: v for k, v in PLAIN.items() if k != "heads__bias"}, heads="identity", sharing="soft"
    )
    assert linear_network(Parts.of(config), 2) == LinearNetwork(1, "none", 0.01, (1, 1))


@pytest.mark.parametrize(
    "choices",
    [
        {"model__bias": True},
        {"heads__bias": True},
        {"weighting": "dwa"},
        {"weighting": "static", "weighting__weights": [1.0, 0.0]},
        {"sharing": "cross_stitch"},
        {"sharing": "separate", "sharing__capacity": "same_parameters"},
        {"regularization": "l2"},
        {"regularization": "dropout"},
        {"schedule": "sequential"},
        {"optimizer__weight_decay": 0.1},
    ],
    ids=str,
)
def test_networks_that_it_does_not_know(choices):
    assert network_of(**choices) is None
    assert expected([cell_of(**choices)]) == {}


def test_what_is_told_of_a_cell():
    cell = cell_of(suite__cosine=0.8)
    told = expected([cell])["c"]
    suite = build(cell["config"]["suite"])
    network = LinearNetwork(1, "private", math.inf, (1, 1))
    by_seed = np.array([suite.optimum(network, seed) for seed in (0, 3)])
    for place, task in enumerate("ab"):
        assert told["mtl"][task]["optimum"] == by_seed[:, place].tolist()
        assert told["mtl"][task]["expectation"] == suite.expectation(network)[place]
        assert told["stl"][task]["expectation"] == pytest.approx(5 / 100)  # sigma^2 d / n


def test_only_judged_tasks_are_told_of():
    cell = cell_of()
    cell["tasks"] = [{"name": "b"}]
    told = expected([cell])["c"]
    assert list(told["mtl"]) == list(told["stl"]) == ["b"]


@pytest.mark.parametrize("choices", [{"suite__design": "gaussian"}, {"suite": "digits_two"}])
def test_suites_that_cannot_say(choices):
    plain = {k: v for k, v in PLAIN.items() if not k.startswith("suite")}
    config = run_config(**{**plain, "suite": "linear_teachers", **choices})
    cell = {"cell_id": "c", "config": config, "seeds": [0], "tasks": [{"name": "a"}]}
    assert expected([cell]) == {}
