"""Encoders of a user's own: what they give is found by a batch, and what cannot serve is told before training."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mtlrun.config import check_node
from mtlrun.errors import ConfigError
from mtlrun.models.custom import Custom, Pool

SHAPE = (1, 8, 8)


def custom(name: str, *, blocks=None, features=None, channels="first", **arguments) -> Custom:
    node = {"_target_": f"support.own_encoders.{name}", **arguments}
    return Custom(node, blocks, features, channels)


@pytest.mark.parametrize(
    ("model", "features", "blocks"),
    [
        (custom("Rows", hidden=5), 5, 1),
        (custom("Map", width=6), 6, 1),
        (custom("Map", width=6, last=True, channels="last"), 6, 1),
        (custom("sequence", width=7), 7, 2),
        (custom("lazy", width=7, features=7), 7, 3),
        (custom("Branching", width=4), 4, 1),
        (custom("Named", blocks=["stem", "layers"]), 16, 3),
    ],
)
def test_features_and_blocks_are_found(model, features, blocks):
    assert list(model.faults()) == []
    encoder = model.build(SHAPE)
    assert (encoder.features, len(encoder)) == (features, blocks)
    assert encoder.eval()(torch.zeros(3, *SHAPE)).shape == (3, features)
    with torch.device("meta"):
        without = model.build(SHAPE)
    assert {p.device.type for p in without.parameters()} == {"meta"}
    assert [p.shape for p in without.parameters()] == [p.shape for p in encoder.parameters()]


@pytest.mark.parametrize(("channels", "shape"), [("first", (3, 5, 2, 4)), ("last", (3, 2, 4, 5))])
def test_a_map_becomes_features_by_its_mean_also_over_lanes(channels, shape):
    inputs = torch.randn(shape)
    axes = (2, 3) if channels == "first" else (1, 2)
    pool = Pool(2, channels)
    torch.testing.assert_close(pool(inputs), inputs.mean(axes))
    torch.testing.assert_close(pool(torch.stack([inputs, 2 * inputs]))[1], 2 * inputs.mean(axes))


def test_a_cut_encoder_does_what_the_module_does():
    torch.manual_seed(0)
    whole = custom("Named").build(SHAPE)
    cut = custom("Named", blocks=["stem", "layers"]).build(SHAPE)
    own = {cut.names[n]: t for n, t in cut.state_dict().items()}
    whole[0].load_state_dict(own)
    inputs = torch.randn(4, *SHAPE)
    torch.testing.assert_close(cut(inputs), whole(inputs))
    assert set(own) == {f"{n}.{k}" for n in ("stem.1", "layers.0", "layers.1") for k in ("weight", "bias")}


def fault_of(model: Custom) -> str:
    node = {"_target_": "mtlrun.models.custom.Custom", "encoder": model.encoder, "blocks": model.blocks}
    found = check_node("model", node | {"features": model.features, "channels": model.channels})
    if found:
        return "; ".join(map(str, found))
    with pytest.raises(ConfigError) as error:
        model.build(SHAPE)
    return str(error.value)


@pytest.mark.parametrize(
    ("model", "key", "words"),
    [
        (Custom(), "encoder._target_", "must name your encoder"),
        (custom("Nothing"), "encoder._target_", "can be imported"),
        (Custom({"_target_": "no_such_package.Thing"}), "encoder._target_", "can be imported"),
        (Custom({"_target_": "Thing"}), "encoder._target_", "can be imported"),
        (custom("Rows", hiden=3), "encoder.hiden", "did you mean hidden?"),
        (custom("Branching"), "encoder.width", "must be given"),
        (custom("Failing"), "encoder", "cannot be built: KeyError"),
        (custom("number"), "encoder._target_", "must give an nn.Module, found 'int'"),
        (custom("Rows", hidden=4, features=5), "features", "must be 4"),
        (custom("Giving", what="pair"), "encoder", "one tensor of real numbers"),
        (custom("Giving", what="numbers"), "encoder", "one tensor of real numbers"),
        (custom("Giving", what="scalar"), "encoder", "gave the shape, found ()"),
        (custom("Giving", what="other batch"), "encoder", "gave the shape, found (1, 192)"),
        (custom("Giving", what="nothing"), "encoder", "forward fails with KeyError"),
        (custom("Uncopied"), "encoder", "deepcopy can copy: RuntimeError"),
        (
            custom("Rows", hidden={"_target_": "support.own_encoders.Nothing"}),
            "encoder: _target_",
            "can be imported",
        ),
        (custom("Noisy"), "encoder", "draw no random numbers"),
        (custom("Training"), "encoder", "draw no random numbers in forward, and does in training"),
        (custom("Counting"), "encoder", "must not change buffers"),
        (custom("Dropping"), "encoder", "regularization=dropout"),
        (custom("Named", blocks=["stem", "layer"]), "blocks", "did you mean layers"),
        (custom("Named", backwards=True, blocks=["stem", "layers"]), "blocks", "forward gives"),
        (custom("Named", blocks=[]), "blocks", "must name attributes"),
    ],
)
def test_what_cannot_serve_is_told(model, key, words):
    message = fault_of(model)
    assert f"`model.{key}`" in message
    assert words in message


def test_inputs_that_do_not_fit_are_told():
    with pytest.raises(ConfigError, match=r"must take inputs \(3, 3, 32, 32\)"):
        custom("sequence").build((3, 32, 32))


def test_dropout_that_is_off_is_taken():
    assert custom("Dropping", rate=0.0).build(SHAPE).features == 64


def test_building_leaves_the_global_generator_alone_in_trials():
    before = torch.default_generator.get_state()
    custom("Giving", what="nothing").faults()
    with pytest.raises(ConfigError):
        custom("Giving", what="pair").build(SHAPE)
    assert torch.equal(before, torch.default_generator.get_state())


def test_an_encoder_of_torch_itself_serves():
    encoder = Custom({"_target_": "torch.nn.Flatten"}).build(SHAPE)
    assert encoder.features == 64 and isinstance(encoder[0], nn.Flatten)
