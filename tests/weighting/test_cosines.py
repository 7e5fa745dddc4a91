"""Cosines and lengths of a Gramian, worked out by hand."""

import pytest
import torch

from mtlrun.weighting.cosines import cosines


def test_by_hand():
    # (2, 0), (3, 4), (0, 0): lengths 2, 5, 0; (2, 0)'(3, 4) = 6, over 10
    gradients = torch.tensor([[2.0, 0], [3, 4], [0, 0]], dtype=torch.float64)
    cosine, lengths = cosines(gradients @ gradients.mT)
    assert lengths.tolist() == [2, 5, 0]
    assert cosine.flatten().tolist() == pytest.approx([1, 0.6, 0, 0.6, 1, 0, 0, 0, 0])


@pytest.mark.parametrize("sign", (-1.0, 1.0))
def test_rounding_makes_no_cosine_larger_than_1(sign):
    beyond = sign * (1 + 1e-6)
    cosine, _ = cosines(torch.tensor([[1.0, beyond], [beyond, 1.0]]))
    assert cosine[0, 1].item() == sign
