"""Auto-lambda: a hand value, torch's Adam, and that held-out loss really falls along the weights' step."""

import numpy as np
import pytest
import torch
from support.configs import run_config
from support.weighting import first_step

from mtlrun.training.loop import probes
from mtlrun.weighting.auto_lambda import AutoLambda
from mtlrun.weighting.base import Facts, Signals


def weights_by_step(method, slopes):
    """Weights of every step, for slopes (steps, T)."""
    state, found = {k: v.double() for k, v in method.init_state(Facts(len(slopes[0]))).items()}, []
    for values in np.asarray(slopes, dtype=float):
        signals = Signals(torch.ones(len(values)), None, None, {}, torch.tensor(False), torch.tensor(values))
        weights, state = method.weigh(signals, state)
        torch.testing.assert_close(method.standing(state), weights)
        found.append(weights.numpy())
    return np.array(found)


def test_pinned_values():
    # Adam's first step is lr long, whatever the slope's size: towards the task whose gradient agrees with
    # that of held-out loss
    assert weights_by_step(AutoLambda(lr=0.01), [[3.0, -0.5]])[0] == pytest.approx([0.11, 0.09])


def test_weights_move_as_torchs_adam_moves_them():
    rng = np.random.default_rng(0)
    slopes = rng.normal([1, 0, -1], 1, (60, 3))
    found = weights_by_step(AutoLambda(lr=1e-3, start=0.2), slopes)
    weights = torch.full((3,), 0.2, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([weights], lr=1e-3)
    for step, values in enumerate(slopes):
        weights.grad = -torch.tensor(values)
        optimizer.step()
        assert found[step] == pytest.approx(weights.detach().numpy(), rel=1e-6)
    assert found[-1, 0] > 0.22 > 0.18 > found[-1, 2]


def test_a_weight_stays_at_0_and_comes_back():
    found = weights_by_step(AutoLambda(lr=0.1), [[-1.0, 1.0]] * 3 + [[9.0, 9.0]] * 3)
    assert found[:3, 0] == pytest.approx(0, abs=1e-6)
    assert found[-1, 0] > 0.01


def test_held_out_loss_falls_along_the_step_of_the_weights():
    # L_t = |theta - c_t|^2 / 2; held-out loss (theta - c)^2 / 2. After theta' = theta - eta sum w_t (theta - c_t)
    # it changes with w_t by -eta (theta - c_t)'(theta' - c): slopes are (theta - c_t)'(theta' - c).
    rng = np.random.default_rng(0)
    for _ in range(20):
        theta, held, centres = rng.standard_normal(4), rng.standard_normal(4), rng.standard_normal((3, 4))

        def held_out(weights, theta=theta, held=held, centres=centres):
            return ((theta - 0.1 * weights @ (theta - centres) - held) ** 2).sum() / 2

        start = np.full(3, 0.1)
        ahead = theta - 0.1 * start @ (theta - centres)
        (after,) = weights_by_step(AutoLambda(lr=1e-4), [(theta - centres) @ (ahead - held)])
        assert held_out(after) < held_out(start)


def test_the_engine_probes_at_the_standing_weights(monkeypatch):
    seen = []

    def recorded(program, lanes, batch):
        seen.append((program.standing_weights(lanes), probes.validation_slopes(program, lanes, batch)))
        return seen[-1][1]

    monkeypatch.setitem(probes.PROBES, "validation_slopes", recorded)
    weights = first_step([run_config(s, weighting="auto_lambda", weighting__lr=0.01) for s in range(3)])[2]
    ((standing, slopes),) = seen
    torch.testing.assert_close(standing, torch.full((3, 2), 0.1).double())
    torch.testing.assert_close(weights, standing + 0.01 * slopes.sign(), rtol=1e-4, atol=0)


def test_where_nothing_is_shared_every_task_weighs_1():
    weights = first_step([run_config(0, weighting="auto_lambda", sharing="separate")])[2]
    assert weights.tolist() == [[1, 1]]


def test_faults():
    assert [fault.key for fault in AutoLambda(lr=-1.0, start=0.0).faults()] == ["lr", "start"]
    assert not list(AutoLambda().faults())
