"""Which parameters tasks share under every scheme, by name; gradient methods and conflict figures use just those."""

import pytest
import torch
import torch.nn.functional as F
from support.cohorts import cohort_of
from support.configs import run_config
from support.networks import network_of
from torch.func import functional_call

from mtlrun.catalog import options
from mtlrun.sharing.base import Body
from mtlrun.training.loop.gradient_records import shared_gradients
from mtlrun.training.objective.gradients import products
from mtlrun.training.vectorize.masks import hold, sites_of

CPU = torch.device("cpu")
LINEAR = ("weight", "bias")


def layers(*places):
    """Return the names of the weights and biases of layers of the body."""
    return {f"body.{place}.{name}" for place in places for name in LINEAR}


# digits_parity, two tasks, on an encoder of two blocks; the dense layer of a block stands at its place 1.
TRUNK = layers("trunk.0.1", "trunk.1.1")
TOWERS = layers(*(f"blocks.{k}.1" for k in range(4)))
EXPERTS = layers(*(f"experts.{k}.{block}.1" for k in range(4) for block in (0, 1)))
SHARED = {
    "adapters": TRUNK,
    "branched": layers("trunk.0.1"),
    "cgc": layers("experts.0.0.1", "experts.0.1.1"),
    "cross_stitch": TOWERS | {"body.mixes.0.weight", "body.mixes.1.weight"},
    "dselect_k": EXPERTS,
    "hard": TRUNK,
    "lateral": set(),
    "ltb": TOWERS | {"body.mixes.0.logits", "body.mixes.1.logits"},
    "mmoe": EXPERTS,
    "mtan": TRUNK,
    "ple": layers(*(f"experts.{k}.0.1" for k in range(4))) | {"body.shared_gates.0.layers.1.weight"},
    "separate": set(),
    "soft": set(),
}
QUIET = {"soft": {"sharing__coefficient": 0.0}, "dselect_k": {"sharing__entropy": 0.0}}
"""Penalties act on parameters that no task's loss reaches together: off here."""


def plain_gradients(cohort, batch, lane):
    """Return each task's gradient of all parameters of one run, by ordinary autograd."""
    network = network_of(
        cohort.seeds[lane], "digits_parity", sharing=cohort.sharing, **QUIET.get(cohort.sharing, {})
    )
    hold(sites_of(network), {name: numbers[lane] for name, numbers in batch.examples.masks.items()})
    named = {n: p[lane].detach().clone().requires_grad_() for n, p in cohort.parameters.items()}
    digit, parity = functional_call(network, named, ([x[lane] for x in batch.examples.inputs],))
    targets = [y[lane] for y in batch.examples.targets]
    losses = (F.cross_entropy(digit, targets[0]), F.binary_cross_entropy_with_logits(parity, targets[1]))
    found = []
    for loss in losses:
        slopes = torch.autograd.grad(
            loss, list(named.values()), retain_graph=True, allow_unused=True, materialize_grads=True
        )
        found.append(dict(zip(named, slopes, strict=True)))
    return found


def begun(sharing, weighting):
    """Return two runs after three steps, their trainer and the next batch."""
    torch.set_num_threads(1)
    settings = {"sharing": sharing, "weighting": weighting, **QUIET.get(sharing, {})}
    cohort = cohort_of([run_config(seed, **settings) for seed in (0, 1)], CPU)
    cohort.sharing = sharing
    trainer, batches = cohort.begin(cohort.phases[0]), cohort.batches(cohort.phases[0], 0)
    for step in range(3):
        trainer.step(next(batches), step)
    return cohort, trainer, next(batches)


def test_every_scheme_is_here():
    assert set(SHARED) == set(options("sharing"))


LAYERS = {
    "adapters": ["layer 1", "layer 2"],
    "branched": ["layer 1"],
    "cgc": ["level 1 expert 1"],
    "dselect_k": [f"expert {k} layer {b}" for k in (1, 2, 3, 4) for b in (1, 2)],
    "hard": ["layer 1", "layer 2"],
    "lateral": [],
    "ltb": [*(f"tower {k} layer {b}" for k in (1, 2) for b in (1, 2)), "mix 1 layer 1", "mix 2 layer 1"],
    "mtan": ["layer 1", "layer 2"],
    "ple": [*(f"level 1 expert {k}" for k in (1, 2, 3)), "level 2 expert 1", "level 1 shared gate"],
    "separate": [],
    "soft": [],
}
LAYERS |= {"mmoe": LAYERS["dselect_k"], "cross_stitch": LAYERS["ltb"]}


@pytest.mark.parametrize("sharing", SHARED)
def test_layers_of_shared_parameters_have_names(sharing):
    found = network_of(suite="digits_parity", sharing=sharing).layers()
    assert set(found) == SHARED[sharing]
    assert list(dict.fromkeys(found.values())) == LAYERS[sharing]


def test_layers_of_an_encoder_are_numbered_and_shared_heads_come_last():
    found = network_of(model="convnet", heads="shared").layers()
    assert list(dict.fromkeys(found.values())) == ["layer 1", "layer 2", "layer 3", "heads"]


class OwnBody(Body):
    """A body that does not name its layers."""

    def __init__(self):
        super().__init__()
        self.lower, self.scale = torch.nn.Sequential(torch.nn.Linear(2, 2)), torch.nn.Parameter(torch.ones(2))

    def forward(self, inputs):
        return [self.lower(x) * self.scale for x in inputs]

    def owner(self, name):
        return None


def test_layers_without_names_are_called_by_their_place():
    body = OwnBody()
    assert [body.layer(name) for name, _ in body.named_parameters()] == ["scale", "lower.0", "lower.0"]


@pytest.mark.parametrize("sharing", SHARED)
def test_shared_parameters_by_name(sharing):
    network = network_of(suite="digits_parity", sharing=sharing)
    assert {name for name, owner in network.owners().items() if owner is None} == SHARED[sharing]


@pytest.mark.parametrize("sharing", SHARED)
def test_conflict_figures_are_of_the_shared_parameters(sharing):
    cohort, trainer, batch = begun(sharing, "equal")
    assert set(trainer.program.shared) == SHARED[sharing]
    if not SHARED[sharing]:
        return
    by_task = shared_gradients(trainer.program, trainer.lanes, batch.examples)
    gramian = products(by_task, by_task, trainer.program.shared)
    for lane in range(2):
        rows = [
            torch.cat([g[n].flatten() for n in sorted(SHARED[sharing])])
            for g in plain_gradients(cohort, batch, lane)
        ]
        expected = torch.stack([torch.stack([a @ b for b in rows]) for a in rows])
        torch.testing.assert_close(gramian[lane], expected, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("sharing", SHARED)
def test_gradient_methods_combine_the_shared_parameters_alone(sharing):
    # MGDA for two tasks: the weights (a, 1 - a) for which a g_1 + (1 - a) g_2 is shortest, of shared parameters.
    cohort, trainer, batch = begun(sharing, "mgda")
    gradients, _, weights = trainer.program.gradients(trainer.lanes, batch)
    owners = cohort.owners
    for lane in range(2):
        by_task = plain_gradients(cohort, batch, lane)
        first, second = (
            torch.cat([g[n].flatten() for n in sorted(SHARED[sharing])] or [torch.zeros(0)]) for g in by_task
        )
        if SHARED[sharing]:
            a = ((second - first) @ second / (first - second).square().sum()).clamp(0, 1)
            assert weights[lane].tolist() == pytest.approx([float(a), 1 - float(a)], abs=1e-9)
        else:
            assert weights[lane].tolist() == [1, 1]
        for name, owner in owners.items():
            terms = [float(w) * g[name] for w, g in zip(weights[lane], by_task, strict=True)]
            expected = sum(terms) if owner is None else by_task[owner][name]
            torch.testing.assert_close(gradients[name][lane], expected, rtol=1e-8, atol=1e-12)
