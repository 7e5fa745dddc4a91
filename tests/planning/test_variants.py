"""Options that stand for several cells."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from support.jobs import make_job

from mtlrun.config import Configured, to_node
from mtlrun.errors import ConfigError
from mtlrun.memo import Memo
from mtlrun.planning.study import plan_study
from mtlrun.planning.variants import variants
from mtlrun.prepare.checks import prepare


@dataclass
class Several(Configured):
    """Stands for as many options as there are tasks."""

    number: int = -1

    def variants(self, tasks: int) -> Sequence[Configured]:
        return [Several(k) for k in range(tasks)] if self.number < 0 else [self]


def test_options_that_stand_for_several_are_combined():
    job = {**make_job(), "heads": to_node(Several()), "schedule": to_node(Several())}
    found = [(point["heads"]["number"], point["schedule"]["number"]) for point in variants(job, 3, Memo())]
    assert found == [(a, b) for a in range(3) for b in range(3)]


def test_a_job_of_plain_options_stands_for_itself():
    job = make_job()
    (point,) = variants(job, 2, Memo())
    assert point is job


def test_a_grid_is_cells_that_the_settings_tell_apart():
    study = plan_study(prepare([make_job(weighting="static", weighting__grid=5)]))
    assert [cell.hyper for cell in study.cells] == [
        {"weighting.weights": w} for w in ([0, 2], [0.5, 1.5], [1, 1], [1.5, 0.5], [2, 0])
    ]
    assert {cell.labels["weighting"] for cell in study.cells} == {"static"}
    assert study.jobs == [[cell.cell_id for cell in study.cells]]
    assert len({tuple(cell.baselines["digit"]) for cell in study.cells}) == 1


def test_a_point_of_a_grid_is_the_cell_of_its_weights():
    points = plan_study(prepare([make_job(weighting="static", weighting__grid=11)]))
    given = plan_study(prepare([make_job(weighting="static", weighting__weights=[0.6, 1.4])]))
    (cell,) = given.cells
    (same,) = (point for point in points.cells if point.config["weighting"]["weights"] == [0.6, 1.4])
    assert (same.cell_id, same.runs, same.config) == (cell.cell_id, cell.runs, cell.config)
    assert {i: run.plain for i, run in given.runs.items()}.items() <= {
        i: run.plain for i, run in points.runs.items()
    }.items()


def test_every_pair_of_tasks_has_its_grid():
    names = ["digit", "even", "prime"]
    job = make_job(
        suite="digits_attributes",
        suite__tasks=names,
        suite__pairs="all",
        weighting="static",
        weighting__grid=3,
    )
    study = plan_study(prepare([job]))
    assert len(study.cells) == 3 * 3
    assert {len(cell.config["weighting"]["weights"]) for cell in study.cells} == {2}
    pairs = plan_study(prepare([{**job, "suite": {**job["suite"], "pairs": None}}]))
    assert len(pairs.cells) == 6  # three tasks: the lattice has corners and the middles of edges


def test_too_many_points_are_a_fault_of_the_setting():
    # C(5 + 8, 9) = 715 points, C(6 + 8, 9) = 2,002.
    with pytest.raises(ConfigError, match=r"`weighting.grid` must be at most 5 with 10 tasks"):
        list(variants(make_job(weighting="static", weighting__grid=11), 10, Memo()))
