"""Learned branching."""

import itertools
import math

import numpy as np
import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config
from support.networks import copy_weights, counts, in_training, inputs_of, moved, network_of

from mtlrun.sharing.ltb import LTB, Choice
from mtlrun.streams import stream

CPU = torch.device("cpu")


def choice(logits, numbers=None, progress=0.0, **settings):
    """Return a choice between parents that sees the numbers and the progress of a training step."""
    made = Choice("choice", len(logits), **{"hot": 1.0, "cold": 1.0, "end": 0.5, **settings}).double()
    with torch.no_grad():
        made.logits.copy_(torch.tensor(logits))
    if numbers is not None:
        made.held = [torch.tensor(values, dtype=torch.float64) for values in (numbers, progress)]
    return made


def pick(body, parents):
    """Let child k of every layer pick parent `parents[k]`."""
    with torch.no_grad():
        for number, one in enumerate(body.mixes):
            one.logits.zero_()[parents[number % body.tasks]] = 1.0


# u = 1/e gives g = -log(1) = 0, and u = e^(-1/4) gives g = -log(1/4) = log 4. With theta = (log 3, 0) the sums are
# log 3 and log 4, so at temperature 1 the weights are 3/7 and 4/7. From 4 to 1, half way through the search, the
# temperature is 4 (1/4)^(1/2) = 2, and the weights are as sqrt 3 to sqrt 4.
NUMBERS = [math.exp(-1), math.exp(-1 / 4)]


@pytest.mark.parametrize(
    ("settings", "weights"),
    [
        ({}, [3 / 7, 4 / 7]),
        ({"hot": 4.0, "progress": 0.25}, [3**0.5 / (3**0.5 + 2), 2 / (3**0.5 + 2)]),
        ({"hot": 4.0, "progress": 0.49999999}, [3 / 7, 4 / 7]),
        ({"hot": 4.0, "progress": 0.5}, [1, 0]),
    ],
)
def test_a_choice_by_hand(settings, weights):
    found = choice([math.log(3), 0.0], NUMBERS, **settings).weights()
    torch.testing.assert_close(found, torch.tensor(weights, dtype=torch.float64), rtol=1e-6, atol=0)


def test_evaluations_pick_the_most_probable_parent():
    parts = [torch.full((2, 3), float(k)) for k in range(3)]
    assert choice([0.1, 0.3, 0.2])(parts).tolist() == [[1.0] * 3] * 2
    assert choice([0.0, 0.0])(parts[:2]).tolist() == [[0.0] * 3] * 2  # the first of several


def test_relaxed_draws_have_the_probabilities_of_the_logits():
    generator = np.random.default_rng(0)
    logits, count = torch.tensor([math.log(3), 0.0]), 20_000
    one = choice(logits.tolist())
    one.held = [torch.from_numpy(generator.random((count, 2))), torch.zeros(count, dtype=torch.float64)]
    share = float((one.weights().argmax(-1) == 0).double().mean())
    assert share == pytest.approx(0.75, abs=4 * (0.75 * 0.25 / count) ** 0.5)


def test_a_draw_of_zero_is_finite():
    one = choice([0.0, 0.0], [0.0, 0.5], hot=0.1, cold=0.1)
    weights = one.weights()
    (slope,) = torch.autograd.grad(weights[0], one.logits)
    assert weights.isfinite().all() and slope.isfinite().all()


@pytest.mark.parametrize("suite", ("digits_parity", "digits_permuted"))
@pytest.mark.parametrize(("parents", "scheme"), [((0, 0), "hard"), ((0, 1), "separate")])
def test_its_trees_go_from_hard_sharing_to_separate(suite, parents, scheme):
    tree, other = (network_of(suite=suite, sharing=s) for s in ("ltb", scheme))
    pick(tree.body, parents)
    if scheme == "separate":  # whose towers begin with the same weights
        copy_weights(other.body.branches, tree.body.blocks)
    for ours, theirs in zip(tree(inputs_of(suite)), other(inputs_of(suite)), strict=True):
        assert torch.equal(ours, theirs)


def test_evaluations_begin_as_hard_sharing_and_blocks_of_a_layer_differ():
    tree, hard = (network_of(seed=2, sharing=s) for s in ("ltb", "hard"))
    for ours, theirs in zip(tree(inputs_of()), hard(inputs_of()), strict=True):
        assert torch.equal(ours, theirs)
    first, _, second, _ = tree.body.blocks
    assert not torch.allclose(first[1].weight, second[1].weight)


def test_two_layers_by_hand():
    # Blocks a (first layer) and b (second) of the towers 0 and 1; four choices, of the second layer and of the heads.
    body = in_training(moved(network_of(suite="digits_parity", sharing="ltb"))).body
    (x,) = inputs_of("digits_parity")
    a0, b0, a1, b1 = body.blocks
    to_b0, to_b1, to_first, to_second = (one.weights() for one in body.mixes)
    first, second = a0(x), a1(x)
    last = [b0(to_b0[0] * first + to_b0[1] * second), b1(to_b1[0] * first + to_b1[1] * second)]
    for ours, head in zip(body([x]), (to_first, to_second), strict=True):
        torch.testing.assert_close(ours, head[0] * last[0] + head[1] * last[1])


def test_parameters_counted_by_hand():
    # Two towers of 1040 + 272 and the second layer's two choices of two are shared; a task has its head's choice.
    assert counts(network_of(suite="digits_parity", sharing="ltb")) == {
        None: 2 * (1040 + 272) + 4,
        0: 2 + 170,
        1: 2 + 17,
    }
    alone = network_of(suite="digits_parity", suite__tasks=["digit"], sharing="ltb")
    assert counts(alone) == {0: 1040 + 272 + 170}


def test_numbers_come_from_the_runs_own_streams():
    cohort = cohort_of([run_config(seed, sharing="ltb", steps=200) for seed in (3, 8)], CPU)
    batches = cohort.batches(cohort.phases[0], 1)
    first, second = next(batches).examples.masks, next(batches).examples.masks
    assert set(first) == {f"choice/{layer}/{child}" for layer in (0, 1) for child in (0, 1)} | {"progress"}
    for lane, seed in enumerate((3, 8)):
        numbers = stream(seed, "draws/batches/choice/1/0").random((3, 2), np.float32)
        assert np.array_equal(first["choice/1/0"][lane], numbers[1])
        assert np.array_equal(second["choice/1/0"][lane], numbers[2])
    assert first["progress"].tolist() == pytest.approx([1 / 200] * 2)
    assert second["progress"].tolist() == pytest.approx([2 / 200] * 2)
    assert next(cohort.batches(cohort.phases[0], 300)).examples.masks["progress"].tolist() == [1.0, 1.0]


def test_the_search_moves_choices_and_then_the_tree_stands():
    torch.set_num_threads(1)
    plain = {"optimizer": "sgd", "optimizer__momentum": 0.0}
    configs = [run_config(seed, sharing="ltb", steps=40, **plain) for seed in (0, 1)]
    cohort = cohort_of(configs, CPU)
    trainer, seen = cohort.begin(cohort.phases[0]), []
    for step, batch in enumerate(cohort.batches(cohort.phases[0], 0)):
        trainer.step(batch, step)
        seen.append(torch.cat([p.detach() for n, p in cohort.parameters.items() if "mixes" in n], 1))
    assert all(not torch.equal(before, after) for before, after in itertools.pairwise(seen[:20]))
    assert all(torch.equal(seen[19], after) for after in seen[20:])


def test_its_settings_are_checked():
    assert [f.key for f in LTB(0.0, 0.1, 0.0).faults()] == ["hot", "search"]
    assert [f.key for f in LTB(1.0, 2.0, 1.5).faults()] == ["cold", "search"]
    assert not list(LTB(1.0, 1.0, 1.0).faults())
