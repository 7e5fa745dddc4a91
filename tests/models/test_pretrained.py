"""Pretrained weights: names on both sides, shapes, prefixes, content in run ids; frozen parameters."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from support.commands import mtlrun, planned, tiny
from support.saved import trained

from mtlrun.config import build, to_node
from mtlrun.errors import ConfigError
from mtlrun.models.custom import Custom
from mtlrun.models.mlp import MLP
from mtlrun.models.resnet import ResNet18
from mtlrun.planning.runs import config_id

SHAPE = (1, 8, 8)


def weights(model, prefix: str = "", seed: int = 9) -> dict[str, torch.Tensor]:
    """Random weights under the names that the model's encoder has where it comes from."""
    encoder = model.build(SHAPE)
    generator = torch.Generator().manual_seed(seed)
    drawn: dict[int, torch.Tensor] = {}  # tied parameters have one value
    found = {}
    for name, tensor in encoder.state_dict(keep_vars=True).items():
        if "num_batches" not in name:
            value = drawn.setdefault(id(tensor), torch.rand(tensor.shape, generator=generator))
            found[prefix + encoder.names.get(name, name)] = value.clone()
    return found


def written(path: Path, tensors: dict[str, torch.Tensor]) -> str:
    save_file(tensors, path)
    return str(path)


MODELS = [
    MLP(width=8),
    ResNet18(channels=2, groups=1, norm="batch"),
    Custom({"_target_": "support.own_encoders.Map", "width": 3}),
    Custom({"_target_": "support.own_encoders.Named"}, blocks=["stem", "layers"]),
    Custom({"_target_": "support.own_encoders.Branching", "width": 3}),
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
@pytest.mark.parametrize("prefix", ["", "120/body.trunk.", "encoder."])
def test_an_encoder_begins_with_the_weights_of_the_file(model, prefix, tmp_path):
    given = weights(model, prefix)
    more = {"head.weight": torch.zeros(3)} if prefix else {}
    model = build({**to_node(model), "init_from": written(tmp_path / "w.safetensors", given | more)})
    encoder = model.made(SHAPE)
    loaded = {encoder.names.get(n, n): t for n, t in encoder.state_dict().items() if "num_batches" not in n}
    assert {prefix + name for name in loaded} == set(given)
    for name, tensor in loaded.items():
        torch.testing.assert_close(tensor, given[prefix + name])
    with torch.device("meta"):
        assert model.made(SHAPE).features == encoder.features


def fault(model, path: Path, tensors, **settings) -> str:
    node = {**to_node(model), "init_from": written(path / "w.safetensors", tensors), **settings}
    with pytest.raises(ConfigError) as error:
        build(node).made(SHAPE)
    return str(error.value)


def test_names_and_shapes_that_do_not_fit_are_told(tmp_path):
    model, whole = MLP(width=8, depth=1), weights(MLP(width=8, depth=1))
    lacking = {"0.1.bias": whole["0.1.bias"]}
    assert "missing 0.1.weight; the file has 0.1.bias" in fault(model, tmp_path, lacking)
    more = whole | {"fc.weight": torch.zeros(2)}
    assert "it also has fc.weight" in fault(model, tmp_path, more)
    bent = whole | {"0.1.bias": torch.zeros(7)}
    assert "`0.1.bias` of shape (8,), found (7,)" in fault(model, tmp_path, bent)
    other = {"conv.weight": torch.zeros(1)}
    assert "the file has conv.weight" in fault(model, tmp_path, other)
    assert "the file has conv.weight" in fault(model, tmp_path, other, init_strict=False)
    assert "none there" in fault(model, tmp_path, whole, init_prefix="net.")
    twice = {f"{p}{n}": t.clone() for p in ("10/a.", "20/a.") for n, t in whole.items()}
    message = fault(model, tmp_path, twice)
    assert "`model.init_prefix` must say which" in message and "choices: 10/a., 20/a." in message


def test_without_strictness_what_is_there_is_taken(tmp_path):
    model, whole = MLP(width=8, depth=2), weights(MLP(width=8, depth=1))
    path = written(tmp_path / "w.safetensors", whole | {"other": torch.zeros(2)})
    torch.manual_seed(0)
    own = model.build(SHAPE).state_dict()
    torch.manual_seed(0)
    made = build({**to_node(model), "init_from": path, "init_strict": False}).made(SHAPE).state_dict()
    torch.testing.assert_close(made["0.1.weight"], whole["0.1.weight"])
    torch.testing.assert_close(made["1.1.weight"], own["1.1.weight"])


def test_a_file_that_is_none_or_has_changed_is_told(tmp_path):
    model, path = MLP(width=8), tmp_path / "w.safetensors"
    with pytest.raises(ConfigError, match=r"must name a safetensors file, found '/nowhere"):
        build({**to_node(model), "init_from": "/nowhere/w.safetensors"}).made(SHAPE)
    path.write_text("no tensors at all")
    with pytest.raises(ConfigError, match="must name a safetensors file: "):
        build({**to_node(model), "init_from": str(path)}).made(SHAPE)
    written(path, weights(model))
    planned_for = to_node(build({**to_node(model), "init_from": str(path)}))
    written(path, weights(model, seed=1))
    os.utime(path, ns=(1, 1))
    with pytest.raises(ConfigError, match="has changed since"):
        build(planned_for).made(SHAPE)


def test_the_content_and_not_the_place_tells_a_run(tmp_path):
    def told(name: str, seed: int) -> str:
        path = written(tmp_path / name, weights(MLP(width=8), seed=seed))
        return config_id({"model": to_node(MLP(width=8, init_from=path))})

    assert told("a.safetensors", 1) == told("b.safetensors", 1) != told("c.safetensors", 2)
    assert config_id({"model": to_node(MLP(width=8))}) not in (told("a.safetensors", 1),)
    old = {"_target_": "mtlrun.models.mlp.MLP", "width": 8, "depth": 2, "bias": True}
    assert config_id({"model": to_node(MLP(width=8))}) == config_id({"model": old})


def test_frozen_names_are_patterns():
    encoder = MLP(width=8, depth=3, freeze=["0.*", "*.bias"]).made(SHAPE)
    frozen = {name for name, p in encoder.named_parameters() if not p.requires_grad}
    assert frozen == {"0.1.weight", "0.1.bias", "1.1.bias", "2.1.bias"}
    own = Custom({"_target_": "support.own_encoders.Named"}, freeze=["stem.*"]).made(SHAPE)
    assert [p.requires_grad for p in own.parameters()] == [False, False, True, True, True, True]
    with pytest.raises(ConfigError, match=r"must match names .* found 'stem\.\*'"):
        MLP(freeze=["stem.*"]).made(SHAPE)


def test_weights_of_a_run_are_where_the_next_ones_begin(tmp_path):
    first = trained(tmp_path, "suite=digits_attributes", "suite.tasks=[digit,even]")
    path = next((tmp_path / "weights").glob(f"{first.run_id}.*"))
    steps = sorted(first.saved.tensors)
    prefix = [f"model.init_prefix={steps[-1]}/body.trunk."] if len(steps) > 1 else []
    command = (*tiny(tmp_path), "seeds=1", f"model.init_from={path}", *prefix)
    assert mtlrun("run", *command).code == 0
    frozen = (*command, 'model.freeze=["*"]', "weighting=pcgrad", "save=last", "study=frozen")
    assert mtlrun("run", *frozen).code == 0
    found = [load_file(p) for p in (tmp_path / "weights").glob("*.last.safetensors")]
    assert len(found) == 3  # two baselines and the run of both tasks: none moved the encoder
    for tensors in found:
        for name, array in first.saved.tensors[steps[-1]].items():
            if name.startswith("body."):
                torch.testing.assert_close(tensors[f"20/{name}"], torch.from_numpy(array))
    refused = mtlrun("run", *command, "model.width=8")
    assert refused.code == 2 and "of shape" in refused.err
    assert planned(*command)["runs_new"] == 0
