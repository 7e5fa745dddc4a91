"""Names for people, and the settings that vary."""

import pytest
from support.jobs import make_job

from mtlrun.catalog import options_of
from mtlrun.compose import jobs_of
from mtlrun.planning.labels import PLAIN, mitigation_label, presets_of
from mtlrun.planning.study import plan_study
from mtlrun.prepare.checks import prepare


def labels_of(**choices):
    (cell,) = plan_study(prepare([make_job(**choices)])).cells
    return cell.labels


@pytest.mark.parametrize(
    ("strategies", "name"),
    [
        ({}, "none"),
        ({"weighting": "pcgrad"}, "pcgrad"),
        ({"schedule": "sequential"}, "sequential"),
        ({"regularization": "l2"}, "l2"),
        ({"heads": "mlp"}, "separate_heads"),
        ({"heads": "shared"}, "shared"),  # no preset has it
        ({"weighting": "pcgrad", "regularization": "l2"}, "pcgrad+l2"),
        ({"heads": "mlp", "weighting": "dwa", "schedule": "sequential"}, "mlp+dwa+sequential"),
    ],
)
def test_the_mitigation_is_derived_from_the_strategies(strategies, name):
    assert mitigation_label({**PLAIN, **strategies}, presets_of(options_of())) == name


def test_labels_of_a_cell():
    assert labels_of(sharing="branched", weighting="dwa") == {
        "suite": "digits_parity",
        "sharing": "branched",
        "heads": "linear",
        "weighting": "dwa",
        "schedule": "joint",
        "regularization": "none",
        "mitigation": "dwa",
    }


def test_a_strategys_settings_do_not_change_its_name():
    assert labels_of(weighting="dwa", weighting__tau=7.0)["mitigation"] == "dwa"


def test_a_suite_of_other_tasks_has_them_in_its_name():
    assert labels_of(suite__tasks=["digit", "parity"])["suite"] == "digits_parity"
    assert labels_of(suite__tasks=["parity", "digit"])["suite"] == "digits_parity[parity+digit]"
    assert labels_of(suite__tasks=["digit"])["suite"] == "digits_parity[digit]"


def test_an_explicit_strategy_beats_the_presets():
    def mitigation(*overrides):
        (job,) = jobs_of(overrides)
        assert "mitigation" not in job
        (cell,) = plan_study(prepare([{**make_job(), **job}])).cells
        return cell.labels["mitigation"]

    assert mitigation("mitigation=mgda") == "mgda"
    assert mitigation("mitigation=mgda", "weighting=pcgrad") == "pcgrad"
    assert mitigation("weighting=pcgrad", "mitigation=separate_heads") == "mlp+pcgrad"


def hypers(*jobs):
    return [cell.hyper for cell in plan_study(prepare(jobs)).cells]


def test_settings_that_vary_are_told():
    assert hypers(make_job()) == [{}]
    found = hypers(
        *(make_job(model__width=w, optimizer__lr=lr) for w, lr in ((16, 1e-3), (32, 1e-3), (32, 3e-3)))
    )
    assert found == [
        {"model.width": 16, "optimizer.lr": 1e-3},
        {"model.width": 32, "optimizer.lr": 1e-3},
        {"model.width": 32, "optimizer.lr": 3e-3},
    ]


def test_options_without_a_column_of_their_own_are_told_by_name():
    found = hypers(make_job(model="linear"), make_job(model="mlp"))
    assert found == [{"model": "linear"}, {"model": "mlp"}]


def test_different_strategies_are_told_by_their_labels_alone():
    # Both penalties have a coefficient, and not the same one.
    assert hypers(*(make_job(regularization=r) for r in ("none", "l1", "l2"))) == [{}, {}, {}]
    found = hypers(
        make_job(regularization="l1", regularization__coefficient=0.5),
        make_job(regularization="l1", regularization__coefficient=0.25),
        make_job(regularization="l2"),
    )
    assert found == [{"regularization.coefficient": 0.5}, {"regularization.coefficient": 0.25}, {}]


def test_suites_are_not_compared_with_each_other():
    jobs = [make_job(suite="digits_parity", model__width=16), make_job(suite="digits_two", model__width=32)]
    assert hypers(*jobs) == [{}, {}]
