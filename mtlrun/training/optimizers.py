"""Optimizers: torch's own fused kernels, applied to the stacked parameters of all lanes.

Lanes with equal settings are updated by one kernel; a lane with settings of its own is a group of its own.
Updates are elementwise, so what a lane gets does not depend on its company. The kernels are called directly: at
one lane torch's optimizer classes spend more time on bookkeeping than on the update (docs/performance.md).
"""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from mtlrun.config import Configured
from mtlrun.errors import Fault
from mtlrun.training.runtime.state_tree import Tree

VECTOR = 16
"""Elements to which a lane's row is padded: the most that one vector register of a CPU holds."""


@dataclass
class Optimizer(Configured, ABC):
    """An optimizer and its learning-rate schedule, for one run.

    Args:
        lr: learning rate.
        schedule: `constant`, or `cosine` decay to 0 over each phase of training.
        warmup: fraction of each phase over which the learning rate rises linearly from 0.
        weight_decay: torch's weight decay for this optimizer.
    """

    lr: float = 1e-3
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: float = 0.0
    weight_decay: float = 0.0

    def faults(self) -> Iterator[Fault]:
        if self.lr <= 0:
            yield Fault("lr", "must be above 0", self.lr)
        if not 0 <= self.warmup < 1:
            yield Fault("warmup", "must be at least 0 and below 1", self.warmup)
        if self.weight_decay < 0:
            yield Fault("weight_decay", "must not be negative", self.weight_decay)

    def lr_factor(self, step: int, steps: int) -> float:
        """Return what multiplies the learning rate at `step` (from 0) of a phase of `steps`."""
        warm = self.warmup * steps
        if step < warm:
            return (step + 1) / (math.floor(warm) + 1)
        if self.schedule == "constant":
            return 1.0
        return 0.5 * (1 + math.cos(math.pi * (step - warm) / (steps - warm)))

    @property
    @abstractmethod
    def moments(self) -> int:
        """How many tensors of a parameter's size the optimizer remembers for it."""

    @abstractmethod
    def update(self, group: Group, lr: float) -> None:
        """Apply one update in place to the parameters of a group."""


class Group(NamedTuple):
    """What one kernel updates: lists with an entry per parameter.

    Attributes:
        params: values.
        grads: gradients of the same layout.
        moments: as many lists as the optimizer has moments; zero before the first update.
        steps: scalars, updates so far with this one.
        decays: whether weight decay applies.
    """

    params: list[Tensor]
    grads: list[Tensor]
    moments: list[list[Tensor]]
    steps: list[Tensor]
    decays: bool


@dataclass
class SGD(Optimizer):
    """Stochastic gradient descent with momentum (Polyak 1964; `nesterov`: Sutskever et al., ICML 2013).

    Args:
        momentum: 0 for none.
        nesterov: Nesterov's form of momentum.
    """

    lr: float = 0.1
    momentum: float = 0.9
    nesterov: bool = False

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        if not 0 <= self.momentum < 1:
            yield Fault("momentum", "must be at least 0 and below 1", self.momentum)
        if self.nesterov and self.momentum == 0:
            yield Fault("nesterov", "needs momentum above 0", self.nesterov)

    @property
    def moments(self) -> int:
        return int(self.momentum > 0)

    def update(self, group: Group, lr: float) -> None:
        torch._fused_sgd_(
            group.params,
            group.grads,
            group.moments[0] if group.moments else [],
            weight_decay=self.weight_decay if group.decays else 0.0,
            momentum=self.momentum,
            lr=lr,
            dampening=0.0,
            nesterov=self.nesterov,
            maximize=False,
            is_first_step=False,
        )


@dataclass
class Adam(Optimizer):
    """Adam (Kingma and Ba, ICLR 2015). Weight decay is part of the gradient.

    Args:
        beta1: decay of the mean of gradients.
        beta2: decay of the mean of squared gradients.
        eps: added to the root of the latter.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        for name, beta in (("beta1", self.beta1), ("beta2", self.beta2)):
            if not 0 <= beta < 1:
                yield Fault(name, "must be at least 0 and below 1", beta)
        if self.eps <= 0:
            yield Fault("eps", "must be above 0", self.eps)

    @property
    def moments(self) -> int:
        return 2

    def update(self, group: Group, lr: float) -> None:
        self._apply(torch._fused_adam_, group, lr)

    def _apply(self, function: Callable[..., None], group: Group, lr: float) -> None:
        function(
            group.params,
            group.grads,
            *group.moments,
            [],
            group.steps,
            amsgrad=False,
            beta1=self.beta1,
            beta2=self.beta2,
            lr=lr,
            weight_decay=self.weight_decay if group.decays else 0.0,
            eps=self.eps,
            maximize=False,
        )


@dataclass
class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019)."""

    weight_decay: float = 0.01

    def update(self, group: Group, lr: float) -> None:
        self._apply(torch._fused_adamw_, group, lr)


Memory = tuple[dict[str, list[Tensor]], dict[str, int]]
"""Of lanes with the same settings, by parameter name: moments, and updates so far."""


class LaneOptimizer:
    """Holds the stacked parameters of all lanes and updates them in place.

    Each parameter is one buffer of R padded rows. Fused kernels walk memory in vectors and finish with a scalar
    loop that rounds differently; as no row has such a rest, a lane's bits do not depend on where it stands.

    Args:
        optimizers: one per lane; they may differ in numbers, not in kind.
        initial: values by name, (R, ...).
        decay: whether weight decay applies to them.

    Attributes:
        parameters: (R, ...) by name, for differentiation; views of the buffers.
    """

    def __init__(
        self, optimizers: Sequence[Optimizer], initial: Mapping[str, Tensor], decay: bool = True
    ) -> None:
        self._slots = {name: _Slot(values) for name, values in initial.items()}
        self.parameters = {name: slot.view.requires_grad_() for name, slot in self._slots.items()}
        self._decay = decay
        self._parts: list[_Part] = []
        for _, run in groupby(enumerate(optimizers), key=lambda pair: dataclasses.astuple(pair[1])):
            lanes = [lane for lane, _ in run]
            self._parts.append(_Part(optimizers[lanes[0]], lanes, self._slots))

    @torch.no_grad()
    def step(self, gradients: Mapping[str, Tensor], step: int, steps: int, factor: float = 1.0) -> None:
        """Apply one update; parameters without a gradient stay as they are, their momentum too.

        Args:
            gradients: (R, ...) by parameter name.
            step: step of the phase, from 0.
            steps: length of the phase.
            factor: of the phase, multiplies every learning rate.
        """
        rows = {name: slot.rows(gradients[name]) for name, slot in self._slots.items() if name in gradients}
        for part in self._parts if rows else ():
            lr = part.optimizer.lr * part.optimizer.lr_factor(step, steps) * factor
            part.optimizer.update(part.group(rows, self._decay), lr)

    def memory(self) -> list[Memory]:
        """Return a copy of all that is remembered of earlier updates: moments, and how many updates there were."""
        return [part.memory() for part in self._parts]

    def exchange(self, memory: list[Memory]) -> list[Memory]:
        """Go on from another memory, and return the one so far; neither is copied."""
        return [part.exchange(own) for part, own in zip(self._parts, memory, strict=True)]

    def state(self) -> Tree:
        """Return all that changes: parameters, moments, and how many updates there were."""
        parameters = {name: slot.buffer for name, slot in self._slots.items()}
        return {"parameters": parameters, "memory": [part.held() for part in self._parts]}

    @torch.no_grad()
    def load(self, state: Tree) -> None:
        """Go on from a state of the same lanes."""
        for name, slot in self._slots.items():
            slot.buffer.copy_(state["parameters"][name])
        for part, (moments, updates) in zip(self._parts, state["memory"], strict=True):
            part.exchange((moments, updates))


class _Part:
    """Lanes that stand side by side with the same settings: their rows of every buffer, moments and steps."""

    def __init__(self, optimizer: Optimizer, lanes: Sequence[int], slots: Mapping[str, _Slot]) -> None:
        self.optimizer = optimizer
        whole = len(lanes) == max((len(slot.buffer) for slot in slots.values()), default=0)
        self._lanes = None if whole else slice(lanes[0], lanes[-1] + 1)
        self._params = {name: self._rows(slot.buffer) for name, slot in slots.items()}
        count = range(optimizer.moments)
        self._moments = {name: [torch.zeros_like(p) for _ in count] for name, p in self._params.items()}
        self._updates = dict.fromkeys(slots, 0)
        self._lists: dict[tuple[str, ...], tuple[list[Tensor], list[list[Tensor]]]] = {}

    def group(self, gradients: Mapping[str, Tensor], decays: bool) -> Group:
        """Return what is updated where only some parameters have gradients (R, padded size)."""
        names = tuple(gradients)
        if names not in self._lists:
            moments = [[self._moments[n][k] for n in names] for k in range(self.optimizer.moments)]
            self._lists[names] = [self._params[n] for n in names], moments
        params, moments = self._lists[names]
        grads = [self._rows(g) for g in gradients.values()]
        for name in gradients:
            self._updates[name] += 1
        counts = {self._updates[name] for name in gradients}
        scalars = {n: torch.full((), float(n), device=params[0].device) for n in counts}
        return Group(params, grads, moments, [scalars[self._updates[n]] for n in gradients], decays)

    def memory(self) -> Memory:
        return {n: [m.clone() for m in moments] for n, moments in self._moments.items()}, dict(self._updates)

    def held(self) -> Memory:
        """Return what is remembered, as it is."""
        return self._moments, self._updates

    def exchange(self, memory: Memory) -> Memory:
        before = self._moments, self._updates
        self._moments, self._updates = memory
        self._lists.clear()
        return before

    def _rows(self, values: Tensor) -> Tensor:
        return values if self._lanes is None else values[self._lanes]


class _Slot:
    """One stacked parameter: its buffer (R, padded size) and its view (R, ...).

    A gradient of the parameter's own layout, as stacked layers give it, needs no copy. A lone lane has no padding:
    its layers are plain ones.
    """

    def __init__(self, values: Tensor) -> None:
        self._shape, self._size = values.shape, values[0].numel()
        self._lone = len(values) == 1
        self._padded = self._size if self._lone else math.ceil(self._size / VECTOR) * VECTOR
        self.buffer = values.clone() if self._lone else values.new_zeros(len(values), self._padded)
        self.view = self.buffer.detach() if self._lone else self._view_of(self.buffer)
        self.view.copy_(values)
        self._gradient: Tensor | None = None

    def _view_of(self, buffer: Tensor) -> Tensor:
        return buffer[:, : self._size].view(self._shape)

    def rows(self, gradient: Tensor) -> Tensor:
        """Return a gradient (R, ...) in the layout of the buffer."""
        if self._lone:
            return gradient.contiguous()
        if self._size == self._padded and gradient.is_contiguous():
            return gradient.view(len(gradient), -1)
        if self._gradient is None:
            self._gradient = torch.zeros_like(self.buffer)
        self._view_of(self._gradient).copy_(gradient)
        return self._gradient
