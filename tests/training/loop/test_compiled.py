"""A compiled step is the step: traced for every strategy, and compiled for one."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config
from support.weighting import vectorised

from mtlrun.training.loop import compiled_step as module
from mtlrun.weighting.base import Weighting

CPU = torch.device("cpu")
OWN = ("Agreeing", "Normalised", "Worsened", "Crossed")


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def same(configs, compiler):
    """Train with and without the compiler, and compare every parameter of every lane."""
    cohort = cohort_of(configs, CPU, compiler)
    results, expected = cohort.train(), cohort_of(configs, CPU).train()
    assert cohort.not_compiled is None
    tolerance = {"rtol": 1e-10, "atol": 1e-12} if cohort.dtype == torch.float64 else {"rtol": 0, "atol": 1e-4}
    for ours, theirs in zip(results, expected, strict=True):
        for name, value in theirs.parameters.items():
            np.testing.assert_allclose(ours.parameters[name], value, **tolerance)


@pytest.mark.sample(20)
@pytest.mark.parametrize("lanes", (1, 3))
@pytest.mark.parametrize("weighting", vectorised())
def test_every_weighting_can_be_traced(weighting, lanes):
    same([run_config(s, 6, weighting=weighting) for s in range(lanes)], "eager")


@pytest.mark.sample(12)
@pytest.mark.parametrize(
    "choices",
    [
        {"sharing": "branched", "weighting": "pcgrad"},
        {"sharing": "separate"},
        {"sharing": "ltb", "weighting": "pcgrad"},
        {"sharing": "dselect_k", "sharing__gates": "per_example"},
        {"regularization": "l2", "weighting": "uncertainty"},
        {"schedule": "sequential"},
        {"model": "convnet", "budget__batch_size": 4},
    ],
    ids=str,
)
def test_networks_penalties_and_phases_can_be_traced(choices):
    same([run_config(s, 4, **choices) for s in range(2)], "eager")


@pytest.mark.sample(4)
@pytest.mark.parametrize("name", OWN)
def test_every_kind_of_weighting_can_be_traced(name):
    node = {"_target_": f"support.strategies.{name}"}
    same([run_config(s, 6) | {"weighting": node} for s in range(2)], "eager")


@pytest.mark.slow
def test_a_compiled_cohort_trains_as_a_plain_one():
    same([run_config(s, 50, weighting="pcgrad") for s in range(3)], "inductor")


@dataclass
class Branching(Weighting):
    """Breaks the rule that a strategy must not branch on values."""

    def weigh(self, signals, state):
        return torch.ones_like(signals.losses) * (2.0 if signals.losses.sum() > 0 else 1.0), state


def test_a_step_that_cannot_be_traced_stays_as_it_is():
    config = run_config(0, 4) | {"weighting": {"_target_": f"{__name__}.Branching"}}
    cohort = cohort_of([config], CPU, "eager")
    (result,) = cohort.train()
    assert "Error" in cohort.not_compiled
    (expected,) = cohort_of([config], CPU).train()
    assert all(np.array_equal(result.parameters[n], v) for n, v in expected.parameters.items())


def test_a_compiler_with_other_results_is_not_used(monkeypatch):
    monkeypatch.setattr(module, "TOLERANCE", -1.0)  # nothing agrees
    cohort = cohort_of([run_config(0, 4)], CPU, "eager")
    cohort.train()
    assert cohort.not_compiled == "the compiled step gives other results than the plain one"
