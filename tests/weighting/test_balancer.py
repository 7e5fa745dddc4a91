"""`Balancer` on networks of a user's own: what gets which gradient, checkpoints, and what it refuses."""

import io
import re

import numpy as np
import pytest
import torch
from support.balancer_loop import PlainLoop, config
from support.cohorts import cohort_of
from torch import nn

from mtlrun.catalog import options
from mtlrun.errors import ConfigError
from mtlrun.weighting import (
    DWA,
    FAMO,
    MGDA,
    STCH,
    AutoLambda,
    Balancer,
    CAGrad,
    DataSize,
    Equal,
    GradDrop,
    MoDo,
    PCGrad,
    Static,
    Uncertainty,
)

X = torch.linspace(-1, 1, 24, dtype=torch.float64).view(8, 3)


class Net(nn.Module):
    """An encoder of two layers and a head for each task."""

    def __init__(self, tasks=2, dtype=torch.float64):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.encoder = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 4))
            self.heads = nn.ModuleList(nn.Linear(4, 1) for _ in range(tasks))
        self.to(dtype)

    def losses(self, x=X):
        return self.losses_at(self.encoder(x))

    def losses_at(self, z):
        return [(head(z) - (-1) ** k * (k + 1)).square().mean() for k, head in enumerate(self.heads)]

    def gradients(self):
        return {n: None if p.grad is None else p.grad.clone() for n, p in self.named_parameters()}


def balanced(net, weighting, **given):
    return Balancer(weighting, shared=net.encoder.parameters(), tasks=len(net.heads), **given)


def backward(weighting, net=None, **given):
    """Return the weights and gradients of one step."""
    net = net or Net()
    return balanced(net, weighting).backward(net.losses(), **given), net.gradients()


def test_equal_weights_are_loss_backward():
    weights, gradients = backward(Equal())
    net = Net()
    sum(net.losses()).backward()
    assert weights.tolist() == [1, 1] and not weights.requires_grad
    for name, gradient in net.gradients().items():
        torch.testing.assert_close(gradients[name], gradient)


def test_shared_parameters_get_the_projected_gradient_and_heads_their_own():
    _, gradients = backward(PCGrad())
    net = Net()
    shared, losses = list(net.encoder.parameters()), net.losses()
    a, b = (
        torch.cat([g.flatten() for g in torch.autograd.grad(loss, shared, retain_graph=True)])
        for loss in losses
    )
    assert a @ b < 0
    expected = a - (a @ b) / (b @ b) * b + b - (a @ b) / (a @ a) * a
    found = torch.cat([gradients[f"encoder.{n}"].flatten() for n, _ in net.encoder.named_parameters()])
    torch.testing.assert_close(found, expected)
    for task, head in enumerate(net.heads):
        own = torch.autograd.grad(losses[task], list(head.parameters()), retain_graph=True)
        torch.testing.assert_close(gradients[f"heads.{task}.weight"], own[0])
        torch.testing.assert_close(gradients[f"heads.{task}.bias"], own[1])


@pytest.mark.parametrize("weighting", (Equal(), PCGrad(), MGDA(gradients_at="representation")), ids=str)
def test_gradients_are_added_to_those_that_are_there(weighting):
    net = Net()
    balancer, found = balanced(net, weighting), []
    for _ in range(2):
        z = net.encoder(X)
        balancer.backward(net.losses_at(z), z)
        found.append(net.gradients())
    for name, gradient in found[1].items():
        torch.testing.assert_close(gradient, 2 * found[0][name])


def test_a_stacked_tensor_serves_as_a_list_does():
    net, (weights, expected) = Net(3), backward(CAGrad(), Net(3))
    found = balanced(net, CAGrad()).backward(torch.stack(net.losses()))
    torch.testing.assert_close(found, weights)
    for name, gradient in net.gradients().items():
        torch.testing.assert_close(gradient, expected[name])


def test_the_representation_may_be_several_tensors():
    found = []
    for several in (False, True):
        net = Net()
        z = net.encoder(X)
        parts = z.split(2, 1) if several else [z]
        balanced(net, MGDA(gradients_at="representation")).backward(net.losses_at(torch.cat(parts, 1)), parts)
        found.append(net.gradients())
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient)


def test_frozen_parameters_stay_without_a_gradient():
    net = Net()
    net.encoder[0].requires_grad_(False)
    weights, gradients = backward(PCGrad(), net)
    free = Balancer(PCGrad(), shared=net.encoder[2].parameters(), tasks=2)
    assert gradients["encoder.0.weight"] is None and gradients["encoder.2.weight"] is not None
    torch.testing.assert_close(free.backward(net.losses()), weights)


def test_gradients_have_the_layout_and_dtype_of_their_parameters():
    encoder = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last, dtype=torch.bfloat16)
    heads = [nn.Linear(4, 1, dtype=torch.bfloat16) for _ in range(2)]
    z = encoder(torch.ones(2, 3, 3, 3, dtype=torch.bfloat16)).flatten(1)
    losses = [(head(z) - k).square().mean() for k, head in enumerate(heads)]
    weights = Balancer(CAGrad(), shared=encoder.parameters(), tasks=2).backward(losses)
    assert (
        encoder.weight.grad.stride() == encoder.weight.stride() != encoder.weight.grad.contiguous().stride()
    )
    assert encoder.weight.grad.dtype == heads[0].weight.grad.dtype == torch.bfloat16
    assert weights.dtype == torch.float32 and encoder.weight.grad.abs().sum() > 0


def test_autocast_around_the_step_changes_no_weight():
    found = []
    for around in (False, True):
        net = Net(3, torch.float32)
        with torch.autocast("cpu", torch.bfloat16):
            losses = net.losses(X.float())
            inside = balanced(net, CAGrad()).backward(losses) if around else None
        found.append(balanced(net, CAGrad()).backward(losses) if inside is None else inside)
    assert torch.equal(*found)


@pytest.mark.parametrize("name", options("weighting"))
def test_a_checkpoint_goes_on_bit_by_bit(name):
    torch.set_num_threads(1)
    run = config(name, {}, 3)
    cohort = cohort_of([run], torch.device("cpu"))
    whole, first, second = (PlainLoop(run, cohort) for _ in range(3))
    batches = [batch for batch, _ in zip(cohort.batches(cohort.phases[0], 0), range(8), strict=False)]
    for batch in batches:
        whole.step(batch)
    for batch in batches[:4]:
        first.step(batch)
    file = io.BytesIO()
    parts = ("network", "balancer", "optimizer")
    torch.save({part: getattr(first, part).state_dict() for part in parts}, file)
    file.seek(0)
    for part, state in torch.load(file, weights_only=True).items():
        getattr(second, part).load_state_dict(state)
    for batch in batches[4:]:
        second.step(batch)
    for parameter, values in whole.network.state_dict().items():
        assert torch.equal(second.network.state_dict()[parameter], values), parameter


def test_a_state_dict_is_a_snapshot():
    net = Net()
    balancer = balanced(net, Uncertainty())
    optimizer = torch.optim.SGD(balancer.parameters(), lr=0.1)
    before = balancer.state_dict()
    balancer.backward(net.losses())
    optimizer.step()
    assert before["learned"]["log_variance"].tolist() == [0, 0] and before["steps"] == 0
    assert (balancer.state_dict()["learned"]["log_variance"] != 0).all()


def test_torchs_and_numpys_global_generators_stay_as_they_are():
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    backward(GradDrop())
    assert torch.equal(before[0], torch.get_rng_state()) and (before[1] == np.random.get_state()[1]).all()


def test_seeds_draw_numbers_of_their_own():
    found = []
    for seed in (0, 0, 1):
        net = Net()
        balanced(net, GradDrop(), seed=seed).backward(net.losses())
        found.append(net.encoder[0].weight.grad)
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])


REFUSED = [
    (lambda net: balanced(net, PCGrad), "`weighting` must be a weighting, as PCGrad() of mtlrun.weighting"),
    (lambda net: balanced(net, CAGrad(c=-1)), "`c` must be 0 or more, found -1"),
    (lambda net: balanced(net, CAGrad(c="much")), "`c` must be a finite number, found 'much'"),
    (lambda net: balanced(net, Static([1, 2, 3])), "`weights` must have one number for each of the 2 tasks"),
    (lambda net: balanced(net, Static(grid=5)), "`weighting` must be one strategy, not 5"),
    (lambda net: Balancer(PCGrad(), shared=(), tasks=2), "`shared` must be the parameters that tasks share"),
    (lambda net: Balancer(PCGrad(), net.encoder.named_parameters(), 2), "`shared` must be the parameters"),
    (lambda net: Balancer(PCGrad(), net.encoder.parameters(), 0), "`tasks` must be at least 1, found 0"),
    (lambda net: balanced(net, DWA()), "`steps_per_epoch` must be given for DWA, as len(loader)"),
    (lambda net: balanced(net, STCH(), steps_per_epoch=0), "`steps_per_epoch` must be above 0, found 0"),
    (lambda net: balanced(net, DataSize()), "`rows` must give the training rows of each task"),
    (lambda net: balanced(net, DataSize(), rows=[1]), "`rows` must be one number for each of the 2 tasks"),
    (lambda net: balanced(net, PCGrad(), primary=2), "`primary` must be the position of a task, from 0 to 1"),
    (lambda net: balanced(net, AutoLambda()), "`lr` must be given for AutoLambda"),
]


@pytest.mark.parametrize(("make", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_arguments_that_do_not_fit(make, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        make(Net())


def test_whole_numbers_serve_where_fractions_are_meant():
    assert balanced(Net(), CAGrad(c=1)).weighting == CAGrad(c=1.0)


STEPS = [
    (PCGrad(), lambda net: net.losses()[:1], "`losses` must be a list of 2 scalar tensors"),
    (PCGrad(), lambda net: {"a": 1, "b": 2}, "not of the shapes ['str', 'str']"),
    (Equal(), lambda net: [loss.view(1) for loss in net.losses()], "not of the shapes [[1], [1]]"),
    (Equal(), lambda net: [net.losses()[0], torch.ones(())], "those of these tasks do not, found [1]"),
    (MoDo(), lambda net: net.losses(), "`probe_losses` must be two functions that return task losses, on a"),
    (
        PCGrad(gradients_at="representation"),
        lambda net: net.losses(),
        "`representation` must be the output of the last",
    ),
]


@pytest.mark.parametrize(("weighting", "losses", "message"), STEPS, ids=[message for *_, message in STEPS])
def test_steps_that_do_not_fit_change_no_gradient(weighting, losses, message):
    net = Net()
    with pytest.raises(ConfigError, match=re.escape(message)):
        balanced(net, weighting).backward(losses(net))
    assert set(net.gradients().values()) == {None}


def test_parameters_of_several_tasks_must_be_named():
    net = Net()
    last = Balancer(PCGrad(), shared=net.encoder[2].parameters(), tasks=2)
    with pytest.raises(ConfigError, match=r"it lacks some with these shapes, found \[\[5, 3\], \[5\]\]"):
        last.backward(net.losses())
    assert set(net.gradients().values()) == {None}


def test_losses_must_come_from_what_is_shared():
    net = Net()
    with pytest.raises(ConfigError, match="must depend on the shared parameters"):
        balanced(net, PCGrad()).backward([head.weight.sum() for head in net.heads])
    z = net.encoder[:2](X)
    with pytest.raises(ConfigError, match="losses depend on shared parameters beside it"):
        balanced(net, PCGrad(gradients_at="representation")).backward(net.losses_at(net.encoder[2](z)), z)
    assert set(net.gradients().values()) == {None}


def test_famo_must_see_the_losses_after_each_step():
    net = Net()
    balancer = balanced(net, FAMO())
    balancer.backward(net.losses())
    with pytest.raises(ConfigError, match="`after_step` must be called after each optimizer step"):
        balancer.backward(net.losses())
    balancer.after_step(net.losses())
    balancer.backward(net.losses())


def test_a_checkpoint_of_another_weighting_is_refused():
    state = balanced(Net(), FAMO()).state_dict()
    with pytest.raises(ConfigError, match=r"`state_dict\['state'\]` must fit PCGrad here"):
        balanced(Net(), PCGrad()).load_state_dict(state)
    with pytest.raises(ConfigError, match="`state_dict` must have the parts learned, seed, state, steps"):
        balanced(Net(), PCGrad()).load_state_dict({})
