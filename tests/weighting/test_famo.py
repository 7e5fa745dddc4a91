"""FAMO: a hand value of a step and its update, many steps of TorchJD's, and the engine's second look."""

import math

import numpy as np
import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config
from torchjd.scalarization import FAMO as TorchJDFAMO

from mtlrun.weighting.base import Facts, Signals
from mtlrun.weighting.famo import FAMO


def begin(method, tasks):
    return {k: v.double() for k, v in method.init_state(Facts(tasks)).items()}


def weigh(method, losses, state):
    signals = Signals(torch.as_tensor(losses).double(), None, None, {}, torch.tensor(False))
    return method.weigh(signals, state)


def test_pinned_values():
    method = FAMO(lr=0.1, decay=0.0)
    weights, state = weigh(method, [1.0, 3.0], begin(method, 2))
    # z = (1/2, 1/2), over the losses (1/2, 1/6), normalised
    assert weights.tolist() == pytest.approx([3 / 4, 1 / 4])
    # d = (ln 1 - ln e^-1, 0) = (1, 0); gradient z (d - z'd) = (1/4, -1/4); Adam's first step is lr long
    state = method.after(torch.tensor([math.exp(-1), 3.0]).double(), state)
    assert state["logits"].tolist() == pytest.approx([-0.1, 0.1])
    # z is proportional to (1, e^0.2): at equal losses, the task that fell has lost weight
    assert weigh(method, [2.0, 2.0], state)[0].tolist() == pytest.approx(
        [1 / (1 + math.exp(0.2)), 1 / (1 + math.exp(-0.2))]
    )


def test_a_lower_bound_is_taken_off():
    method = FAMO(least=1.0)
    assert weigh(method, [2.0, 4.0], begin(method, 2))[0].tolist() == pytest.approx([3 / 4, 1 / 4])
    weights = weigh(method, [0.5, 2.0], begin(method, 2))[0]  # below the bound: as on it
    assert weights.tolist() == pytest.approx([1, 1e-8])


@pytest.mark.parametrize("tasks", (2, 3, 5))
def test_many_steps_agree_with_torchjd(tasks):
    rng = np.random.default_rng(tasks)
    least = 0.05
    method = FAMO(lr=0.03, decay=0.01, least=least)
    oracle = TorchJDFAMO(tasks, torch.full((tasks,), least).double(), lr=0.03, weight_decay=0.01).double()
    state = begin(method, tasks)
    for _ in range(200):
        values = rng.uniform(0.1, 3, tasks)
        later = torch.from_numpy(values * rng.uniform(0.7, 1.1, tasks))
        losses = torch.tensor(values, requires_grad=True)
        (expected,) = torch.autograd.grad(oracle(losses), losses)
        weights, state = weigh(method, values, state)
        torch.testing.assert_close(weights, expected, rtol=1e-6, atol=1e-9)
        oracle.update(later)
        state = method.after(later, state)
    assert weights.std() > 0.01


def test_the_engine_shows_it_the_losses_after_the_update():
    torch.set_num_threads(1)
    cohort = cohort_of([run_config(seed=s, weighting="famo") for s in (0, 1)], torch.device("cpu"))
    (phase,) = cohort.phases
    trainer, batches = cohort.begin(phase), cohort.batches(phase, 0)
    batch = next(batches)
    losses, weights = trainer.step(batch, 0)
    inverse = 1 / losses
    torch.testing.assert_close(weights, inverse / inverse.sum(1, keepdim=True))
    fell = (losses / torch.stack(trainer.program.see(trainer.lanes, batch.examples).losses, 1)).log()
    # Adam's first step: every logit moves by lr, down for the task that fell more
    expected = -0.025 * (fell - fell.mean(1, keepdim=True)).sign()
    torch.testing.assert_close(trainer.lanes.own[0].state["logits"], expected.detach(), rtol=1e-2, atol=0)


def test_lanes_may_differ_in_its_numbers():
    settings = [{"weighting__lr": 0.01, "weighting__least": 0.1}, {"weighting__lr": 0.5}]
    configs = [run_config(seed=1, steps=10, weighting="famo", **s) for s in settings]
    together = cohort_of(configs, torch.device("cpu")).train()
    for config, ours in zip(configs, together, strict=True):
        (alone,) = cohort_of([config], torch.device("cpu")).train()
        np.testing.assert_allclose(ours.diagnostics["weights"], alone.diagnostics["weights"], rtol=1e-9)
    first, second = (np.array(result.diagnostics["weights"])[-1] for result in together)
    assert abs(first - second).max() > 0.01


def test_faults():
    assert [fault.key for fault in FAMO(lr=-1.0, decay=-1.0).faults()] == ["lr", "decay"]
    assert not list(FAMO().faults())
