"""Multi-task attention network."""

import math

import pytest
import torch
from support.networks import counts, inputs_of, moved, network_of

from mtlrun.errors import ConfigError
from mtlrun.sharing.layers import pointwise, resized
from mtlrun.sharing.mtan import Attention


@pytest.mark.parametrize("model", ("mlp", "convnet"))
def test_open_masks_are_hard_sharing(model):
    # sigmoid(1000) is exactly 1 in float64.
    attended, hard = (network_of(model=model, sharing=s) for s in ("mtan", "hard"))
    with torch.no_grad():
        for mask in attended.body.masks:
            mask.mask[2].weight.zero_()
            mask.mask[2].bias.fill_(1000.0)
    for ours, theirs in zip(attended(inputs_of()), hard(inputs_of()), strict=True):
        assert torch.equal(ours, theirs)


def test_a_mask_by_hand():
    # One feature behind one: p = 2, q = 3; f is relu(2 q - 1) = 5, g is relu([1, -1] [p; 5] + 4) = relu(1), h is
    # log 3 * 1 + 0, the mask 3/4 and what is picked 1.5.
    attention = Attention((1,), (1,))
    values = ([[2.0]], [-1.0], [[1.0, -1.0]], [4.0], [[math.log(3)]], [0.0])
    with torch.no_grad():
        for parameter, value in zip(attention.parameters(), values, strict=True):
            parameter.copy_(torch.tensor(value))
        found = attention(torch.tensor([[2.0]]), torch.tensor([[3.0]]))
    torch.testing.assert_close(found, torch.tensor([[1.5]]))


@pytest.mark.parametrize(
    ("inputs", "outputs"), [((3,), (5,)), ((2, 4, 4), (5,)), ((2, 4, 4), (3, 4, 4)), ((2, 8, 8), (3, 4, 4))]
)
def test_layers_between_shapes(inputs, outputs):
    x = torch.linspace(-1, 1, 7 * math.prod(inputs)).reshape(7, *inputs)
    assert resized(inputs, outputs)(x).shape == (7, *outputs)
    assert pointwise(inputs, 6)(x).shape == (7, 6, *inputs[1:])


def test_shapes_that_are_no_features_and_no_images_are_refused():
    with pytest.raises(ConfigError, match="images"):
        pointwise((3, 4), 2)
    with pytest.raises(ConfigError, match="back to images"):
        resized((3,), (2, 4, 4))


def test_surgery_on_its_representation_is_that_of_the_sum():
    # With weights of 1 the update of the trunk through the outputs of its blocks is the plain one.
    network = moved(network_of(suite="digits_parity", sharing="mtan"))
    inputs = inputs_of("digits_parity")
    trunk = list(network.body.trunk.parameters())
    expected = torch.autograd.grad(sum(o.square().sum() for o in network(inputs)), trunk)
    below = network.represent(inputs)
    cut = [z.detach().requires_grad_() for z in below]
    slopes = torch.autograd.grad(sum(o.square().sum() for o in network.finish(cut)), cut)
    found = torch.autograd.grad(below, trunk, slopes)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_parameters_counted_by_hand():
    # First mask: g and h of 16 * 16 + 16; second: f of 16 * 16 + 16, g of 32 * 16 + 16, h of 16 * 16 + 16.
    network = network_of(suite="digits_parity", sharing="mtan")
    masks = 2 * 272 + 272 + 528 + 272
    assert counts(network) == {None: 1040 + 272, 0: masks + 170, 1: masks + 17}
