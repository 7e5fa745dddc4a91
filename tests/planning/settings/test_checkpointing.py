"""How often training is written down: what `checkpoint.every_s` may be, and that it is no part of a run."""

import math

import pytest
from support.jobs import make_job

from mtlrun.planning.settings.checkpointing import EVERY_S, checkpoint_faults, seconds_between
from mtlrun.planning.study import plan_study
from mtlrun.prepare.checks import prepare


@pytest.mark.parametrize(("every_s", "seconds"), [(600, 600.0), (0.5, 0.5), (None, None)])
def test_settings(every_s, seconds):
    assert list(checkpoint_faults({"every_s": every_s})) == []
    assert seconds_between({"checkpoint": {"every_s": every_s}}) == seconds


def test_without_a_setting_it_is_that_of_the_yaml():
    assert seconds_between({}) == seconds_between({"checkpoint": {}}) == EVERY_S == 600


@pytest.mark.parametrize("every_s", [0, -1, True, "often", [1], math.inf, math.nan])
def test_other_settings_are_faults(every_s):
    (fault,) = checkpoint_faults({"every_s": every_s})
    assert fault.key == "checkpoint.every_s" and "null" in str(fault)


@pytest.mark.parametrize("node", [3, None, {"every": 3}, {"every_s": 1, "keep": 2}])
def test_there_is_one_setting(node):
    (fault,) = checkpoint_faults(node)
    assert (fault.key, fault.choices) == ("checkpoint", ["every_s"])


def test_run_ids_are_the_same():
    plain = plan_study(prepare([make_job()]))
    for every_s in (None, 10):
        study = plan_study(prepare([{**make_job(), "checkpoint": {"every_s": every_s}}]))
        assert list(study.runs) == list(plain.runs)
        assert [cell.cell_id for cell in study.cells] == [cell.cell_id for cell in plain.cells]
