"""Figures of conflict on gradients that can be worked out by hand."""

import math

import pytest
import torch

from mtlrun.diagnostics.conflict import (
    gradient_cosines,
    gradient_norms,
    magnitude_similarities,
    mean_curvature,
)

GRADIENTS = torch.tensor([[3.0, 4.0], [-4.0, 3.0], [0.0, -1.0]], dtype=torch.float64)
GRAMIAN = GRADIENTS @ GRADIENTS.T


def test_cosines_are_of_every_pair_in_order():
    assert gradient_cosines(GRAMIAN).tolist() == pytest.approx([0.0, -0.8, -0.6])


def test_magnitudes_are_alike_where_lengths_are():
    assert gradient_norms(GRAMIAN).tolist() == pytest.approx([5, 5, 1])
    assert magnitude_similarities(GRAMIAN).tolist() == pytest.approx([1, 10 / 26, 10 / 26])


def test_leading_axes_stay():
    lanes = torch.stack([GRAMIAN, 4 * GRAMIAN])
    for function in (gradient_cosines, magnitude_similarities):
        one, other = function(lanes)
        assert one.shape == (3,)
        torch.testing.assert_close(one, other)


def test_a_gradient_of_0_has_no_cosine():
    gramian = torch.tensor([[4.0, 0.0], [0.0, 0.0]])
    assert math.isnan(gradient_cosines(gramian).item())
    assert magnitude_similarities(gramian).item() == 0
    assert math.isnan(magnitude_similarities(torch.zeros(2, 2)).item())


def test_the_curvature_of_a_parabola():
    def gradient(x):
        return 3 * x  # of 1.5 x^2

    update = torch.tensor([0.5, -2.0])
    change = gradient(1 + update) - gradient(torch.ones(2))
    assert mean_curvature(update**2, update * change).tolist() == pytest.approx([3, 3])
    assert math.isnan(mean_curvature(torch.zeros(()), torch.zeros(())).item())
