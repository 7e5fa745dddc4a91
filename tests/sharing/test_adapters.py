"""Task adapters on a shared trunk."""

import pytest
import torch
from support.networks import counts, inputs_of, moved, network_of

from mtlrun.sharing.adapters import Adapter, Adapters


@pytest.mark.parametrize("suite", ("digits_parity", "digits_permuted"))
@pytest.mark.parametrize("model", ("mlp", "convnet"))
def test_it_begins_as_hard_sharing(suite, model):
    adapted, hard = (network_of(suite=suite, model=model, sharing=s) for s in ("adapters", "hard"))
    for ours, theirs in zip(adapted(inputs_of(suite)), hard(inputs_of(suite)), strict=True):
        assert torch.equal(ours, theirs)
    assert any(p.any() for n, p in adapted.named_parameters() if "adapters" in n)


def test_an_adapter_by_hand():
    # Two features, rank 1: D = [1, -2], b = 0.5, U = [3, 4]', c = [0, 1]. For h = (1, 1): D h + b = -0.5, so ReLU
    # leaves h + c = (1, 2); without it h + U (-0.5) + c = (-0.5, 0). For h = (2, 0): 2.5 gives (9.5, 11).
    values = ([[1.0, -2.0]], [0.5], [[3.0], [4.0]], [0.0, 1.0])
    found = {}
    for relu in (True, False):
        adapter = Adapter((2,), 1, relu)
        with torch.no_grad():
            for parameter, value in zip(adapter.parameters(), values, strict=True):
                parameter.copy_(torch.tensor(value))
            found[relu] = adapter(torch.tensor([[1.0, 1.0], [2.0, 0.0]])).tolist()
    assert found == {True: [[1, 2], [9.5, 11]], False: [[-0.5, 0], [9.5, 11]]}


def test_an_adapter_of_images_is_that_of_features_at_every_pixel():
    images, features = (moved(Adapter(shape, 3, True).double()) for shape in ((4, 2, 2), (4,)))
    with torch.no_grad():
        for ours, theirs in zip(images.parameters(), features.parameters(), strict=True):
            ours.copy_(theirs.reshape(ours.shape))
        x = torch.arange(32.0, dtype=torch.float64).reshape(2, 4, 2, 2).sin()
        torch.testing.assert_close(images(x)[:, :, 1, 0], features(x[:, :, 1, 0]))


def test_parameters_counted_by_hand():
    # Each adapter maps 16 features to 8 and back: 16 * 8 + 8 + 8 * 16 + 16 = 280; a task has two and its head.
    network = network_of(suite="digits_parity", sharing="adapters")
    assert counts(network) == {None: 1040 + 272, 0: 2 * 280 + 170, 1: 2 * 280 + 17}


def test_its_settings_are_checked():
    assert [f.key for f in Adapters(0).faults()] == ["rank"]
    assert not list(Adapters(1).faults())
