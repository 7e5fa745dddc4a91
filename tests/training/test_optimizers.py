"""Stacked optimizers against torch's own, lane by lane, and learning rates by hand."""

import numpy as np
import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config

from mtlrun.catalog import load_option, options
from mtlrun.config import build
from mtlrun.training.optimizers import SGD, Adam, AdamW, LaneOptimizer

SHAPES = {"matrix": (5, 3), "wide": (16, 16), "vector": (7,), "one": (1,)}
STEPS = 6

OPTIMIZERS = [
    (SGD(lr=0.1, momentum=0.0), torch.optim.SGD, {}),
    (SGD(lr=0.1, momentum=0.9, weight_decay=0.1), torch.optim.SGD, {"momentum": 0.9, "weight_decay": 0.1}),
    (SGD(lr=0.1, momentum=0.9, nesterov=True), torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    (Adam(lr=0.01), torch.optim.Adam, {}),
    (
        Adam(lr=0.01, beta1=0.5, beta2=0.9, eps=1e-3, weight_decay=0.1),
        torch.optim.Adam,
        {"betas": (0.5, 0.9), "eps": 1e-3, "weight_decay": 0.1},
    ),
    (AdamW(lr=0.01), torch.optim.AdamW, {"weight_decay": 0.01}),
]


def drawn(lanes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {
        n: torch.randn(lanes, *shape, generator=generator, dtype=torch.float64) for n, shape in SHAPES.items()
    }


def lanes_of(template):
    """Three lanes: two with equal settings, one with a learning rate of its own in between."""
    other = type(template)(**{**vars(template), "lr": template.lr * 3})
    return [template, other, template]


@pytest.mark.parametrize(("template", "reference", "settings"), OPTIMIZERS)
def test_every_lane_gets_what_torch_would_give_it(template, reference, settings):
    lanes, initial = lanes_of(template), drawn(3)
    ours = LaneOptimizer(lanes, initial)
    assert all(torch.equal(ours.parameters[n], initial[n]) for n in initial)
    expected = []
    for lane, optimizer in enumerate(lanes):
        alone = {n: values[lane].clone().requires_grad_() for n, values in initial.items()}
        expected.append((alone, reference(alone.values(), lr=optimizer.lr, foreach=False, **settings)))
    for step in range(STEPS):
        gradients = drawn(3, seed=step + 1)
        ours.step(gradients, step, STEPS)
        for lane, (alone, optimizer) in enumerate(expected):
            for name, values in alone.items():
                values.grad = gradients[name][lane].clone()
            optimizer.step()
    for lane, (alone, _) in enumerate(expected):
        for name, values in alone.items():
            torch.testing.assert_close(ours.parameters[name][lane], values, rtol=1e-12, atol=1e-14)


def test_gradients_may_lie_in_memory_in_any_way():
    results = []
    for turned in (False, True):
        ours = LaneOptimizer([Adam(), Adam()], drawn(2))
        gradients = drawn(2, seed=1)
        if turned:
            gradients = {n: g.mT.contiguous().mT if g.dim() > 2 else g for n, g in gradients.items()}
        ours.step(gradients, 0, 1)
        results.append(ours.parameters)
    assert all(torch.equal(results[0][n], results[1][n]) for n in SHAPES)


@pytest.mark.parametrize("template", [pair[0] for pair in OPTIMIZERS])
def test_parameters_without_a_gradient_stay_and_so_does_their_momentum(template):
    ours, pausing = (LaneOptimizer(lanes_of(template), drawn(3)) for _ in range(2))
    first, second = drawn(3, seed=1), drawn(3, seed=2)
    ours.step(first, 0, STEPS)
    pausing.step(first, 0, STEPS)
    before = pausing.parameters["matrix"].detach().clone()
    for _ in range(3):
        pausing.step({"vector": first["vector"]}, 1, STEPS)
    assert torch.equal(pausing.parameters["matrix"], before)
    ours.step(second, 4, STEPS)
    pausing.step(second, 4, STEPS)
    assert torch.equal(pausing.parameters["matrix"], ours.parameters["matrix"])
    assert not torch.equal(pausing.parameters["vector"], ours.parameters["vector"])


def test_weight_decay_can_be_left_out():
    zeros = {n: torch.zeros(2, *shape, dtype=torch.float64) for n, shape in SHAPES.items()}
    for template in (AdamW(weight_decay=0.5), Adam(weight_decay=0.5), SGD(weight_decay=0.5)):
        for decay in (True, False):
            ours = LaneOptimizer([template, template], drawn(2), decay=decay)
            ours.step(zeros, 0, 1)
            unmoved = torch.equal(ours.parameters["matrix"], drawn(2)["matrix"])
            assert unmoved is not decay


def test_a_phases_factor_multiplies_the_learning_rate():
    templates = [SGD(lr=0.1, momentum=0.0), SGD(lr=0.2, momentum=0.0)]
    ours, gradients = LaneOptimizer(templates, drawn(2)), drawn(2, seed=1)
    ours.step(gradients, 0, 10, factor=0.5)
    rates = torch.tensor([0.05, 0.1], dtype=torch.float64).view(2, 1)
    torch.testing.assert_close(
        ours.parameters["vector"].detach(), drawn(2)["vector"] - rates * gradients["vector"]
    )


def test_learning_rates_follow_each_lanes_own_schedule():
    templates = [SGD(lr=0.1, momentum=0.0), SGD(lr=0.1, momentum=0.0, schedule="cosine")]
    ours, gradients = LaneOptimizer(templates, drawn(2)), drawn(2, seed=1)
    ours.step(gradients, 5, 10)  # half way, cosine has come down to a half
    rates = torch.tensor([0.1, 0.05], dtype=torch.float64).view(2, 1)
    torch.testing.assert_close(
        ours.parameters["vector"].detach(), drawn(2)["vector"] - rates * gradients["vector"]
    )


def factors(steps, **settings):
    optimizer = SGD(**settings)
    return [optimizer.lr_factor(step, steps) for step in range(steps)]


def test_constant_and_cosine_rates():
    assert factors(4) == [1, 1, 1, 1]
    half = np.sqrt(0.5)
    assert factors(4, schedule="cosine") == pytest.approx([1, (1 + half) / 2, 0.5, (1 - half) / 2])


def test_warm_up_rises_linearly_and_cosine_follows_it():
    assert factors(8, warmup=0.5) == pytest.approx([1 / 5, 2 / 5, 3 / 5, 4 / 5, 1, 1, 1, 1])
    assert factors(10, warmup=0.25)[:4] == pytest.approx([1 / 3, 2 / 3, 1, 1])
    both = factors(8, warmup=0.5, schedule="cosine")
    assert both == pytest.approx([1 / 5, 2 / 5, 3 / 5, 4 / 5, *factors(4, schedule="cosine")])


@pytest.mark.parametrize("option", options("optimizer"))
@pytest.mark.parametrize("schedule", ("constant", "cosine"))
@pytest.mark.parametrize("warmup", (0.0, 0.1, 0.99))
def test_rates_of_any_optimizer_are_above_0_and_at_most_its_own(option, schedule, warmup):
    optimizer = build({**load_option("optimizer", option), "schedule": schedule, "warmup": warmup})
    for steps in (1, 2, 7, 100):
        found = [optimizer.lr_factor(step, steps) for step in range(steps)]
        assert all(0 < factor <= 1 for factor in found)


@pytest.mark.parametrize(
    ("optimizer", "keys"),
    [
        (SGD(lr=0.0, warmup=1.0, weight_decay=-1.0), ["lr", "warmup", "weight_decay"]),
        (SGD(momentum=1.0), ["momentum"]),
        (SGD(momentum=0.0, nesterov=True), ["nesterov"]),
        (Adam(beta1=1.0, beta2=-0.1, eps=0.0), ["beta1", "beta2", "eps"]),
        (AdamW(lr=-1.0), ["lr"]),
    ],
)
def test_faults(optimizer, keys):
    assert [fault.key for fault in optimizer.faults()] == keys


def test_what_a_weighting_learns_follows_the_learning_rates_schedule():
    # Adam's steps are about as long as the rate: 1 at first, (1 + cos 0.9 pi) / 2 = 0.024 of it in the last of ten.
    config = run_config(weighting="uncertainty", optimizer__schedule="cosine", steps=10)
    cohort = cohort_of([config, {**config, "seed": 1}], torch.device("cpu"))
    trainer, moves = cohort.begin(cohort.phases[0]), []
    for step, batch in enumerate(cohort.batches(cohort.phases[0], 0)):
        before = {n: p.detach().clone() for n, p in trainer.lanes.own[0].learned.items()}
        trainer.step(batch, step)
        after = trainer.lanes.own[0].learned
        moves.append(max(float((after[n].detach() - p).abs().max()) for n, p in before.items()))
    assert 0 < moves[-1] < 0.1 * moves[0]
