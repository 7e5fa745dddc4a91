"""Layers of images over lanes are the plain layers of every lane, in any chunks."""

import numpy as np
import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config
from support.plain_loop import plain_loop
from torch import nn

from mtlrun.models.convnet import ConvNet
from mtlrun.models.resnet import ResNet18
from mtlrun.training.optimizers import Adam, LaneOptimizer
from mtlrun.training.vectorize import convolution
from mtlrun.training.vectorize.convolution import InChunks, chunk_lanes
from mtlrun.training.vectorize.lane_backends import forward_of_lanes
from mtlrun.training.vectorize.stacked import Stacked, Vmapped


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


LAYERS = {
    "conv": lambda: nn.Conv2d(4, 6, 3, padding=1),
    "conv of one map": lambda: nn.Sequential(nn.Conv2d(4, 1, 1), nn.Conv2d(1, 5, 5, padding=2, bias=False)),
    "conv with stride": lambda: nn.Conv2d(4, 6, 3, stride=2, padding=1, bias=False),
    "conv in groups, dilated": lambda: nn.Conv2d(4, 6, (3, 2), padding="same", dilation=2, groups=2),
    "group norm": lambda: nn.GroupNorm(2, 4, eps=1e-3),
    "group norm, scale only": lambda: nn.GroupNorm(2, 4, bias=False),
    "group norm without parameters": lambda: nn.GroupNorm(2, 4, affine=False),
    "max pool": lambda: nn.MaxPool2d(2),
    "overlapping max pool": lambda: nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True),
    "average pool": lambda: nn.AvgPool2d(2),
    "mean": lambda: nn.AdaptiveAvgPool2d(1),
    "mean of parts": lambda: nn.AdaptiveAvgPool2d((2, 3)),
    "flatten after a pool": lambda: nn.Sequential(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(48, 3)),
}
ENCODERS = {"convnet": ConvNet(16, 4), "resnet18": ResNet18(2, 1)}
MAPS = {"convnet": 4, "resnet18": 2}  # of the first convolution
every_encoder = pytest.mark.parametrize("encoder", ENCODERS)


class Whole(nn.Module):
    """Layers as the engine calls them: a list of inputs, a list of outputs."""

    any_leading_axes = True

    def __init__(self, layers):
        super().__init__()
        self.layers = layers

    def forward(self, inputs):
        return [self.layers(inputs[0])]


def lanes_of(make, count):
    """Networks of several runs, the same over lanes, and its parameters as the optimizer holds them."""
    networks = []
    for seed in range(count):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = Whole(nn.Sequential(make())).double()
            for parameter in network.parameters():
                nn.init.normal_(parameter, std=0.5)  # so that scales and shifts differ too
        networks.append(network.layers)
    named = [dict(n.named_parameters(prefix="layers")) for n in networks]
    initial = {name: torch.stack([d[name].detach() for d in named]) for name in named[0]}
    parameters = LaneOptimizer([Adam()] * count, initial).parameters if initial else {}
    whole = Whole(networks[0]).to_empty(device="meta")
    return networks, Stacked(whole, parameters), parameters


def images(*shape):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()


def assert_equal_to_plain(make, inputs):
    """Compare outputs and gradients of the layers over lanes with those of every lane's own network."""
    # `to_empty` above leaves the first network on the meta device, so plain networks are made anew.
    _, stacked, parameters = lanes_of(make, len(inputs))
    values = list(parameters.values())
    outputs = stacked([inputs])[0]
    found = torch.autograd.grad(outputs.cos().sum(), [inputs, *values])
    for lane in range(len(inputs)):
        plain = make().double()
        with torch.no_grad():
            for own, held in zip(plain.parameters(), values, strict=True):
                own.copy_(held[lane])
        x = inputs[lane].detach().clone().requires_grad_()
        y = plain(x)
        torch.testing.assert_close(outputs[lane], y, rtol=1e-12, atol=1e-12)
        expected = torch.autograd.grad(y.cos().sum(), [x, *plain.parameters()])
        for a, b in zip(found, expected, strict=True):
            torch.testing.assert_close(a[lane], b, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("lanes", [1, 3])
@pytest.mark.parametrize("layer", LAYERS)
def test_every_layer_equals_the_plain_one_of_each_lane(layer, lanes):
    assert_equal_to_plain(LAYERS[layer], images(lanes, 5, 4, 8, 7))


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 8, 16)])
@pytest.mark.parametrize("lanes_at_once", [1, 2, 3])
@every_encoder
def test_encoders_equal_the_plain_ones_in_any_chunks(encoder, lanes_at_once, shape, monkeypatch):
    rows = 2
    widest = max(MAPS[encoder], shape[0])
    monkeypatch.setattr(convolution, "CHUNK_ELEMENTS", lanes_at_once * rows * widest * shape[1] * shape[2])
    assert_equal_to_plain(lambda: ENCODERS[encoder].build(shape), images(3, rows, *shape))


def test_chunks_are_as_large_as_fits_and_of_about_equal_size(monkeypatch):
    monkeypatch.setattr(convolution, "CHUNK_ELEMENTS", 1000)
    inputs = torch.empty(10, 5, 2, 4, 5)  # 100 pixels a lane
    assert [chunk_lanes(inputs, maps) for maps in (1, 2, 3, 5, 10, 11)] == [5, 5, 3, 2, 1, 1]
    assert chunk_lanes(inputs[:1], 1) == 1
    assert chunk_lanes(inputs[:6], 2) == 3  # 5 would fit: 3 + 3, not 5 + 1
    assert chunk_lanes(inputs.to("meta"), 10) == 10  # no CPU, no chunks


@every_encoder
def test_image_parts_are_put_in_chunks_and_dense_networks_are_not(encoder):
    _, stacked, _ = lanes_of(lambda: ENCODERS[encoder].build((1, 8, 8)), 2)
    (chunks,) = stacked.network.children()
    assert isinstance(chunks, InChunks)
    assert not any(isinstance(m, InChunks) for m in chunks.layers.modules())
    _, dense, _ = lanes_of(lambda: nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), 2)
    assert not any(isinstance(m, InChunks) for m in dense.network.modules())


@pytest.mark.parametrize("limit", [1, 10**9])
def test_a_broken_lane_leaves_the_others_bit_equal(limit, monkeypatch):
    monkeypatch.setattr(convolution, "CHUNK_ELEMENTS", limit)
    _, stacked, parameters = lanes_of(lambda: ENCODERS["resnet18"].build((1, 8, 8)), 3)
    inputs, values = images(3, 4, 1, 8, 8), list(parameters.values())

    def outputs_and_gradients():
        outputs = stacked([inputs])[0]
        return [outputs.detach(), *torch.autograd.grad(outputs[:, 0].sum(), values)]

    before = outputs_and_gradients()
    with torch.no_grad():
        for value in values:
            value[1] = float("nan")
    after = outputs_and_gradients()
    for a, b in zip(before, after, strict=True):
        assert torch.equal(a[[0, 2]], b[[0, 2]])
    assert after[0][1].isnan().all()


def test_parameters_are_read_as_they_are_now_also_after_a_failed_call(monkeypatch):
    monkeypatch.setattr(convolution, "CHUNK_ELEMENTS", 1)
    _, stacked, parameters = lanes_of(lambda: nn.Conv2d(2, 3, 3), 3)
    inputs = images(3, 2, 2, 5, 5)
    before = stacked([inputs])[0].detach().clone()
    with pytest.raises(RuntimeError):
        stacked([images(3, 2, 4, 5, 5)])
    with torch.no_grad():
        parameters["layers.0.bias"] += 1.0
    torch.testing.assert_close(stacked([inputs])[0], before + 1.0)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Dropout(0.5),  # its draws would depend on the company
        nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
        nn.MaxPool2d(2, return_indices=True),
        nn.ConvTranspose2d(4, 4, 3),
    ],
)
def test_layers_without_a_rule(layer):
    whole = Whole(nn.Sequential(nn.Conv2d(4, 4, 1), layer))
    parameters = {name: torch.stack([p.detach()] * 2) for name, p in whole.named_parameters()}
    assert isinstance(forward_of_lanes(whole, parameters), Vmapped)


@pytest.mark.parametrize(
    ("model", "suite", "sharing"),
    [("convnet", "digits_two", "branched"), ("resnet18", "digits_parity", "hard")],
)
def test_a_run_alone_among_others_and_in_a_plain_loop(model, suite, sharing, monkeypatch):
    small = {"budget__batch_size": 8, "budget__evaluations": 1, "model__channels": 2}
    small |= {"model__groups": 1} if model == "resnet18" else {}
    runs = [run_config(s, 50, model=model, suite=suite, sharing=sharing, **small) for s in range(3)]
    (alone,) = cohort_of(runs[1:2], torch.device("cpu")).train()
    among = cohort_of(runs, torch.device("cpu")).train()[1]
    monkeypatch.setattr(convolution, "CHUNK_ELEMENTS", 2 * 8 * 2 * 64)  # at most two lanes of 8x8 images
    in_chunks = cohort_of(runs, torch.device("cpu")).train()[1]
    for other in (alone.parameters, in_chunks.parameters, plain_loop(runs[1])):
        for name, value in among.parameters.items():
            distance = np.linalg.norm(value - other[name])
            assert distance <= 1e-10 * np.linalg.norm(value), name
