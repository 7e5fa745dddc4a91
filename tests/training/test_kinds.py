"""Every kind of weighting that the step serves, against gradients taken the ordinary way on one run's network."""

import numpy as np
import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config

from mtlrun.training.network import Parts, build_network
from mtlrun.training.objective.losses import LOSSES
from mtlrun.weighting import slopes

LR = 0.05
OWN = "support.strategies."


def config(seed, name, **choices):
    node = {"_target_": OWN + name, **choices}
    return run_config(seed=seed, optimizer="sgd", optimizer__lr=LR, optimizer__momentum=0.0) | {
        "weighting": node
    }


def steps(name, count, lanes=3, **choices):
    """Return what the engine does in some steps: the cohort, and a (batch, gradients, weights) each."""
    torch.set_num_threads(1)
    cohort = cohort_of([config(seed, name, **choices) for seed in range(lanes)], torch.device("cpu"))
    (phase,) = cohort.phases
    trainer, found = cohort.begin(phase), []
    for step, batch in zip(range(count), cohort.batches(phase, 0), strict=False):
        before = {n: p.detach().clone() for n, p in cohort.parameters.items()}
        gradients, _, weights = trainer.program.gradients(trainer.lanes, batch)
        trainer.optimizer.step(gradients, step, phase.steps)
        trainer.program.watch(trainer.lanes, batch)
        found.append((batch, before, gradients, weights))
    return cohort, found


class Plain:
    """One run's network at given parameters, and its task losses on examples of one lane."""

    def __init__(self, cohort, seed, parameters, name, **choices):
        parts = Parts.of(config(seed, name, **choices))
        self.network = build_network(parts, cohort.info, seed).double()
        self.network.load_state_dict({n: p[seed] for n, p in parameters.items()})
        self.named = dict(self.network.named_parameters())
        self.tasks, self.seed = cohort.info.tasks, seed
        self.shared = [n for n, owner in self.network.owners().items() if owner is None]

    def losses(self, examples):
        inputs, targets = ([x[self.seed] for x in each] for each in examples[:2])
        self.features = self.network.body.trunk(inputs[0])
        outputs = self.network.heads([self.features, self.features])
        return [LOSSES[task.kind](out, y) for task, out, y in zip(self.tasks, outputs, targets, strict=True)]

    def jacobian(self, examples):
        """Return the tasks' gradients of the shared parameters, (T, P)."""
        shared = [self.named[n] for n in self.shared]
        rows = [torch.autograd.grad(loss, shared, retain_graph=True) for loss in self.losses(examples)]
        return torch.stack([torch.cat([g.flatten() for g in row]) for row in rows])


def shared_of(gradients, plain):
    return torch.cat([gradients[n][plain.seed].flatten() for n in plain.shared])


def own_of(gradients, plain):
    return {n: g[plain.seed] for n, g in gradients.items() if n not in plain.shared}


def assert_own_gradients(gradients, plain, losses, weights=(1.0, 1.0)):
    own = own_of(gradients, plain)
    total = sum(w * loss for w, loss in zip(weights, losses, strict=True))
    expected = torch.autograd.grad(total, [plain.named[n] for n in own], retain_graph=True)
    for found, value in zip(own.values(), expected, strict=True):
        torch.testing.assert_close(found, value)


@pytest.mark.parametrize("lane", (0, 2))
def test_a_weighting_of_the_whole_jacobian_with_a_memory_of_its_size(lane):
    cohort, ((one, start, first, _), (two, later, second, _)) = steps("Agreeing", 2)
    plain = Plain(cohort, lane, start, "Agreeing")
    jacobian = plain.jacobian(one.examples)
    agree = (jacobian > 0).all(0) | (jacobian < 0).all(0) | (jacobian == 0).all(0)
    update = jacobian.sum(0) * agree
    assert 0.2 < agree.double().mean() < 0.9
    torch.testing.assert_close(shared_of(first, plain), update)
    assert_own_gradients(first, plain, plain.losses(one.examples))
    plain = Plain(cohort, lane, later, "Agreeing")
    jacobian = plain.jacobian(two.examples)
    agree = (jacobian > 0).all(0) | (jacobian < 0).all(0) | (jacobian == 0).all(0)
    torch.testing.assert_close(shared_of(second, plain), jacobian.sum(0) * agree + 0.5 * update)


@pytest.mark.parametrize("lane", (0, 2))
def test_a_gramian_on_the_representation(lane):
    cohort, ((batch, start, gradients, weights),) = steps("Normalised", 1, gradients_at="representation")
    plain = Plain(cohort, lane, start, "Normalised", gradients_at="representation")
    losses = plain.losses(batch.examples)
    lengths = [torch.autograd.grad(loss, plain.features, retain_graph=True)[0].norm() for loss in losses]
    torch.testing.assert_close(weights[lane], 1 / torch.stack(lengths))
    on_parameters = plain.jacobian(batch.examples).norm(dim=1)
    assert not torch.allclose(weights[lane], 1 / on_parameters, rtol=0.05)
    total = sum(loss / length for loss, length in zip(losses, lengths, strict=True))
    expected = torch.autograd.grad(total, [plain.named[n] for n in plain.shared], retain_graph=True)
    torch.testing.assert_close(shared_of(gradients, plain), torch.cat([g.flatten() for g in expected]))
    assert_own_gradients(gradients, plain, losses)


@pytest.mark.parametrize("lane", (0, 2))
def test_a_second_forward_pass_after_the_update(lane):
    cohort, ((one, _, _, first), (_, later, _, second)) = steps("Worsened", 2)
    assert torch.equal(first[lane], torch.ones(2).double())
    plain = Plain(cohort, lane, later, "Worsened")  # the parameters that the first update left
    torch.testing.assert_close(second[lane], torch.stack(plain.losses(one.examples)).detach())


@pytest.mark.parametrize("lane", (0, 2))
def test_gradients_of_further_batches(lane):
    cohort, ((batch, start, gradients, weights),) = steps("Crossed", 1)
    plain = Plain(cohort, lane, start, "Crossed")
    one, two = (plain.jacobian(examples) for examples in batch.extra)
    pictures = [examples.inputs[0][lane] for examples in (batch.examples, *batch.extra)]
    assert not torch.equal(pictures[1], pictures[2]) and not torch.equal(pictures[0], pictures[1])
    torch.testing.assert_close(weights[lane], (one @ two.T).sum(1))
    expected = weights[lane] @ plain.jacobian(batch.examples)
    torch.testing.assert_close(shared_of(gradients, plain), expected)
    assert_own_gradients(gradients, plain, plain.losses(batch.examples))


@pytest.mark.parametrize("lane", (0, 2))
def test_slopes_along_the_gradient_of_held_out_loss(lane, monkeypatch):
    monkeypatch.setattr(slopes, "STEP_LENGTH", 1e-5)  # so short that no ReLU bends within; float64 bears it
    cohort, ((batch, start, gradients, weights),) = steps("HeldOut", 1)
    plain = Plain(cohort, lane, start, "HeldOut")
    values = list(plain.named.values())
    here = [
        torch.autograd.grad(loss, values, retain_graph=True, allow_unused=True)
        for loss in plain.losses(batch.examples)
    ]
    here = [
        torch.cat(
            [(torch.zeros_like(p) if g is None else g).flatten() for p, g in zip(values, row, strict=True)]
        )
        for row in here
    ]
    ahead = {n: p.clone() for n, p in start.items()}
    place = 0
    for name, p in plain.named.items():
        ahead[name][lane] -= LR * sum(here)[place : place + p.numel()].view_as(p)
        place += p.numel()
    moved = Plain(cohort, lane, ahead, "HeldOut")
    held_out = torch.autograd.grad(sum(moved.losses(batch.extra[0])), list(moved.named.values()))
    direction = torch.cat([g.flatten() for g in held_out])
    exact = torch.stack([direction @ g for g in here])
    torch.testing.assert_close(weights[lane] - 1, exact, rtol=1e-6, atol=0)
    assert_own_gradients(gradients, plain, plain.losses(batch.examples), weights[lane])
    assert all(torch.equal(start[n], p) for n, p in untouched().items())


def untouched():
    cohort = cohort_of([config(seed, "HeldOut") for seed in range(3)], torch.device("cpu"))
    return {n: p.detach() for n, p in cohort.parameters.items()}


def test_the_representation_must_be_shared():
    from mtlrun.errors import ConfigError

    node = {"_target_": OWN + "Normalised", "gradients_at": "representation"}
    permuted = run_config(seed=0, suite="digits_permuted") | {"weighting": node}  # an input for every task
    with pytest.raises(ConfigError, match=r"weighting\.gradients_at=representation"):
        cohort_of([permuted], torch.device("cpu"))


@pytest.mark.parametrize("name", ("Agreeing", "Worsened", "Crossed", "HeldOut"))
@pytest.mark.parametrize("sharing", ("hard", "branched", "separate"))
def test_alone_among_others_and_with_nothing_shared(name, sharing):
    torch.set_num_threads(1)
    node = {"_target_": OWN + name}
    runs = [run_config(seed=s, sharing=sharing, steps=20) | {"weighting": node} for s in range(4)]
    (alone,) = cohort_of([runs[2]], torch.device("cpu")).train()
    among = cohort_of(runs, torch.device("cpu")).train()[2]
    for parameter, value in alone.parameters.items():
        np.testing.assert_allclose(among.parameters[parameter], value, rtol=1e-10, atol=1e-12)
