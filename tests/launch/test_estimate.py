"""Estimates of what a study takes."""

from __future__ import annotations

import pytest
from support.jobs import make_job

from mtlrun.launch.check import prepare
from mtlrun.launch.estimate import estimate, size_programs
from mtlrun.plan.cohorts import cut_programs, group_runs


def test_an_estimate_grows_with_the_work_and_is_shared_by_processes():
    def estimated(processes: int = 1, **choices):
        programs = group_runs(prepare([make_job(**choices)]).runs)
        size_programs(programs, memory_mib=1e6)
        return estimate(cut_programs(programs), processes)

    small, long, wide = estimated(), estimated(budget__epochs=40), estimated(model__width=512)
    assert long.seconds == pytest.approx(2 * small.seconds, rel=0.01)
    assert long.memory_mib == small.memory_mib
    assert wide.seconds > small.seconds
    assert wide.memory_mib > small.memory_mib
    assert estimated(2).seconds == pytest.approx(small.seconds / 2)
    assert estimate([]).seconds == 0
