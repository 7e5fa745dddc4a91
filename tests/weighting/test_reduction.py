"""`reduction=sum`: strategies that average train what tasks share as fast as the sum of the losses does."""

from dataclasses import fields

import pytest
import torch
from support.configs import run_config
from support.weighting import first_step

from mtlrun.catalog import load_option, options
from mtlrun.config import build, identity, to_node
from mtlrun.weighting.base import Averaging

TASKS = 3
AVERAGING = [n for n in options("weighting") if isinstance(build(load_option("weighting", n)), Averaging)]


def run_of(name, seed=0, **settings):
    settings = {f"weighting__{key}": value for key, value in settings.items()}
    tasks = ["digit", "even", "prime"]
    return run_config(seed, suite="digits_attributes", suite__tasks=tasks, weighting=name, **settings)


def test_all_that_have_the_setting_derive_from_it():
    every = {name: build(load_option("weighting", name)) for name in options("weighting")}
    assert {n for n, w in every.items() if "reduction" in {f.name for f in fields(w)}} == {*AVERAGING}
    assert "mgda" in AVERAGING
    assert "equal" not in AVERAGING


@pytest.mark.parametrize("name", AVERAGING)
def test_the_shared_gradient_is_multiplied_by_the_number_of_tasks(name):
    mean, summed = (
        first_step([run_of(name, reduction=r), run_of(name, 1, reduction=r)]) for r in ("mean", "sum")
    )
    torch.testing.assert_close(summed[2], TASKS * mean[2], rtol=1e-12, atol=0)
    by_gradients = build(load_option("weighting", name)).needs != "losses"
    for key, gradient in mean[0].items():
        factor = 1 if "heads" in key and by_gradients else TASKS  # heads then keep their own gradient
        if " of rules " in key:
            factor = 1  # what is learned is trained on the same objective
        torch.testing.assert_close(summed[0][key], factor * gradient, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ("mgda", "upgrad", "imtl_g"))
def test_equal_gradients_give_the_sum_of_the_losses(name):
    method = build({**load_option("weighting", name), "reduction": "sum"})
    weights = method.reduced(torch.full((TASKS,), 1 / TASKS), TASKS)
    assert weights.tolist() == pytest.approx([1] * TASKS)


def test_lanes_of_either_reduction_share_a_cohort():
    configs = [run_of("mgda"), run_of("mgda", reduction="sum"), run_of("pcgrad")]
    together = first_step(configs)[2]
    alone = [first_step([config])[2][0] for config in configs]
    torch.testing.assert_close(together, torch.stack(alone), rtol=1e-9, atol=1e-12)


def test_the_default_is_no_part_of_a_run():
    for name in AVERAGING:
        node = load_option("weighting", name)
        assert "reduction" not in identity(to_node(build(node)))
        assert identity(to_node(build({**node, "reduction": "sum"})))["reduction"] == "sum"
