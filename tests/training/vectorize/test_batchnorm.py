"""Batch normalisation over lanes: every lane has the statistics that torch's own module would have."""

import copy

import numpy as np
import pytest
import torch
from support.cohorts import cohort_of
from support.commands import mtlrun
from support.configs import run_config
from support.plain_loop import plain_loop
from torch import nn

from mtlrun.errors import ConfigError
from mtlrun.training.loop.cohort import SPLITS
from mtlrun.training.network import Parts, build_network
from mtlrun.training.vectorize.batchnorm import statistics_of
from mtlrun.training.vectorize.lane_backends import forward_of_lanes
from mtlrun.training.vectorize.stacked import Lone, Stacked, Vmapped

CPU = torch.device("cpu")
SMALL = {"model": "resnet18", "model__norm": "batch", "model__channels": 2, "model__groups": 1}


def config(seed=3, steps=6, **choices):
    return run_config(seed, steps, **{**SMALL, **choices})


def results(*configs, compiler=None):
    torch.set_num_threads(1)
    return [result.parameters for result in cohort_of(configs, CPU, compiler).train()]


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-9, atol=1e-11, err_msg=name)


@pytest.mark.sample(4)
@pytest.mark.parametrize(
    "choices",
    [
        {},
        {"weighting": "pcgrad"},
        {"sharing": "separate"},
        {"suite": "digits_permuted"},  # inputs of their own: a shared encoder is called once a task
    ],
)
def test_alone_among_others_and_in_a_plain_loop(choices):
    one = config(**choices)
    (alone,) = results(one)
    among = results(config(1, **choices), one, config(2, **choices))[1]
    assert any("running_var" in name for name in alone)
    assert_same(among, alone)
    assert_same(among, plain_loop(one))


def test_an_evaluation_normalises_by_the_statistics():
    cohort = cohort_of([config(1), config(3)], CPU)
    found = cohort.train()[1]
    plain = build_network(cohort.parts[1], cohort.info, 3).double()
    plain.load_state_dict({n: torch.from_numpy(v) for n, v in found.parameters.items()})
    (source,) = cohort.data[1].sources
    rows = source.splits["val"]
    with torch.no_grad():
        outputs = plain.eval()([torch.from_numpy(source.inputs[rows]).double()])[0]
    right = outputs.argmax(1).numpy() == source.targets["digit"][rows]
    assert found.values[-1, SPLITS.index("val"), 0] == pytest.approx(right.mean())


@pytest.mark.parametrize(
    "weighting", ["famo", "modo", "auto_lambda"]
)  # with a further pass or further batches
def test_one_pass_a_step_moves_the_statistics(weighting):
    still = {"optimizer__lr": 1e-30}  # so that only the passes could tell the statistics apart
    ours, plain = (
        results(config(weighting=weighting, **still), config(4, weighting=weighting, **still))[0],
        None,
    )
    plain = results(config(**still))[0]
    for name in (n for n in plain if "running_" in n):
        np.testing.assert_allclose(ours[name], plain[name], rtol=1e-9, atol=1e-11, err_msg=name)


@pytest.mark.sample(12)
@pytest.mark.parametrize("schedule", ["joint", "alternating", "sequential"])
@pytest.mark.parametrize("lanes", [1, 2])
def test_a_traced_step_moves_them_too(lanes, schedule):
    configs = [config(seed, schedule=schedule) for seed in range(lanes)]
    for found, expected in zip(results(*configs, compiler="eager"), results(*configs), strict=True):
        assert_same(found, expected)


def test_a_frozen_encoder_keeps_its_statistics():
    choices = {"schedule": "feature_extraction", "suite__primary": "parity", "steps": 8}
    cohort = cohort_of([config(seed, **choices) for seed in (1, 2)], CPU)
    first, second = cohort.phases[0], cohort.phases[-1]
    before = {n: v.clone() for n, v in cohort.statistics.items()}
    cohort.phases = [first]
    cohort.train()
    learned = {n: v.clone() for n, v in cohort.statistics.items()}
    assert any((learned[n] != before[n]).any() for n in before)
    cohort.phases = [second]
    cohort.train()
    assert second.freeze_shared
    assert all(torch.equal(learned[n], v) for n, v in cohort.statistics.items())


def test_branches_are_mixed_with_their_statistics():
    choices = {"schedule": "fork_merge", "suite__primary": "parity", "steps": 8}
    (alone,) = results(config(1, **choices))
    assert_same(results(config(2, **choices), config(1, **choices))[1], alone)


class OwnEncoder(nn.Module):
    """Layers without rules, so that vmap takes them."""

    def __init__(self):
        super().__init__()
        self.dense, self.norm, self.bare = nn.Linear(4, 3), nn.BatchNorm1d(3), nn.BatchNorm1d(3, affine=False)

    def forward(self, inputs):
        hidden = torch.relu(self.norm(self.dense(inputs[0])))
        return [self.bare(hidden), hidden * 2]


class Images(nn.Module):
    """Layers with rules, called twice."""

    any_leading_axes = True

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2, affine=False), nn.BatchNorm2d(2), nn.ReLU()
        )

    def forward(self, inputs):
        return [self.layers(inputs[0]), self.layers(inputs[0] * 3)]


@pytest.mark.parametrize("lanes", [1, 3])
@pytest.mark.parametrize("make, shape", [(OwnEncoder, (5, 4)), (Images, (5, 1, 6, 6))])
def test_outputs_and_statistics_are_those_of_each_lanes_own_network(make, shape, lanes):
    networks = [make().double() for _ in range(lanes)]
    for network in networks:
        for parameter in network.parameters():
            nn.init.normal_(parameter)
    parameters = [dict(n.named_parameters()) for n in networks]
    stacked = {n: torch.stack([p[n].detach() for p in parameters]) for n in parameters[0]}
    kept = [copy.deepcopy(statistics_of(n)) for n in networks]
    statistics = {n: torch.stack([s[n] for s in kept]) for n in kept[0]}
    forward = forward_of_lanes(networks[0], stacked, statistics=statistics)
    assert isinstance(forward, Lone if lanes == 1 else Vmapped if make is OwnEncoder else Stacked)
    inputs = torch.randn(lanes, *shape, dtype=torch.float64)
    for _ in range(2):
        with forward.in_training(forward.norms, forward.statistics) as moved:
            outputs = forward([inputs])
        forward.statistics.update(moved)
        expected = [network([x]) for network, x in zip(networks, inputs, strict=True)]
        for task, found in enumerate(outputs):
            torch.testing.assert_close(found, torch.stack([e[task] for e in expected]))
    for name, values in forward.statistics.items():
        torch.testing.assert_close(values, torch.stack([statistics_of(n)[name] for n in networks]))
    still = forward([inputs])
    for lane, network in enumerate(networks):
        torch.testing.assert_close(still[0][lane], network.eval()([inputs[lane]])[0])


def test_a_pass_with_some_modules_in_training_moves_these_alone():
    network = Images()
    statistics = {n: torch.stack([s, s]) for n, s in copy.deepcopy(statistics_of(network)).items()}
    stacked = {n: torch.stack([p.detach(), p.detach()]) for n, p in network.named_parameters()}
    forward = forward_of_lanes(network, stacked, statistics=statistics)
    with forward.in_training({"layers.2"}, statistics) as moved:
        forward([torch.randn(2, 5, 1, 6, 6)])
    changed = {n for n, v in statistics.items() if not torch.equal(v, moved[n])}
    assert changed == {"layers.2.running_mean", "layers.2.running_var"}
    assert moved is not statistics and forward.by_batch == ()


def test_an_average_over_all_batches_is_refused():
    with pytest.raises(ConfigError, match="momentum"):
        statistics_of(nn.Sequential(nn.BatchNorm2d(2, momentum=None)))


def test_group_normalisation_has_none():
    assert not statistics_of(
        build_network(Parts.of(config(model__norm="group")), cohort_of([config()], CPU).info, 0)
    )


def test_one_example_is_no_batch(tmp_path):
    settings = [f"model.{key.partition('__')[2]}={value}" for key, value in SMALL.items() if "__" in key]
    done = mtlrun("run", "model=resnet18", *settings, "budget.batch_size=1", f"store={tmp_path}")
    assert done.code == 2
    assert "`budget.batch_size` must be at least 2 where batches are normalised" in done.err
