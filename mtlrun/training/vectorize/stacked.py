"""Networks over all lanes at once: by rules for layers, by vmap, one by one, and for one lane as they are.

A network is written for one run, of ordinary layers. Dense layers become batched matrix products over stacked
weights, the very kernels that a loop written by hand for many runs would call; layers of images become grouped
kernels (`convolution.py`); layers that act on each element stay as they are; containers keep their own forward
code. What vmap would make of the same network costs about 60 % more (docs/performance.md); it serves networks
with other layers. Networks that vmap cannot take pass lane by lane. Which way a network goes says `ways.py`.

Shape letters: R lanes, B batch.
"""

from __future__ import annotations

import contextlib
import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from mtlrun.training.objective.gradients import Tensors
from mtlrun.training.vectorize.batchnorm import (
    StackedBatchNorm2d,
    freed,
    has_norm_rule,
    lend,
    lent,
    norms_of,
    statistic_names,
)
from mtlrun.training.vectorize.convolution import StackedLayer, chunk_images, has_image_rule, image_layer
from mtlrun.training.vectorize.masks import Site, hold, sites_of
from mtlrun.training.vectorize.tensor_slots import free_constants, free_parameters, put

ELEMENTWISE = (nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Tanh, nn.Sigmoid, nn.Softplus, nn.Identity)
CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
NO_MASKS: Mapping[str, Tensor] = {}
Call = Callable[[str, Sequence[Tensor], Mapping[str, Tensor]], list[Tensor]]
"""As of `Forward.call`."""


class Forward(ABC):
    """A network over lanes: tensors (R, B, ...) in, a list of them out.

    Args:
        network: of one run; it stays as it is.
        parameters: stacked, (R, ...) by name; what is written into them is seen.
        autocast: whether products are computed in bfloat16; results are of the parameters' type again.
        statistics: running statistics, (R, C) by name; what is written into them is seen.
        constants: buffers in which lanes differ, (R, ...) by name.

    Attributes:
        network: a copy, whose modules hold what a call lends them.
        norms: names of the modules that have running statistics.
    """

    def __init__(
        self,
        network: nn.Module,
        parameters: Mapping[str, Tensor],
        autocast: bool = False,
        statistics: Tensors | None = None,
        constants: Tensors | None = None,
    ) -> None:
        self._parameters, self._autocast, self._constants = parameters, autocast, constants or {}
        self.leaves = self.split(parameters)
        self.statistics = statistics or {}
        self.by_batch: Container[str] = ()
        self.norms = {name.rpartition(".")[0] for name in self.statistics}
        self.network = copy.deepcopy(network)
        self._prepare()

    @abstractmethod
    def _prepare(self) -> None:
        """Make the copy of the network ready to be lent the tensors of lanes."""

    def split(self, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return what the network reads and gradients are taken at; shares memory with the parameters."""
        return dict(parameters)

    def join(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return tensors shaped like `leaves` with the lane axis, (R, ...)."""
        return tensors

    def __call__(self, inputs: Sequence[Tensor], masks: Mapping[str, Tensor] = NO_MASKS) -> list[Tensor]:
        """Map inputs per source to outputs per task; masks, (R, B, ...) by name, act at the sites of that name."""
        return self._run("forward", inputs, masks)

    def bare(self, inputs: Sequence[Tensor], masks: Mapping[str, Tensor] = NO_MASKS) -> list[Tensor]:
        """Map inputs as calling does, to outputs laid out as `leaves` are: a lone lane's have no lane axis."""
        return self(inputs, masks)

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
        return self._precise(self.call, part, arguments, masks)

    def _precise(
        self, call: Call, part: str, arguments: Sequence[Tensor], masks: Mapping[str, Tensor]
    ) -> list[Tensor]:
        """Return what `call` gives, in the arguments' type."""
        if not self._autocast:
            return call(part, arguments, masks)
        with torch.autocast(arguments[0].device.type, torch.bfloat16):
            return [out.to(arguments[0].dtype) for out in call(part, arguments, masks)]

    @abstractmethod
    def call(self, part: str, arguments: Sequence[Tensor], masks: Mapping[str, Tensor]) -> list[Tensor]:
        """Call a method of the network: `forward`, `represent`, `finish`, `divide` or `charge`."""


class Lone(Forward):
    """One run's network as it is, its parameters without the lane axis."""

    def _prepare(self) -> None:
        self._places, self._sites = free_parameters(self.network), sites_of(self.network)
        self._norms = freed(norms_of(self.network))
        for module, attribute, name in free_constants(self.network, list(self._constants)):
            put(module, attribute, self._constants[name].squeeze(0))
        self._held: Mapping[str, Tensor] = {}  # what the network has now

    def split(self, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {n: p.detach().squeeze(0).requires_grad_() for n, p in parameters.items()}

    def join(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        return {n: p.unsqueeze(0) for n, p in tensors.items()}

    def bare(self, inputs: Sequence[Tensor], masks: Mapping[str, Tensor] = NO_MASKS) -> list[Tensor]:
        return self._precise(self._bare, "forward", inputs, masks)

    def call(self, part: str, arguments: Sequence[Tensor], masks: Mapping[str, Tensor]) -> list[Tensor]:
        return [out.unsqueeze(0) for out in self._bare(part, arguments, masks)]

    def _bare(self, part: str, arguments: Sequence[Tensor], masks: Mapping[str, Tensor]) -> list[Tensor]:
        if self._held is not self.leaves:
            for module, attribute, name in self._places:
                put(module, attribute, self.leaves[name])
            self._held = self.leaves
        hold(self._sites, {name: mask.squeeze(0) for name, mask in masks.items()})
        lend(self._norms, [values.squeeze(0) for values in self.statistics.values()], self.by_batch)
        outputs: list[Tensor] = getattr(self.network, part)([x.squeeze(0) for x in arguments])
        if self.by_batch:
            self.statistics |= zip(self.statistics, [v.unsqueeze(0) for v in lent(self._norms)], strict=True)
        return outputs


class Vmapped(Forward):
    """A network whose layers have no rules, under `torch.vmap`."""

    def _prepare(self) -> None:
        self._places, self._sites = free_parameters(self.network), sites_of(self.network)
        self._places += free_constants(self.network, list(self._constants))
        self._norms = freed(norms_of(self.network))

    def one(
        self,
        part: str,
        values: Sequence[Tensor],
        statistics: Sequence[Tensor],
        inputs: list[Tensor],
        masks: dict[str, Tensor],
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Return what a lane's network makes of its inputs, and its statistics after that.

        Args:
            part: as of `call`.
            values: of the lane, as `values` has them of all.
            statistics: of the lane.
            inputs: (B, ...) per source, or representations.
            masks: (B, ...) by name.
        """
        for (module, attribute, _), value in zip(self._places, values, strict=True):
            put(module, attribute, value)
        lend(self._norms, statistics, self.by_batch)
        hold(self._sites, masks)
        return getattr(self.network, part)(inputs), lent(self._norms)

    def values(self) -> list[Tensor]:
        """Return what every lane has of its own, (R, ...), in the order of its places in the network."""
        held = {**self._constants, **self.leaves}
        return [held[name] for _, _, name in self._places]

    def call(self, part: str, arguments: Sequence[Tensor], masks: Mapping[str, Tensor]) -> list[Tensor]:
        one, statistics = partial(self.one, part), list(self.statistics.values())
        outputs, now = torch.vmap(one)(self.values(), statistics, list(arguments), dict(masks))
        if self.by_batch:
            self.statistics |= zip(self.statistics, now, strict=True)
        return outputs


class OneByOne(Vmapped):
    """A network that vmap cannot take: its lanes pass one after another, by the kernels of a lone lane."""

    def call(self, part: str, arguments: Sequence[Tensor], masks: Mapping[str, Tensor]) -> list[Tensor]:
        lanes = len(arguments[0])
        values, statistics, inputs = (
            _by_lane(tensors, lanes) for tensors in (self.values(), self.statistics.values(), arguments)
        )
        held = _by_lane(masks.values(), lanes)
        outputs, now = [], []
        for lane in range(lanes):
            own = dict(zip(masks, held[lane], strict=True))
            found, after = self.one(part, values[lane], statistics[lane], inputs[lane], own)
            outputs.append(found)
            now.append(after)
        if self.by_batch:
            self.statistics |= zip(self.statistics, _stacked(now), strict=True)
        return _stacked(outputs)


class Stacked(Forward):
    """A network whose every layer has a rule: its layers replaced by layers of all lanes."""

    def _prepare(self) -> None:
        self._layers: list[tuple[StackedLayer, list[str]]] = []
        self._norms: list[tuple[str, StackedBatchNorm2d]] = []
        for name, module in list(self.network.named_modules()):
            self._replace(name, module)
        self._places, self._sites = free_parameters(self.network), sites_of(self.network)
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
            put(module, attribute, self.leaves[name])
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


def has_rule(module: nn.Module) -> bool:
    """Whether a module works on stacked tensors, itself or by a replacement."""
    if isinstance(module, nn.Flatten):
        return module.start_dim > 0 and module.end_dim == -1
    known = (nn.Linear, *ELEMENTWISE, *CONTAINERS)
    if has_image_rule(module) or has_norm_rule(module):
        return True
    return type(module) in known or getattr(module, "any_leading_axes", False)


def _by_lane(tensors: Iterable[Tensor], lanes: int) -> list[list[Tensor]]:
    """Return lists of stacked tensors (R, ...) as one list for each lane."""
    cut = [tensor.unbind(0) for tensor in tensors]
    return [[parts[lane] for parts in cut] for lane in range(lanes)]


def _stacked(lanes: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    """Return lists of tensors, one a lane, as one list of stacked tensors (R, ...)."""
    return [torch.stack(parts) for parts in zip(*lanes, strict=True)]
