"""Points of fronts: cells beside those that a study asks for."""

from __future__ import annotations

from typing import Any

import pytest
from support.jobs import make_job

from mtlrun.errors import ConfigError
from mtlrun.planning.cell import Cell
from mtlrun.planning.pareto_grid import frontier_faults
from mtlrun.planning.study import Study, plan_study
from mtlrun.prepare.checks import prepare

WEIGHTS = [[0, 2], [0.5, 1.5], [1, 1], [1.5, 0.5], [2, 0]]


def study(*choices: dict[str, Any], points: int | None = 5) -> Study:
    return plan_study(prepare([{**make_job(**chosen), "frontier": points} for chosen in choices]))


def front_of(found: Study) -> list[Cell]:
    return [cell for cell in found.cells if cell.front is not None]


def test_jobs_share_the_points_of_their_front():
    found = study({"weighting": "equal"}, {"weighting": "pcgrad"})
    assert [cell.front for cell in front_of(found)] == WEIGHTS
    assert not any(cell.reported for cell in front_of(found))
    assert [cell.labels["mitigation"] for cell in found.cells if cell.reported] == ["none", "pcgrad"]
    assert len(found.cells) == 7


def test_cells_are_the_same_with_and_without_a_front():
    asked = ({"weighting": "equal"}, {"weighting": "pcgrad"})
    plain, with_front = study(*asked, points=None), study(*asked)
    judged = [cell for cell in with_front.cells if cell.reported]
    assert [(c.cell_id, c.runs, c.hyper) for c in plain.cells] == [
        (c.cell_id, c.runs, c.hyper) for c in judged
    ]
    assert front_of(plain) == []


def test_there_is_a_front_for_every_sharing():
    found = study({"sharing": "hard"}, {"sharing": "cross_stitch"})
    assert [cell.labels["sharing"] for cell in front_of(found)] == ["hard"] * 5 + ["cross_stitch"] * 5


def test_strategies_that_all_jobs_have_stay_and_others_are_plain():
    common = {"regularization": "l2", "regularization__coefficient": 0.5}
    found = study({**common, "schedule": "joint"}, {**common, "schedule": "alternating"})
    labels = {(c.labels["regularization"], c.labels["schedule"]) for c in front_of(found)}
    assert labels == {("l2", "joint")}
    assert {c.config["regularization"]["coefficient"] for c in front_of(found)} == {0.5}


def test_a_point_that_is_asked_for_by_itself_is_judged():
    found = study({"weighting": "static", "weighting__weights": [0.5, 1.5]})
    judged = {tuple(cell.front): cell.reported for cell in front_of(found) if cell.front}
    assert judged == {tuple(weights): weights == [0.5, 1.5] for weights in WEIGHTS}


def test_a_grid_is_a_front_with_no_further_key():
    found = study({"weighting": "static", "weighting__grid": 5}, {"weighting": "pcgrad"}, points=None)
    assert [(cell.front, cell.reported) for cell in front_of(found)] == [(w, True) for w in WEIGHTS]


def test_one_task_has_no_front():
    assert len(study({"suite__tasks": ["digit"]}).cells) == 1


@pytest.mark.parametrize("wanted", [2, 0, -3, True, 5.0, "11", [11]])
def test_wrong_numbers_of_points_are_told(wanted):
    (fault,) = frontier_faults({"frontier": wanted})
    assert fault.key == "frontier" and "at least 3" in fault.rule


def test_too_many_points_are_told_as_frontier():
    with pytest.raises(ConfigError, match=r"`frontier` must be at most 1000 with 2 tasks"):
        study({}, points=1001)
