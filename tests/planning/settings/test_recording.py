"""How often diagnostics are recorded: what `diagnostics.every` may be, and that it is no part of a run."""

import pytest
from support.jobs import make_job

from mtlrun.planning.settings.recording import recording_faults, steps_between
from mtlrun.planning.study import plan_study
from mtlrun.prepare.checks import prepare


@pytest.mark.parametrize(
    ("every", "steps"), [("evaluations", None), ("off", 0), (False, 0), (0, 0), (1, 1), (250, 250)]
)
def test_settings(every, steps):
    assert list(recording_faults({"every": every})) == []
    found = steps_between({"diagnostics": {"every": every}})
    assert found == steps
    assert not isinstance(found, bool)


def test_without_a_setting_there_is_a_record_at_every_evaluation():
    assert steps_between({}) is None
    assert steps_between({"diagnostics": {}}) is None


@pytest.mark.parametrize("every", [-1, 1.5, True, None, "sometimes", [1, 2], {}])
def test_other_settings_are_faults(every):
    (fault,) = recording_faults({"every": every})
    assert (fault.key, fault.found) == ("diagnostics.every", every)


@pytest.mark.parametrize("node", [3, None, {"evry": 3}, {"every": 1, "layers": True}])
def test_there_is_one_setting(node):
    (fault,) = recording_faults(node)
    assert (fault.key, fault.choices) == ("diagnostics", ["every"])


def test_run_ids_are_the_same():
    plain = plan_study(prepare([make_job()]))
    for every in (0, 10, "evaluations"):
        study = plan_study(prepare([{**make_job(), "diagnostics": {"every": every}}]))
        assert list(study.runs) == list(plain.runs)
        assert [cell.cell_id for cell in study.cells] == [cell.cell_id for cell in plain.cells]
