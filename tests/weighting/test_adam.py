"""Adam on a few numbers, against torch's."""

import numpy as np
import pytest
import torch

from mtlrun.weighting.adam import adam_start, adam_step


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_it_is_torchs_adam(dtype, tolerance):
    rng = np.random.default_rng(0)
    values = torch.zeros(3, dtype=dtype)
    theirs = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([theirs], lr=0.1)
    state = {k: v.to(dtype) for k, v in adam_start(3).items()}
    for _ in range(300):
        gradient = torch.from_numpy(rng.standard_normal(3) * [1e-3, 1, 1e3])
        theirs.grad = gradient
        optimizer.step()
        direction, state = adam_step(gradient.to(dtype), state)
        values = values - 0.1 * direction
    torch.testing.assert_close(values.double(), theirs.detach(), rtol=tolerance, atol=10 * tolerance)


def test_its_first_step_has_length_1_at_any_scale():
    for scale in (1e-4, 1.0, 1e8):
        direction, _ = adam_step(torch.tensor([scale, -scale]), adam_start(2))
        assert direction.tolist() == pytest.approx([1, -1], abs=1e-3)
