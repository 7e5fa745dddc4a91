"""FT-Transformer: against torch's own attention and normalisation in float64, over lanes, sizes as published."""

from __future__ import annotations

import math

import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config
from torch import nn
from torch.nn import functional as F

from mtlrun.models.base import Encoder
from mtlrun.models.transformer import Attention, TabularTransformer, TransformerBlock
from mtlrun.training.vectorize.stacked import Stacked


def encoder_of(model: TabularTransformer, numbers: int) -> Encoder:
    """Return an encoder whose every parameter is random, float64."""
    torch.manual_seed(3)
    encoder = model.build((numbers,)).double()
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return encoder


def torchs_attention(ours: Attention, tokens: torch.Tensor) -> torch.Tensor:
    """Return what the function behind torch's `nn.MultiheadAttention` makes of tokens (B, T, D)."""
    sequence = tokens.transpose(0, 1)
    three = (ours.query, ours.key, ours.value)
    names = ("q_proj_weight", "k_proj_weight", "v_proj_weight")
    found, _ = F.multi_head_attention_forward(
        *(sequence, sequence, sequence, tokens.shape[-1], ours.heads),
        in_proj_weight=None,
        in_proj_bias=torch.cat([layer.bias for layer in three]),
        bias_k=None,
        bias_v=None,
        add_zero_attn=False,
        dropout_p=0.0,
        out_proj_weight=ours.out.weight,
        out_proj_bias=ours.out.bias,
        need_weights=False,
        use_separate_proj_weight=True,
        **dict(zip(names, (layer.weight for layer in three), strict=True)),
    )
    return found.transpose(0, 1)


def norm(layer: nn.Module, rows: torch.Tensor) -> torch.Tensor:
    if isinstance(layer, nn.Identity):
        return rows
    return F.layer_norm(rows, rows.shape[-1:], layer.weight, layer.bias)


def reference(encoder: Encoder, inputs: torch.Tensor) -> torch.Tensor:
    """The whole network with torch's functions, every token through every block."""
    first = encoder[0][1]
    tokens = torch.stack([torch.outer(x, torch.ones(len(first.weight[0])).double()) for x in inputs])
    tokens = tokens * first.weight + first.bias
    tokens = torch.cat([first.first.expand(len(inputs), 1, -1), tokens], 1)
    for block in list(encoder)[1:]:
        assert isinstance(block, TransformerBlock)
        seen = norm(block.attention_norm, tokens)
        tokens = tokens + torchs_attention(block.attention, seen)
        a, b = block.rise(norm(block.forward_norm, tokens)).chunk(2, -1)
        tokens = tokens + block.fall(a * F.relu(b))
    return F.relu(norm(encoder[-1].last_norm, tokens[:, 0]))


@pytest.mark.parametrize(("width", "depth", "heads"), [(8, 1, 1), (8, 2, 2), (24, 3, 8)])
def test_it_is_what_torchs_own_attention_gives(width, depth, heads):
    encoder = encoder_of(TabularTransformer(width, depth, heads), 5)
    inputs = torch.randn(4, 5, dtype=torch.float64)
    found, expected = encoder(inputs), reference(encoder, inputs)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    parameters = list(encoder.parameters())
    ours, theirs = (torch.autograd.grad(out.square().sum(), parameters) for out in (found, expected))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-10)


def test_published_sizes_and_initial_values():
    model = TabularTransformer()
    encoder = model.build((10,))
    d, hidden = 192, 256
    block = 4 * (d * d + d) + (d * 2 * hidden + 2 * hidden) + (hidden * d + d) + 2 * d
    expected = (
        (2 * 10 + 1) * d + 3 * block + 2 * 2 * d + 2 * d
    )  # no norm before the first, one above the last
    assert sum(p.numel() for p in encoder.parameters()) == expected
    assert encoder.features == d
    tokens, attention = encoder[0][1], encoder[1].attention
    for values in tokens.parameters():
        assert values.abs().max() <= 1 / math.sqrt(d)
    assert tokens.weight.std().item() == pytest.approx(1 / math.sqrt(3 * d), rel=0.1)
    assert all(not layer.bias.any() for layer in (attention.query, attention.key, attention.value))


def test_lanes_go_by_rules_and_each_is_as_alone():
    torch.set_num_threads(1)
    choices = {"model": "transformer_tabular", "model__depth": 2, "model__heads": 2, "suite__train_size": 64}
    one = run_config(3, 3, **choices)
    (alone,) = cohort_of([one], torch.device("cpu")).train()
    cohort = cohort_of([run_config(1, 3, **choices), one], torch.device("cpu"))
    assert type(cohort.forward) is Stacked and cohort.one_by_one is None
    for name, values in cohort.train()[1].parameters.items():
        torch.testing.assert_close(
            torch.from_numpy(values), torch.from_numpy(alone.parameters[name]), rtol=1e-8, atol=1e-10
        )


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"heads": 0}, "heads"),
        ({"width": 12, "heads": 8}, "width"),
        ({"width": 0}, "width"),
        ({"depth": 0}, "depth"),
        ({"hidden": 0.0}, "hidden"),
    ],
)
def test_faults(settings, key):
    assert key in [fault.key for fault in TabularTransformer(**settings).faults()]


def test_a_model_of_another_width():
    model = TabularTransformer(heads=4, depth=2).of_width(3)
    assert (model.width, model.heads, model.depth) == (12, 4, 2)
    assert list(model.faults()) == []
