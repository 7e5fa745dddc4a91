"""`launch.data` on the command line: what is planned, and that results do not depend on it."""

from __future__ import annotations

import pytest
from support.cohorts import specs_of
from support.commands import mtlrun, planned, reported, tiny
from support.configs import run_config

from mtlrun.planning.cohorts import group_runs
from mtlrun.planning.run_spec import CellSpec
from mtlrun.prepare.estimate import PROCESS_MIB, inputs_mib, size_programs

DIGITS_MIB = 1797 * 64 * 4 / 2**20


@pytest.mark.slow
def test_results_and_run_ids_do_not_depend_on_it(tmp_path):
    found = []
    ways = (("resident",), ("streamed",), ("streamed", "launch.processes=2"))
    for place, (data, *more) in enumerate(ways):
        study = tiny(tmp_path / str(place), "mitigation=none,pcgrad", f"launch.data={data}", *more)
        assert mtlrun("sweep", *study).code == 0
        found.append(reported(tmp_path / str(place), "--level", "curves")["curves"])
    assert len(found[0]) > 100
    assert found[0] == found[1] == found[2]
    again = planned(*tiny(tmp_path / "0", "mitigation=none,pcgrad", "launch.data=streamed"))
    assert again["runs_new"] == 0


def test_inputs_are_streamed_where_they_take_too_much_memory():
    config = run_config(dtype="float32")
    assert inputs_mib(CellSpec.of(config)) == pytest.approx(DIGITS_MIB)
    assert inputs_mib(CellSpec.of({**config, "dtype": "float64"})) == pytest.approx(2 * DIGITS_MIB)
    for room, data, streamed in (
        (2.1 * DIGITS_MIB, "auto", False),
        (1.9 * DIGITS_MIB, "auto", True),
        (1.9 * DIGITS_MIB, "resident", False),
        (1e6, "streamed", True),
    ):
        (program,) = group_runs(specs_of([config]))
        size_programs([program], PROCESS_MIB + room, data)
        assert program.streamed == streamed
        left = room if streamed else room - DIGITS_MIB
        assert program.fits == max(1, int(left / program.lane_mib))


def test_the_plan_tells_it(tmp_path):
    facts = planned(*tiny(tmp_path, "launch.memory_mib=10"))
    assert facts["cohorts_streamed"] == facts["cohorts"] and facts["data_mib"] == round(DIGITS_MIB, 1)
    text = mtlrun("plan", *tiny(tmp_path, "launch.data=streamed")).out
    assert "MiB, streamed to the device in 3 cohorts" in text
    assert "streamed" not in mtlrun("plan", *tiny(tmp_path)).out
    told = mtlrun("plan", *tiny(tmp_path, "launch.data=disk"))
    assert told.code == 2 and "`launch.data`" in told.err and "streamed" in told.err
