"""Every sharing scheme with every kind of heads: who owns what, and whose function depends on what.

Tasks have inputs of their own (digits_permuted: `upright` and `permuted`, ten classes each), so that a common head
is possible too. New schemes and heads join by themselves.
"""

import itertools

import pytest
import torch
from support.networks import counts, in_training, inputs_of, moved, network_of

from mtlrun.catalog import options
from mtlrun.errors import ConfigError
from mtlrun.sharing.branched import Branched

every_scheme = pytest.mark.parametrize("sharing", options("sharing"))
every_pair = pytest.mark.parametrize(
    ("sharing", "heads"), list(itertools.product(options("sharing"), options("heads")))
)


BLENDED = {"cgc", "dselect_k", "ltb", "mmoe", "mtan", "ple"}
"""Schemes whose tasks begin with a blend of several encoders or a part of one, not with their baseline's function."""


@every_pair
def test_a_task_depends_on_what_is_shared_and_on_its_own(sharing, heads):
    network = in_training(moved(network_of(sharing=sharing, heads=heads)))
    owners = network.owners()
    assert set(owners) == {name for name, _ in network.named_parameters()}
    assert set(owners.values()) <= {None, 0, 1}
    for task, output in enumerate(network(inputs_of())):
        assert output.shape == (9, 10)
        found = torch.autograd.grad(output.square().sum(), list(network.parameters()), allow_unused=True)
        for name, gradient in zip(owners, found, strict=True):
            assert (gradient is not None and bool(gradient.any())) == (owners[name] in (None, task)), name


@pytest.mark.parametrize(
    ("sharing", "heads"), list(itertools.product(sorted({*options("sharing")} - BLENDED), options("heads")))
)
def test_every_task_starts_as_its_baseline_does(sharing, heads):
    inputs = inputs_of()
    together = network_of(seed=3, sharing=sharing, heads=heads)(inputs)
    for place, task in enumerate(("upright", "permuted")):
        (alone,) = network_of(seed=3, heads=heads, suite__tasks=[task])([inputs[place]])
        torch.testing.assert_close(alone, together[place], rtol=0, atol=1e-7)
    other_seed = network_of(seed=4, sharing=sharing, heads=heads)(inputs)
    assert not torch.equal(other_seed[0], together[0])


# digits_parity at width 16 and depth 2: layers of 64 * 16 + 16 = 1040 and 16 * 16 + 16 = 272 parameters, linear
# heads of 16 * 10 + 10 = 170 and 16 + 1 = 17.
COUNTS = {
    "hard": {None: 1040 + 272, 0: 170, 1: 17},
    "branched": {None: 1040, 0: 272 + 170, 1: 272 + 17},
    "separate": {0: 1040 + 272 + 170, 1: 1040 + 272 + 17},
}


@pytest.mark.parametrize("sharing", COUNTS)
def test_parameters_counted_by_hand(sharing):
    assert counts(network_of(suite="digits_parity", sharing=sharing)) == COUNTS[sharing]


@every_scheme
def test_a_common_head_is_shared_by_several_tasks_and_owned_by_one(sharing):
    assert network_of(sharing=sharing, heads="shared").owners()["heads.head.weight"] is None
    alone = network_of(heads="shared", suite__tasks=["upright"])
    assert alone.owners()["heads.head.weight"] == 0


def test_with_separate_nothing_is_shared():
    assert None not in network_of(sharing="separate", heads="mlp").owners().values()


@pytest.mark.parametrize("depth", (1, 2))
def test_branching_needs_a_layer_left_to_branch(depth):
    with pytest.raises(
        ConfigError, match=f"`sharing.shared_layers` must be less than the encoder's {depth} layer"
    ):
        network_of(sharing="branched", sharing__shared_layers=2, model__depth=depth)


def test_branching_shares_as_many_layers_as_asked():
    network = network_of(suite="digits_parity", sharing="branched", sharing__shared_layers=2, model__depth=3)
    assert counts(network) == {None: 1040 + 272, 0: 272 + 170, 1: 272 + 17}
    assert [f.key for f in Branched(0).faults()] == ["shared_layers"]
    assert not list(Branched(1).faults())
