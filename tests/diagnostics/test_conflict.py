from __future__ import annotations

import torch

from mtlrun.diagnostics.conflict import gradient_cosines


def test_a_cosine_for_each_pair_in_order() -> None:
    gradients = torch.tensor([[3.0, 0.0], [0.0, 2.0], [-1.0, -1.0]], dtype=torch.float64)
    found = gradient_cosines((gradients @ gradients.T).unsqueeze(0))
    half = -(0.5**0.5)
    torch.testing.assert_close(found, torch.tensor([[0.0, half, half]], dtype=torch.float64))


def test_a_gradient_of_zero_has_cosine_zero() -> None:
    assert gradient_cosines(torch.zeros(2, 2, 2)).tolist() == [[0.0], [0.0]]
