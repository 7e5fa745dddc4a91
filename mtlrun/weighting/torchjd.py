"""Any aggregator or scalarizer of the TorchJD package, by name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor

from mtlrun.errors import Fault
from mtlrun.weighting.base import Aggregator, Needs, Signals, State

Found = TypeVar("Found")


@dataclass
class TorchJD(Aggregator):
    """An aggregator or scalarizer of the TorchJD package (the extra `mtlrun[torchjd]`).

    An aggregator sees the whole Jacobian of the shared parameters. A scalarizer sees the losses: tasks weigh as its
    slopes along them, their own parameters too. Scale, sums and means are TorchJD's. Its code branches on values, so
    runs are taken one after another, not vectorised, and a step waits for the device: for cross-checks and for
    methods that mtlrun has not. What has a memory (as `GradVac`, `UW` or `FAMO`) is left out, as its memory is not
    part of a run's state. Random ones draw from a generator seeded by the run's own stream. A run whose gradients or
    losses are not finite gets an update that is not. The weights reported are TorchJD's where the aggregator has
    them, else 1.

    Cost: T backward passes a step; one for a scalarizer.
    Source: Quinton and Rey, Jacobian Descent for Multi-Objective Optimization, 2024; https://torchjd.org.

    Args:
        name: a class of `torchjd.aggregation`, as `AlignedMTL`, `CAGrad` (which needs `torchjd[cagrad]`) or `UPGrad`
            (`torchjd[quadprog-projector]`); or of `torchjd.scalarization`, as `STCH`. Where both have the name,
            that of a scalarizer is `scalarization.Mean`.
        settings: its arguments, apart by blanks, as `c=0.4 norm_eps=1e-4`; a list becomes a tensor.
    """

    one_by_one: ClassVar[bool] = True

    name: str = "AlignedMTL"
    settings: str = ""

    @property
    def needs(self) -> Needs:  # type: ignore[override]
        """What the method looks at: the losses where it is a scalarizer."""
        return "jacobian" if self.name in aggregators() else "losses"

    def faults(self) -> Iterator[Fault]:
        try:
            known = aggregators() | scalarizers()
        except ModuleNotFoundError:
            yield Fault("name", "needs the package torchjd: pip install 'mtlrun[torchjd]'", self.name)
            return
        if self.name not in known:
            rule = "must be an aggregator or scalarizer of TorchJD without a memory"
            yield Fault("name", rule, self.name, sorted(known))
            return
        try:
            self.build(torch.zeros(()))
        except (TypeError, ValueError, AttributeError, ImportError) as error:
            yield Fault(
                "settings", f"must suit {known[self.name].__qualname__} of TorchJD ({error})", self.settings
            )

    def build(self, like: Tensor) -> Any:
        """Return the aggregator or scalarizer, its tensors with the type of another; TorchJD's errors pass."""
        given = {}
        for setting in self.settings.split():
            key, _, text = setting.partition("=")
            given[key] = _value(text, like)
        return (scalarizers() | aggregators())[self.name](**given)

    def random_shape(self, tasks: int) -> tuple[int, ...]:
        return (1,)

    def weigh(self, signals: Signals, state: State) -> tuple[Tensor, State]:
        if self.needs != "losses":
            return super().weigh(signals, state)
        losses = signals.losses.detach().requires_grad_()
        with torch.enable_grad():
            value = _drawn(signals, lambda: self.build(losses)(losses))
            (weights,) = torch.autograd.grad(value, losses)
        return torch.where(losses.isfinite().all(), weights, torch.nan), state

    def aggregate(self, jacobian: Tensor, signals: Signals, state: State) -> tuple[Tensor, Tensor, State]:
        from torchjd.aggregation import WeightedAggregator

        ones, finite = torch.ones_like(signals.losses), jacobian.isfinite().all()
        rows = torch.where(finite, jacobian, 1.0)  # decompositions raise on what is not finite

        def update() -> tuple[Tensor, Tensor]:
            rule = self.build(rows)
            if isinstance(rule, WeightedAggregator):
                weights = rule.weighting(rows)
                return weights @ rows, weights.to(ones)
            return rule(rows), ones

        found, weights = _drawn(signals, update)
        return torch.where(finite, found, torch.nan), weights, state


def aggregators() -> dict[str, type]:
    """Return TorchJD's aggregators without a memory, by name.

    Raises:
        ModuleNotFoundError: TorchJD is not installed.
    """
    from torchjd import aggregation as known

    bases = (known.Aggregator, known.WeightedAggregator, known.GramianWeightedAggregator)
    return _without_memory(known, bases)


def scalarizers() -> dict[str, type]:
    """Return TorchJD's scalarizers without a memory, as `STCH` and as `scalarization.STCH`.

    Raises:
        ModuleNotFoundError: TorchJD is not installed.
    """
    from torchjd import scalarization as known

    found = _without_memory(known, (known.Scalarizer,))
    return found | {f"scalarization.{name}": cls for name, cls in found.items()}


def _without_memory(module: Any, bases: tuple[type, ...]) -> dict[str, type]:
    """Return the public classes of a module of TorchJD that derive from the first base and keep nothing."""
    import torchjd

    found = {name: getattr(module, name) for name in module.__all__}
    return {
        name: cls
        for name, cls in found.items()
        if issubclass(cls, bases[0]) and not issubclass(cls, torchjd.Stateful) and cls not in bases
    }


def _drawn(signals: Signals, function: Callable[[], Found]) -> Found:
    """Return what a function gives where torch's generators begin at the run's own draw, and are put back."""
    assert signals.draw is not None
    with torch.random.fork_rng([signals.losses.device] if signals.losses.is_cuda else []):
        torch.manual_seed(int(signals.draw.double() * 2**31))
        return function()


def _value(text: str, like: Tensor) -> Any:
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        return text
    return like.new_tensor(value) if isinstance(value, list) else value
