"""DualProj: hand values, and TorchJD."""

import pytest
import torch
from support.weighting import run_stacked, weights_of
from test_upgrad import EXACT, random_cases
from torchjd.aggregation import DualProjWeighting

from mtlrun.weighting.dualproj import DualProj


def test_two_tasks_in_conflict():
    # g1 = (1, 0), g2 = (-2, 1): the mean (-1/2, 1/2) has slope -1/2 along g1; adding g1 / 2 makes it (0, 1/2).
    assert weights_of(DualProj(), [[1, -2], [-2, 5]]).tolist() == [1, 0.5]


def test_gradients_in_conflict_whose_mean_is_not():
    # g1 = (1, 0), g2 = (-1, 1): the mean (0, 1/2) has slopes 0 and 1/2.
    assert weights_of(DualProj(), [[1, -1], [-1, 2]]).tolist() == [0.5, 0.5]


@pytest.mark.parametrize("tasks", (2, 3, 5))
def test_weights_agree_with_torchjd(tasks):
    cases, oracle = random_cases(DualProj(), tasks), DualProjWeighting(projector=EXACT)
    found = run_stacked(DualProj(), cases)[:, 0]
    for ours, case in zip(found, cases, strict=True):
        torch.testing.assert_close(ours, oracle(case.gramian), rtol=1e-5, atol=1e-5)
    assert (found.amax(1) > 1 / tasks + 1e-9).sum() > 10  # some are projected
