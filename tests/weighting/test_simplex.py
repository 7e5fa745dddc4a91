"""The nearest point of the simplex, against a root finder."""

import numpy as np
import pytest
import torch
from scipy.optimize import brentq

from mtlrun.weighting.simplex import nearest_on_simplex


def test_hand_values():
    assert nearest_on_simplex(torch.tensor([0.25, 0.75])).tolist() == [0.25, 0.75]
    # (0.5, 0.75) is 1/4 over: each loses 1/8
    assert nearest_on_simplex(torch.tensor([0.5, 0.75])).tolist() == [0.375, 0.625]
    assert nearest_on_simplex(torch.tensor([-4.0, 3.0, 0.5])).tolist() == [0, 1, 0]
    assert nearest_on_simplex(torch.tensor([1e16, 0.0])).tolist() == [1, 0]


@pytest.mark.parametrize("tasks", (2, 3, 5, 10))
def test_against_a_root_finder(tasks):
    rng = np.random.default_rng(tasks)
    for scale in (1e-8, 0.1, 1, 1e3):
        for _ in range(50):
            point = scale * rng.standard_normal(tasks)
            theta = brentq(lambda t, p=point: np.maximum(p - t, 0).sum() - 1, point.min() - 2, point.max())
            found = nearest_on_simplex(torch.from_numpy(point)).numpy()
            assert found == pytest.approx(np.maximum(point - theta, 0), abs=1e-9)
