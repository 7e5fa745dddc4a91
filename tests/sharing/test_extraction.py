"""CGC and PLE: shared and task experts with gates."""

import pytest
import torch
from support.networks import counts, inputs_of, moved, network_of

from mtlrun.errors import ConfigError
from mtlrun.sharing.cgc import CGC
from mtlrun.sharing.ple import PLE


def choose(gate, expert):
    """Make a gate give all weight to one expert, for inputs whose sum is large."""
    with torch.no_grad():
        gate.layers[1].weight.zero_()
        gate.layers[1].weight[expert] = 100.0


def bright():
    return [x.abs() + 0.1 for x in inputs_of("digits_parity")]


def test_gates_that_choose_the_shared_expert_are_hard_sharing():
    cgc, hard = (network_of(suite="digits_parity", sharing=s) for s in ("cgc", "hard"))
    for gate in cgc.body.gates:
        choose(gate, 0)
    for ours, theirs in zip(cgc(bright()), hard(bright()), strict=True):
        assert torch.equal(ours, theirs)


def test_gates_that_choose_the_task_experts_are_separate():
    cgc = network_of(suite="digits_parity", sharing="cgc")
    for gate in cgc.body.gates:
        choose(gate, 1)
    for task, features in enumerate(cgc.body(bright())):
        assert torch.equal(features, cgc.body.experts[1 + task](bright()[0]))


def test_ple_of_one_level_is_cgc():
    ple, cgc = (
        network_of(suite="digits_permuted", sharing=s, **levels)
        for s, levels in (("ple", {"sharing__levels": 1}), ("cgc", {}))
    )
    for ours, theirs in zip(moved(ple)(inputs_of()), moved(cgc)(inputs_of()), strict=True):
        assert torch.equal(ours, theirs)


def test_two_levels_by_hand():
    # Gates begin with equal weights. With blocks a (first level) and b (second) of the shared expert s and of
    # tasks 0 and 1: the shared path is (s_a + 0_a + 1_a) / 3, task k's is (s_a + k_a) / 2, its features
    # (s_b(shared path) + k_b(its path)) / 2.
    body = network_of(suite="digits_parity", sharing="ple").body
    (x,) = inputs_of("digits_parity")
    s_a, first_a, second_a, s_b, first_b, second_b = body.experts
    common = (s_a(x) + first_a(x) + second_a(x)) / 3
    expected = [
        (s_b(common) + b((s_a(x) + a(x)) / 2)) / 2 for a, b in ((first_a, first_b), (second_a, second_b))
    ]
    for ours, theirs in zip(body([x]), expected, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("levels", (1, 2, 3))
@pytest.mark.parametrize("experts", ((1, 1), (2, 2)))
def test_owners_are_the_tasks_that_gradients_reach(levels, experts):
    shared, own = experts
    settings = {"sharing__levels": levels, "sharing__shared_experts": shared, "sharing__task_experts": own}
    network = moved(network_of(suite="digits_parity", sharing="ple", model__depth=3, **settings))
    owners = network.owners()
    for task, output in enumerate(network(inputs_of("digits_parity"))):
        loss, parameters = output.square().sum(), list(network.parameters())
        found = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
        for name, gradient in zip(owners, found, strict=True):
            assert (gradient is not None and bool(gradient.any())) == (owners[name] in (None, task)), name


def test_parameters_counted_by_hand():
    # Encoders of 1040 + 272, gates of 64 * 2, heads of 170 and 17.
    cgc = network_of(suite="digits_parity", sharing="cgc")
    assert counts(cgc) == {None: 1312, 0: 1312 + 128 + 170, 1: 1312 + 128 + 17}
    # Two levels: first layers of three experts, the shared second layer and the shared gate of 64 * 3 are
    # shared; second layers, and gates of 64 * 2 and 16 * 2, are a task's own.
    ple = network_of(suite="digits_parity", sharing="ple")
    own = 272 + 128 + 32
    assert counts(ple) == {None: 3 * 1040 + 272 + 192, 0: own + 170, 1: own + 17}


def test_levels_need_layers():
    with pytest.raises(ConfigError, match="levels` must be at most the encoder's 2 layers"):
        network_of(sharing="ple", sharing__levels=3)


def test_their_settings_are_checked():
    assert [f.key for f in CGC(0, 0).faults()] == ["shared_experts", "task_experts"]
    assert [f.key for f in PLE(1, 1, 0).faults()] == ["levels"]
    assert not list(PLE(2, 2, 1).faults())
