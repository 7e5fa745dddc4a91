"""Masks in the network: where they act, which numbers they have, and that no lane's depend on another's."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config
from torch import nn

from mtlrun.catalog import options
from mtlrun.regularization.base import Regularization
from mtlrun.streams import stream
from mtlrun.training.loop.evaluate import evaluate
from mtlrun.training.vectorize import masks as module
from mtlrun.training.vectorize.masks import Masks, Site, hold, sites_of
from mtlrun.training.vectorize.stacked import Lone, Stacked, Vmapped

CPU = torch.device("cpu")
SHAPES = {"encoder/0": (3,), "expert/1/0": (2, 2)}


@dataclass
class Scaled(Regularization):
    """Multiplies by 1 plus a uniform number: no two elements alike."""

    active: ClassVar[bool] = False
    masks: ClassVar[bool] = True

    def mask(self, draw):
        return 1 + draw


SCALED = {"_target_": f"{__name__}.Scaled"}


def scaled_lanes(lanes, **choices):
    torch.set_num_threads(1)
    return cohort_of([run_config(s, 4, **choices) | {"regularization": SCALED} for s in range(lanes)], CPU)


def first(cohort):
    return next(cohort.batches(cohort.phases[0], 0)).examples


def masks_of(seeds, steps, skip=0, most=64, shapes=SHAPES):
    found = Masks(seeds, [lambda u: u] * len(seeds), shapes, 4, torch.from_numpy).of("batches", skip, most)
    return [next(found) for _ in range(steps)]


def test_a_lanes_numbers_are_those_of_its_own_streams():
    steps = masks_of([3, 8], 5)
    for name, shape in SHAPES.items():
        for lane, seed in enumerate((3, 8)):
            expected = stream(seed, f"masks/batches/{name}").random((5, 4, *shape), np.float32)
            assert np.array_equal(np.stack([s[name][lane] for s in steps]), expected)


def test_company_place_and_how_many_are_drawn_at_once_change_no_number(monkeypatch):
    alone = masks_of([5], 7)
    among = masks_of([1, 5, 2], 7, most=2)
    monkeypatch.setattr(module, "DRAWN", 1)  # one step at a time
    last = masks_of([1, 5], 7)
    for step in range(7):
        for name in SHAPES:
            assert torch.equal(alone[step][name][0], among[step][name][1])
            assert torch.equal(alone[step][name][0], last[step][name][1])


def test_skipped_steps_are_passed_over():
    whole, later = masks_of([5], 7), masks_of([5], 4, skip=3)
    assert all(torch.equal(whole[3 + k][n], later[k][n]) for k in range(4) for n in SHAPES)


def test_without_sites_there_are_no_masks():
    assert masks_of([5], 2, shapes={}) == [{}, {}]
    cohort = cohort_of([run_config()], CPU)
    assert not cohort.mask_shapes and not first(cohort).masks


@pytest.mark.parametrize(("model", "blocks"), [("mlp", 2), ("convnet", 3), ("resnet18", 9), ("linear", 1)])
def test_every_block_of_an_encoder_has_a_site_behind_it(model, blocks):
    cohort = scaled_lanes(2, model=model, budget__batch_size=4)
    assert list(cohort.mask_shapes) == [f"encoder/{k}" for k in range(blocks)]
    names = {site.name for site in sites_of(cohort.network)}
    assert names == set(cohort.mask_shapes)
    assert cohort.mask_shapes[f"encoder/{blocks - 1}"] == (cohort.network.body.features,)
    plain = cohort_of(
        [run_config(model=model)], CPU
    ).parameters.values()  # the same initial weights as without
    assert all(torch.equal(a[:1], b) for a, b in zip(cohort.parameters.values(), plain, strict=True))


@pytest.mark.parametrize("model", ("mlp", "convnet", "resnet18"))
@pytest.mark.parametrize("lanes", (1, 3))
def test_stacked_vmapped_and_lone_networks_use_the_masks_alike(model, lanes):
    cohort = scaled_lanes(lanes, model=model, budget__batch_size=4)
    examples = first(cohort)
    found = []
    for kind in (Stacked, Lone if lanes == 1 else Vmapped):
        forward = kind(cohort.network, cohort.parameters)
        outputs = forward(examples.inputs, examples.masks)
        leaves = list(forward.leaves.values())
        gradients = torch.autograd.grad(sum(o.square().sum() for o in outputs), leaves)
        found.append([*outputs, *(g.reshape(lanes, -1) for g in gradients)])
        unmasked = forward(examples.inputs)
        assert not torch.allclose(unmasked[0], outputs[0], rtol=0.1)
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("sharing", options("sharing"))
@pytest.mark.parametrize("suite", ("digits_parity", "digits_permuted"))
def test_in_every_sharing_scheme_a_lane_is_its_own_network_with_its_masks(sharing, suite):
    cohort = scaled_lanes(3, sharing=sharing, suite=suite)
    examples = first(cohort)
    outputs = cohort.forward(examples.inputs, examples.masks)
    hold(sites_of(cohort.network), {name: mask[1].double() for name, mask in examples.masks.items()})
    parameters = {n: p[1] for n, p in cohort.parameters.items()}
    plain = torch.func.functional_call(cohort.network, parameters, ([x[1] for x in examples.inputs],))
    for ours, theirs in zip(outputs, plain, strict=True):
        torch.testing.assert_close(ours[1], theirs, rtol=1e-10, atol=1e-12)


def test_the_network_is_that_of_ordinary_layers_with_the_masks_between_them():
    cohort = scaled_lanes(2)
    examples = first(cohort)
    p = {n: v[1] for n, v in cohort.parameters.items()}
    state = examples.inputs[0][1].flatten(1)
    for block in range(2):
        state = (state @ p[f"body.trunk.{block}.1.weight"].T + p[f"body.trunk.{block}.1.bias"]).relu()
        state = state * examples.masks[f"encoder/{block}"][1]
    expected = state @ p["heads.tasks.0.weight"].T + p["heads.tasks.0.bias"]
    torch.testing.assert_close(cohort.forward(examples.inputs, examples.masks)[0][1], expected)


def test_evaluation_uses_none():
    cohort = scaled_lanes(2)
    before = evaluate(cohort.forward, cohort.bank, cohort.bank.split("val")).values
    examples = first(cohort)
    cohort.forward(examples.inputs, examples.masks)
    after = evaluate(cohort.forward, cohort.bank, cohort.bank.split("val")).values
    plain = cohort_of([run_config(s) for s in range(2)], CPU)
    assert torch.equal(before, after)
    assert torch.equal(before, evaluate(plain.forward, plain.bank, plain.bank.split("val")).values)


@pytest.mark.parametrize("sharing", ("hard", "separate", "branched"))
def test_a_baseline_has_the_masks_of_its_multi_task_run(sharing):
    multi = scaled_lanes(1, sharing=sharing)
    alone = scaled_lanes(1, suite__tasks=["parity"])
    theirs = alone.batches(alone.phases[0], 0)
    for mine, other, _ in zip(multi.batches(multi.phases[0], 0), theirs, range(3), strict=False):
        assert mine.examples.masks.keys() == other.examples.masks.keys()
        assert all(torch.equal(m, other.examples.masks[n]) for n, m in mine.examples.masks.items())


def test_further_batches_of_a_probe_have_masks_of_their_own():
    cohort = scaled_lanes(2, weighting="modo")
    batch = next(cohort.batches(cohort.phases[0], 0))
    found = [e.masks["encoder/0"] for e in (batch.examples, *batch.extra)]
    assert len(found) == 3
    assert not torch.equal(found[0], found[1]) and not torch.equal(found[1], found[2])


def test_full_batches_of_sources_that_differ_in_size():
    sizes = {"suite__samples": {"a": 130, "b": 20}, "budget__batch_size": "full", "model": "linear"}
    cohort = scaled_lanes(2, suite="linear_teachers", **sizes)
    rows = [len(x[0]) for x in first(cohort).inputs]
    assert rows[0] > rows[1]
    assert first(cohort).masks["encoder/0"].shape[1] == rows[0]
    feed = cohort.batches(cohort.phases[0], 0)
    one, two = next(feed).examples, next(feed).examples
    assert torch.equal(one.inputs[0], two.inputs[0])
    assert not torch.equal(one.masks["encoder/0"], two.masks["encoder/0"])
    assert all(r.diverged_at is None for r in cohort.train())


def test_a_site_passes_on_what_it_has_no_mask_for():
    site, x = Site("a"), torch.ones(2, 3)
    assert site(x) is x
    site.held = [torch.full((4, 3), 2.0)]
    assert torch.equal(site(x), 2 * x)
    assert not list(nn.Sequential(site).parameters())
