"""Running statistics of batch normalisation: every lane has its own, and a step moves them once.

A training pass normalises by its batch, an evaluation by the statistics. Only the pass that gives a step its
gradients moves them; further passes of a step (a second look at the batch, a probe) see the batch and leave them
alone. Where a phase leaves a normalisation's weights as they are, its statistics stay too, and it normalises by them.

Source: Ioffe and Szegedy, Batch Normalization, ICML 2015. Shape letters: R lanes, B batch, C channels.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from mtlrun.errors import ConfigError, Fault
from mtlrun.training.objective.gradients import Tensors
from mtlrun.training.vectorize.convolution import StackedLayer, fold, unfold

KEPT = ("running_mean", "running_var")

Norms = list[tuple[str, nn.Module]]
"""Batch normalisations with their names in the network."""


class StackedBatchNorm2d(StackedLayer):
    """`nn.BatchNorm2d` of R runs: held are scales and shifts, where there are any, then means and variances, (R, C).

    Attributes:
        by_batch: whether to normalise by the batch, and to note in `seen` what the statistics become.
        seen: means and variances (lanes, C) after each call, of as many lanes as the call had.
    """

    def __init__(self, layer: nn.BatchNorm2d) -> None:
        super().__init__()
        self.eps, self.momentum = layer.eps, layer.momentum
        self.by_batch = False
        self.seen: list[list[Tensor]] = []

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the shape of the inputs, (R, B, C, H, W)."""
        *affine, mean, var = (tensor.flatten() for tensor in self.held)
        weight, bias = [*affine, None, None][:2]
        if self.by_batch:
            mean, var = mean.clone(), var.clone()
        out = F.batch_norm(
            fold(inputs), mean, var, weight, bias, self.by_batch, self.momentum or 0.0, self.eps
        )
        if self.by_batch:
            self.seen.append([mean.view(len(inputs), -1), var.view(len(inputs), -1)])
        return unfold(out, len(inputs))

    def taken(self, name: str, before: Tensors) -> Tensors:
        """Return what the calls since the last `taken` have made of the statistics of the module of that name.

        Every call starts from those before the pass; calls of some lanes follow one another until all lanes had
        theirs, and later calls of the same lanes add up.
        """
        names = statistic_names(name)
        now, pieces = [before[n] for n in names], list[list[Tensor]]()
        for piece in self.seen:
            pieces.append(piece)
            if sum(len(mean) for mean, _ in pieces) == len(now[0]):
                whole = [torch.cat(parts) for parts in zip(*pieces, strict=True)]
                kept = 1 - (self.momentum or 0.0)
                now = [w + kept * (n - before[k]) for k, w, n in zip(names, whole, now, strict=True)]
                pieces = []
        self.seen = []
        return dict(zip(names, now, strict=True))


def norms_of(network: nn.Module) -> Norms:
    """Return the batch normalisations of a network that have running statistics.

    Raises:
        ConfigError: one of them averages over all batches.
    """
    found: Norms = []
    for name, module in network.named_modules():
        if isinstance(module, _BatchNorm) and module.track_running_stats:
            if module.momentum is None:
                rule = "must give a number as momentum of a batch normalisation"
                raise ConfigError([Fault("model", rule, name)])
            found.append((name, module))
    return found


def statistic_names(name: str) -> list[str]:
    """Return the names of a module's statistics."""
    return [f"{name}.{kept}" for kept in KEPT]


def has_norm_rule(module: nn.Module) -> bool:
    """Whether `StackedBatchNorm2d` serves a module."""
    return type(module) is nn.BatchNorm2d and module.track_running_stats


def statistics_of(network: nn.Module) -> Tensors:
    """Return the running statistics of a run's network, by name."""
    return {f"{name}.{kept}": getattr(module, kept) for name, module in norms_of(network) for kept in KEPT}


def freed(norms: Norms) -> Norms:
    """Take the statistics out of plain modules, so that `lend` can give them others; return the modules."""
    for _, module in norms:
        for name in (*KEPT, "num_batches_tracked"):  # which a fixed momentum does not ask for
            module._buffers.pop(name)
            object.__setattr__(module, name, None)
    return norms


def lend(norms: Norms, statistics: Sequence[Tensor], by_batch: Container[str]) -> None:
    """Give freed modules the statistics of one run, two a module; those that train change copies of them."""
    given = iter(statistics)
    for name, module in norms:
        module.train(name in by_batch)
        for kept in KEPT:
            object.__setattr__(module, kept, next(given).clone())


def lent(norms: Norms) -> list[Tensor]:
    """Return the statistics of freed modules as they are now, two a module."""
    return [getattr(module, kept) for _, module in norms for kept in KEPT]
