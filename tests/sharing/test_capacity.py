"""Sharing schemes of one size: the width that gives as many parameters as hard sharing has."""

import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config
from support.jobs import make_job
from support.networks import counts, network_of

from mtlrun.catalog import options
from mtlrun.errors import ConfigError
from mtlrun.planning.study import plan_study
from mtlrun.prepare.checks import parameter_count, prepare

EQUAL = {"sharing__capacity": "same_parameters"}
every_scheme = pytest.mark.parametrize("sharing", options("sharing"))


def size_of(**choices):
    return parameter_count(run_config(suite="digits_parity", **choices))


def test_a_width_by_hand():
    # Separate towers of width w and depth 2, on 64 inputs: 2 (65 w + w^2 + w) and heads of 10 w + 10 and w + 1, which
    # is 2 w^2 + 143 w + 11: 1460 for 9, 1641 for 10. Hard sharing has 1040 + 272 + 170 + 17 = 1499 at width 16.
    network = network_of(suite="digits_parity", sharing="separate", **EQUAL)
    assert network.body.features == 9
    assert counts(network) == {0: 585 + 90 + 100, 1: 585 + 90 + 10}


@pytest.mark.sample(3)
@every_scheme
@pytest.mark.parametrize("heads", ("linear", "mlp"))
def test_no_other_width_comes_closer(sharing, heads):
    choices = {"sharing": sharing, "heads": heads}
    width = network_of(suite="digits_parity", model__width=32, **choices, **EQUAL).body.features
    wanted = size_of(sharing="hard", heads=heads, model__width=32)
    found = size_of(model__width=32, **choices, **EQUAL)
    assert found == size_of(model__width=width, **choices)
    for other in (width - 1, width + 1):
        assert abs(size_of(model__width=other, **choices) - wanted) >= abs(found - wanted)
    assert abs(found - wanted) < 0.06 * wanted


@pytest.mark.parametrize(("model", "settings"), [("convnet", {}), ("resnet18", {"model__groups": 2})])
def test_image_encoders_keep_their_proportions(model, settings):
    settings = {"model": model, "model__channels": 16, **settings}
    wanted, found = size_of(sharing="hard", **settings), size_of(sharing="mmoe", **settings, **EQUAL)
    assert abs(found - wanted) < 0.2 * wanted < size_of(sharing="mmoe", **settings) - wanted


def test_hard_sharing_is_the_measure_and_stays_as_it_is():
    same, plain = (plan_study(prepare([make_job(**choices)])).cells[0] for choices in (EQUAL, {}))
    assert same.runs == plain.runs
    assert same.config["sharing"]["capacity"] == "same_width"


def test_baselines_keep_the_width_of_the_model():
    fitted, plain = (plan_study(prepare([make_job(sharing="mmoe", **choices)])) for choices in (EQUAL, {}))
    assert fitted.cells[0].baselines == plain.cells[0].baselines
    assert not set(fitted.cells[0].runs) & set(plain.cells[0].runs)


def test_cells_of_both_capacities_are_told_apart():
    study = plan_study(prepare([make_job(sharing="mmoe", **choices) for choices in (EQUAL, {})]))
    assert [cell.hyper for cell in study.cells] == [
        {"sharing.capacity": "same_parameters"},
        {"sharing.capacity": "same_width"},
    ]


def test_what_does_not_fit_is_told():
    hard = size_of(sharing="hard", model="resnet18")
    with pytest.raises(ConfigError, match=rf"encoder, ResNet18\(channels=8, .*sharing=hard has {hard:,} "):
        size_of(sharing="mmoe", model="resnet18", **EQUAL)


@every_scheme
def test_it_trains(sharing):
    config = run_config(sharing=sharing, steps=2, **EQUAL)
    results = cohort_of([config, {**config, "seed": 1}], torch.device("cpu")).train()
    sizes = [sum(p.size for p in result.parameters.values()) for result in results]
    assert sizes == [size_of(sharing=sharing, **EQUAL)] * 2
