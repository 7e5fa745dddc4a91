"""Networks over all lanes at once: by rules for layers, by vmap, and for one lane as they are.

A network is written for one run, of ordinary layers. Dense layers become batched matrix products over stacked
weights, the very kernels that a loop written by hand for many runs would call; layers of images become grouped
kernels (`convolution.py`); layers that act on each element stay as they are; containers keep their own forward
code. What vmap would make of the same network costs about 60 % more (docs/performance.md); it serves networks
with other layers.

Shape letters: R lanes, B batch.
"""

from __future__ import annotations

import contextlib
import copy
from abc import ABC, abstractmethod
from collections.abc import Container, Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from mtlrun.training.convolution import StackedLayer, chunk_images, has_image_rule, image_layer
from mtlrun.training.gradients import Tensors
from mtlrun.training.masks import Site, hold, sites_of
from mtlrun.training.running import (
    StackedBatchNorm2d,
    freed,
    has_norm_rule,
    lend,
    lent,
    norms_of,
    statistic_names,
)

ELEMENTWISE = (nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Tanh, nn.Sigmoid, nn.Softplus, nn.Identity)
CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
NO_MASKS: Mapping[str, Tensor] = {}


class Forward(ABC):
    """A network over lanes: tensors (R, B, ...) in, a list of them out.

    Args:
        parameters: stacked, (R, ...) by name; what is written into them is seen.
        autocast: whether products are computed in bfloat16; results are of the parameters' type again.
        statistics: running statistics, (R, C) by name; what is written into them is seen.

    Attributes:
        norms: names of the modules that have running statistics.
    """

    def __init__(
        self, parameters: Mapping[str, Tensor], autocast: bool = False, statistics: Tensors | None = None
    ) -> None:
        self._parameters, self._autocast = parameters, autocast
        self.leaves = self.split(parameters)
        self.statistics = statistics or {}
        self.by_batch: Container[str] = ()
        self.norms = {name.rpartition(".")[0] for name in self.statistics}

    def split(self, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return what the network reads and gradients are taken at; shares memory with the parameters."""
        return dict(parameters)

    def join(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return tensors shaped like `leaves` with the lane axis, (R, ...)."""
        return tensors

    def __call__(self, inputs: Sequence[Tensor], masks: Mapping[str, Tensor] = NO_MASKS) -> list[Tensor]:
        """Map inputs per source to outputs per task; masks, (R, B, ...) by name, act at the sites of that name."""
        return self._run("forward", inputs, masks)

    def represent(self, inputs: Sequence[Tensor], masks: Mapping[str, Tensor] = NO_MASKS) -> list[Tensor]:
        """Map inputs per source to shared representations."""
        return self._run("represent", inputs, masks)

    def finish(
        self, representations: Sequence[Tensor], masks: Mapping[str, Tensor] = NO_MASKS
    ) -> list[Tensor]:
        """Map shared representations to outputs per task."""
        return self._run("finish", representations, masks)

    def divide(self, inputs: Sequence[Tensor], masks: Mapping[str, Tensor] = NO_MASKS) -> list[Tensor]:
        """Map inputs per source to outputs per task, then features that each shares, then each task's own."""
        return self._run("divide", inputs, masks)

    def charge(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return what inputs per source add to the objectives, (R,)."""
        return self._run("charge", inputs, NO_MASKS)[0]

    @contextlib.contextmanager
    def bound_to(self, parameters: Mapping[str, Tensor]) -> Iterator[None]:
        """Use other parameters for a while."""
        own, self.leaves = self.leaves, self.split(parameters)
        try:
            yield
        finally:
            self.leaves = own

    @contextlib.contextmanager
    def in_training(self, by_batch: Container[str], statistics: Tensors) -> Iterator[Tensors]:
        """Normalise by batches for a while, in some modules; yields the statistics, which every call moves."""
        own, self.statistics, self.by_batch = self.statistics, dict(statistics), by_batch
        try:
            yield self.statistics
        finally:
            self.statistics, self.by_batch = own, ()

    def _run(self, part: str, arguments: Sequence[Tensor], masks: Mapping[str, Tensor]) -> list[Tensor]:
        if not self._autocast:
            return self.call(part, arguments, masks)
        with torch.autocast(arguments[0].device.type, torch.bfloat16):
            return [out.to(arguments[0].dtype) for out in self.call(part, arguments, masks)]

    @abstractmethod
    def call(self, part: str, arguments: Sequence[Tensor], masks: Mapping[str, Tensor]) -> list[Tensor]:
        """Call a method of the network: `forward`, `represent`, `finish`, `divide` or `charge`."""


def forward_of_lanes(
    network: nn.Module,
    parameters: Mapping[str, Tensor],
    autocast: bool = False,
    statistics: Tensors | None = None,
) -> Forward:
    """Return a network over the lanes of its parameters.

    Args:
        network: one run's, on any device; only its structure is used.
        parameters: stacked, (R, ...) by name.
        autocast: as of `Forward`.
        statistics: likewise.
    """
    if len(next(iter(parameters.values()))) == 1:
        return Lone(network, parameters, autocast, statistics)
    if all(_has_rule(module) for module in network.modules()):
        return Stacked(network, parameters, autocast, statistics)
    return Vmapped(network, parameters, autocast, statistics)


class Lone(Forward):
    """One run's network as it is, its parameters without the lane axis."""

    def __init__(
        self,
        network: nn.Module,
        parameters: Mapping[str, Tensor],
        autocast: bool = False,
        statistics: Tensors | None = None,
    ) -> None:
        super().__init__(parameters, autocast, statistics)
        self._network = copy.deepcopy(network)
        self._places, self._sites = _free(self._network), sites_of(self._network)
        self._norms = freed(norms_of(self._network))

    def split(self, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {n: p.detach().squeeze(0).requires_grad_() for n, p in parameters.items()}

    def join(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        return {n: p.unsqueeze(0) for n, p in tensors.items()}

    def call(self, part: str, arguments: Sequence[Tensor], masks: Mapping[str, Tensor]) -> list[Tensor]:
        for module, attribute, name in self._places:
            object.__setattr__(module, attribute, self.leaves[name])
        hold(self._sites, {name: mask.squeeze(0) for name, mask in masks.items()})
        lend(self._norms, [values.squeeze(0) for values in self.statistics.values()], self.by_batch)
        outputs = getattr(self._network, part)([x.squeeze(0) for x in arguments])
        if self.by_batch:
            self.statistics |= zip(self.statistics, [v.unsqueeze(0) for v in lent(self._norms)], strict=True)
        return [out.unsqueeze(0) for out in outputs]


class Vmapped(Forward):
    """A network whose layers have no rules, under `torch.vmap`."""

    def __init__(
        self,
        network: nn.Module,
        parameters: Mapping[str, Tensor],
        autocast: bool = False,
        statistics: Tensors | None = None,
    ) -> None:
        super().__init__(parameters, autocast, statistics)
        self._network = copy.deepcopy(network)
        self._places, self._sites = _free(self._network), sites_of(self._network)
        self._norms = freed(norms_of(self._network))

    def call(self, part: str, arguments: Sequence[Tensor], masks: Mapping[str, Tensor]) -> list[Tensor]:
        def one(
            values: list[Tensor], statistics: list[Tensor], inputs: list[Tensor], masks: dict[str, Tensor]
        ) -> tuple[list[Tensor], list[Tensor]]:
            for (module, attribute, _), value in zip(self._places, values, strict=True):
                object.__setattr__(module, attribute, value)
            lend(self._norms, statistics, self.by_batch)
            hold(self._sites, masks)
            return getattr(self._network, part)(inputs), lent(self._norms)

        values = [self.leaves[name] for _, _, name in self._places]
        outputs, now = torch.vmap(one)(values, list(self.statistics.values()), list(arguments), dict(masks))
        if self.by_batch:
            self.statistics |= zip(self.statistics, now, strict=True)
        return outputs


class Stacked(Forward):
    """A network whose every layer has a rule: its layers replaced by layers of all lanes."""

    def __init__(
        self,
        network: nn.Module,
        parameters: Mapping[str, Tensor],
        autocast: bool = False,
        statistics: Tensors | None = None,
    ) -> None:
        super().__init__(parameters, autocast, statistics)
        self.network = copy.deepcopy(network)
        self._layers: list[tuple[StackedLayer, list[str]]] = []
        self._norms: list[tuple[str, StackedBatchNorm2d]] = []
        for name, module in list(self.network.named_modules()):
            self._replace(name, module)
        self._places, self._sites = _free(self.network), sites_of(self.network)
        for site in self._sites:
            if isinstance(site, Site):
                site.batch_axis = 1
        chunk_images(self.network)

    def _replace(self, name: str, module: nn.Module) -> None:
        parent, _, child = name.rpartition(".")
        holder = self.network.get_submodule(parent)
        if isinstance(module, nn.Flatten):
            setattr(holder, child, nn.Flatten(module.start_dim + 1, module.end_dim))
        elif isinstance(module, nn.BatchNorm2d):
            norm = StackedBatchNorm2d(module)
            setattr(holder, child, norm)
            names = [f"{name}.{n}" for n, _ in module.named_parameters(recurse=False)]
            self._layers.append((norm, names))
            self._norms.append((name, norm))
        elif isinstance(module, nn.Linear) or has_image_rule(module):
            layer = StackedLinear() if isinstance(module, nn.Linear) else image_layer(module)
            names = [f"{name}.{n}" for n, _ in module.named_parameters(recurse=False)]
            setattr(holder, child, layer)
            if isinstance(layer, StackedLayer):
                self._layers.append((layer, names))
                layer.held = [self.leaves[n] for n in names]

    def call(self, part: str, arguments: Sequence[Tensor], masks: Mapping[str, Tensor]) -> list[Tensor]:
        for layer, names in self._layers:
            layer.held = [self.leaves[n] for n in names]
        for module, attribute, name in self._places:
            object.__setattr__(module, attribute, self.leaves[name])
        for name, norm in self._norms:
            norm.held = [*norm.held, *(self.statistics[n] for n in statistic_names(name))]
            norm.by_batch = name in self.by_batch
        hold(self._sites, masks)
        outputs = getattr(self.network, part)(arguments)
        for name, norm in self._norms:
            self.statistics |= norm.taken(name, self.statistics)
        return outputs


class StackedLinear(StackedLayer):
    """`nn.Linear` of R runs: inputs (R, B, in), weights (R, out, in), biases (R, out).

    The weights are the left factor, so that examples lie side by side in memory: narrow layers, as heads are, take
    a fifth of the time so, and the weights' gradient comes out in the layout of the weights.
    """

    def forward(self, inputs: Tensor) -> Tensor:
        """Return (R, B, out)."""
        weight, *biases = self.held
        if not biases:
            return torch.bmm(weight, inputs.mT).mT
        return torch.baddbmm(biases[0].unsqueeze(-1), weight, inputs.mT).mT


def _has_rule(module: nn.Module) -> bool:
    """Whether a module works on stacked tensors, itself or by a replacement."""
    if isinstance(module, nn.Flatten):
        return module.start_dim > 0 and module.end_dim == -1
    known = (nn.Linear, *ELEMENTWISE, *CONTAINERS)
    if has_image_rule(module) or has_norm_rule(module):
        return True
    return type(module) in known or getattr(module, "any_leading_axes", False)


def _free(network: nn.Module) -> list[tuple[nn.Module, str, str]]:
    """Take the parameters out of a network's modules; return module, attribute and name of each."""
    places = []
    for prefix, module in network.named_modules():
        for attribute in [n for n, p in module._parameters.items() if p is not None]:
            del module._parameters[attribute]
            places.append((module, attribute, f"{prefix}.{attribute}"))
    return places
