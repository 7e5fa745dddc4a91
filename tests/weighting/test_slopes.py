"""Slopes of task losses along the gradient of held-out loss: quadratic losses, whose differences are exact."""

import numpy as np
import pytest
import torch

from mtlrun.weighting.slopes import slopes_along_held_out

LANES, TASKS = 3, 2


def test_they_are_the_products_of_gradients_after_the_look_ahead():
    """L_t = |theta - c_t|^2 / 2 and held-out loss |theta - h|^2 / 2, theta in two parts, of 4 and of 2 x 3 numbers.

    The slope of L_t is (theta - c_t)'v, where v = theta - lr ahead - h.
    """
    rng = np.random.default_rng(0)
    theta, held, ahead = rng.standard_normal((3, LANES, 10))
    centres, lr = rng.standard_normal((TASKS, LANES, 10)), np.array([0.0, 0.1, 2.0])

    def parts(flat):
        flat = torch.tensor(flat)
        return {"bias": flat[:, :4].clone(), "weight": flat[:, 4:].reshape(LANES, 2, 3).clone()}

    parameters = parts(theta)

    def flat():
        return torch.cat([parameters["bias"], parameters["weight"].flatten(1)], 1)

    slopes = slopes_along_held_out(
        parameters,
        parts(ahead),
        held_out=lambda: parts((flat() - torch.tensor(held)).numpy()),
        losses=lambda: ((flat() - torch.tensor(centres)) ** 2).sum(2).mT / 2,
        lr=torch.tensor(lr),
    )
    direction = theta - lr[:, None] * ahead - held
    expected = np.einsum("tlp,lp->lt", theta - centres, direction)
    assert slopes.numpy() == pytest.approx(expected, rel=1e-9)
    assert np.array_equal(flat().numpy(), theta)  # put back


def test_without_a_held_out_gradient_there_is_no_slope():
    parameters = {"weight": torch.ones(1, 2)}
    nothing = {"weight": torch.zeros(1, 2)}

    def losses():
        return parameters["weight"].sum(1, keepdim=True)

    slopes = slopes_along_held_out(parameters, nothing, lambda: nothing, losses, torch.ones(1))
    assert slopes.tolist() == [[0.0]]
