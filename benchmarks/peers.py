"""The loops that mtlrun is measured against, each written as a competent user would, and free of mtlrun.

All train the two-task digits MLP, 64 -> W -> W -> heads of 10 (digit) and 1 (parity), with Adam at a learning
rate of 1e-3, on batches of B drawn at random from data in memory. R lanes, B batch, W width, N samples.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torchjd.aggregation import MGDA, PCGrad
from torchjd.autojac import jac_to_grad, mtl_backward

LR = 1e-3
ADAM_OPTIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "foreach": {"foreach": True},
    "fused": {"fused": True},
}


class Peer(NamedTuple):
    """A loop to be timed: `step()` advances `run_steps` runs by one step, and returns their mean loss."""

    step: Callable[[], Tensor]
    run_steps: int


class Data(NamedTuple):
    """The digits with both targets, and the generator that draws batches of them."""

    inputs: Tensor  # (N, 64), in [0, 1]
    digit: Tensor  # (N,), class index
    parity: Tensor  # (N, 1), 0.0 or 1.0
    generator: torch.Generator

    def batch(self, size: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return inputs, digits and parities of rows drawn at random."""
        index = torch.randint(
            len(self.digit), (size,), generator=self.generator, device=self.generator.device
        )
        return self.inputs[index], self.digit[index], self.parity[index]


def plain_loop(width: int, batch: int, optimizer: str, device: str = "cpu") -> Peer:
    """The sum of both losses by the usual loop, with the `default`, `foreach` or `fused` Adam."""
    return summed_loop(digits(device), *_model(width, device), batch, optimizer)


def summed_loop(data: Data, encoder: nn.Module, heads: nn.ModuleList, batch: int, optimizer: str) -> Peer:
    """The usual loop for any encoder with a head for each of the two tasks."""
    adam = torch.optim.Adam([*encoder.parameters(), *heads.parameters()], lr=LR, **ADAM_OPTIONS[optimizer])

    def step() -> Tensor:
        inputs, digit, parity = data.batch(batch)
        features = encoder(inputs)
        loss_digit, loss_parity = two_losses(heads[0](features), heads[1](features), digit, parity)
        loss = loss_digit + loss_parity
        adam.zero_grad()
        loss.backward()
        adam.step()
        return loss.detach()

    return Peer(step, 1)


def torchjd_loop(width: int, batch: int, method: str, optimizer: str, device: str = "cpu") -> Peer:
    """TorchJD's multi-task loop with its `pcgrad` or `mgda` aggregator on the encoder's Jacobian.

    This is the fastest of the ways of TorchJD 0.18. PCGrad steps a second at B32 W64, fused Adam: 537 by
    `mtl_backward` with parameters named and one task at a time, 472 with both under its `vmap`, and 255 by
    the Gramian engine (`autogram`), which would moreover scale the heads' gradients. Summing the Gramian over
    parameters (`optimize_gramian_computation`) made no difference.
    """
    data, (encoder, heads) = digits(device), _model(width, device)
    aggregator = {"pcgrad": PCGrad, "mgda": MGDA}[method]()
    shared = list(encoder.parameters())
    own = [list(head.parameters()) for head in heads]
    adam = torch.optim.Adam([*shared, *own[0], *own[1]], lr=LR, **ADAM_OPTIONS[optimizer])

    def step() -> Tensor:
        inputs, digit, parity = data.batch(batch)
        features = encoder(inputs)
        losses = two_losses(heads[0](features), heads[1](features), digit, parity)
        adam.zero_grad()
        mtl_backward(losses, features, tasks_params=own, shared_params=shared, parallel_chunk_size=1)
        jac_to_grad(shared, aggregator)
        adam.step()
        return (losses[0] + losses[1]).detach()

    return Peer(step, 1)


def hand_written(width: int, batch: int, lanes: int, device: str = "cpu") -> Peer:
    """R lanes of `equal` as one batched program: stacked weights (R, in, out), `baddbmm`, a fused Adam."""
    data = digits(device)
    generator = torch.Generator().manual_seed(0)

    def layer(inputs: int, outputs: int) -> list[Tensor]:
        bound = inputs**-0.5
        shapes = ((lanes, inputs, outputs), (lanes, 1, outputs))
        drawn = [torch.empty(shape).uniform_(-bound, bound, generator=generator) for shape in shapes]
        return [tensor.to(device).requires_grad_() for tensor in drawn]

    params = [*layer(64, width), *layer(width, width), *layer(width, 10), *layer(width, 1)]
    adam = torch.optim.Adam(params, lr=LR, fused=True)
    w1, b1, w2, b2, w3, b3, w4, b4 = params

    def step() -> Tensor:
        inputs, digit, parity = data.batch(lanes * batch)
        hidden = torch.baddbmm(b1, inputs.view(lanes, batch, 64), w1).relu()
        features = torch.baddbmm(b2, hidden, w2).relu()
        of_digit = torch.baddbmm(b3, features, w3).view(-1, 10)
        of_parity = torch.baddbmm(b4, features, w4).view(-1, 1)
        loss_digit, loss_parity = two_losses(of_digit, of_parity, digit, parity)  # means over lanes and batch
        loss = loss_digit + loss_parity
        adam.zero_grad()
        (loss * lanes).backward()
        adam.step()
        return loss.detach()

    return Peer(step, lanes)


def matmul_limit(width: int, batch: int, lanes: int, device: str = "cpu") -> Peer:
    """Only the batched matrix products of a step, into ready buffers: no loop of this kind can be faster.

    Both heads are one product. The input gets no gradient.
    """
    generator = torch.Generator().manual_seed(0)
    sizes = [64, width, width, 11]
    acts = [torch.randn(lanes, batch, n, generator=generator).to(device) for n in sizes]
    grads = [torch.randn(lanes, batch, n, generator=generator).to(device) for n in sizes]
    weights = [torch.randn(lanes, n, m, generator=generator).to(device) for n, m in pairwise(sizes)]
    weight_grads = [torch.empty_like(weight) for weight in weights]

    def step() -> Tensor:
        for k, weight in enumerate(weights):
            torch.bmm(acts[k], weight, out=acts[k + 1])
        for k in (2, 1, 0):
            torch.bmm(acts[k].mT, grads[k + 1], out=weight_grads[k])
            if k:
                torch.bmm(grads[k + 1], weights[k].mT, out=grads[k])
        return weight_grads[0]

    return Peer(step, lanes)


def digits(device: str) -> Data:
    """Return the digits of scikit-learn on a device."""
    inputs, labels = load_digits(return_X_y=True)
    digit = torch.as_tensor(labels, dtype=torch.int64, device=device)
    pixels = torch.as_tensor(inputs / 16, dtype=torch.float32, device=device)
    generator = torch.Generator(device).manual_seed(0)
    return Data(pixels, digit, (digit % 2).float().unsqueeze(1), generator)


def _model(width: int, device: str) -> tuple[nn.Sequential, nn.ModuleList]:
    encoder = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
    heads = nn.ModuleList([nn.Linear(width, 10), nn.Linear(width, 1)])
    return encoder.to(device), heads.to(device)


def two_losses(of_digit: Tensor, of_parity: Tensor, digit: Tensor, parity: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean losses of digit (cross-entropy) and parity (binary cross-entropy)."""
    return F.cross_entropy(of_digit, digit), F.binary_cross_entropy_with_logits(of_parity, parity)
