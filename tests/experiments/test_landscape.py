"""The landscape of two losses is that of the papers, and what is known of methods on it holds here."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from experiments.landscape.descend import Path, descend, groups, methods
from experiments.landscape.problem import REACHED, STARTS, distance, gap, losses, pareto_set, shifted
from experiments.landscape.run import COLUMNS, rows
from mtlrun.catalog import options

HARD = [(9.0, 9.0)]  # where the sum of losses stalls in both papers


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def end(name, starts, steps=900, lr=0.02):
    (path,) = descend([name], steps, lr, starts)
    assert np.allclose(path.points[:, 0], starts)
    return path.points[:, -1]


def test_losses_at_points_worked_out_by_hand():
    # (7, -8): the first bowl's centre, c2 = tanh(4) = 0.999329: L1 = -2 c2, L2 = c2 (196 / 10 - 20)
    # (0, 0): both factors are 0
    # (9, 9): c1 = tanh(4.5) = 0.999753, tanh(9) = 1: f1 = log|-8 + 1| + 6, f2 = log|-3 - 1 + 2| + 6
    found = losses(torch.tensor([[7.0, -8.0], [0.0, 0.0], [9.0, 9.0]], dtype=torch.float64))
    expected = [[-1.998659, -0.399732], [0.0, 0.0], [0.1 * 7.943948, 6.691495]]
    assert np.allclose(found, expected, atol=1e-5)


def test_no_point_beats_the_pareto_set_in_both_losses():
    grid = torch.cartesian_prod(torch.linspace(-12, 12, 241), torch.linspace(-12, 12, 241)).double()
    front = losses(torch.from_numpy(pareto_set(57)))
    better = (losses(grid)[:, None] < front - 1e-6).all(-1)
    assert not better.any()
    assert (shifted(grid) > 0).all()


def test_distance_and_gap_are_0_on_the_pareto_set_alone():
    assert distance(pareto_set(11)) == pytest.approx(0, abs=0.03)
    assert gap(pareto_set(11)) == pytest.approx(0, abs=0.05)
    assert (gap(np.array(STARTS)) > REACHED).all()


def test_groups_hold_every_option_of_weighting_once():
    assert sorted(name for group in groups(methods()) for name in group) == options("weighting")


@pytest.mark.slow
def test_traced_steps_lead_where_plain_ones_do():
    paths = [descend(["equal"], 20, 0.02, traced=traced)[0].points for traced in (False, True)]
    assert np.allclose(*paths, atol=1e-4)


def test_the_sum_of_losses_stalls_in_a_ravine():
    ends = end("equal", HARD)
    assert ends[0, 1] > 0  # still in the upper half plane
    assert gap(ends)[0] > 5


@pytest.mark.parametrize("name", ["mgda", "nash_mtl", "imtl_g"])
def test_gradient_methods_leave_the_ravine_and_reach_the_front(name):
    assert gap(end(name, HARD))[0] <= REACHED


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mgda", "nash_mtl", "imtl_g", "famo"])
def test_the_front_is_reached_from_every_start(name):
    assert (gap(end(name, STARTS, steps=2000)) <= REACHED).all()


def test_a_path_is_a_line_of_the_table_for_every_start():
    points = np.array([[[9.0, 9.0], [3.5, -8.376]], [[0.0, 0.0], [5.0, 2.0]]], dtype=np.float32)
    good, bad = rows([Path("some", points)])
    assert good[:5] == ["some", "9.000", "9.000", "3.500", "-8.376"]
    assert (good[-1], bad[-1]) == ("yes", "no")
    assert len(good) == len(COLUMNS)
