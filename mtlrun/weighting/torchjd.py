"""Any aggregator of the TorchJD package, by name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from mtlrun.errors import Fault
from mtlrun.weighting.base import Aggregator, Signals, State


@dataclass
class TorchJD(Aggregator):
    """An aggregator of the TorchJD package (the extra `mtlrun[torchjd]`), on the whole Jacobian of the parameters.

    Scale, sums and means are TorchJD's. Its code branches on values, so runs are taken one after another, not
    vectorised, and a step waits for the device: for cross-checks and for methods that mtlrun has not. Aggregators
    with a memory (as `GradVac`) are left out, as their memory is not part of a run's state. Random ones draw from a
    generator seeded by the run's own stream. A run whose gradients are not finite gets an update that is not. The
    weights reported are TorchJD's where the aggregator has them, else 1.

    Source: Quinton and Rey, Jacobian Descent for Multi-Objective Optimization, 2024; https://torchjd.org.

    Args:
        name: a class of `torchjd.aggregation`, as `AlignedMTL`, `CAGrad` or `UPGrad` (which needs
            `torchjd[quadprog_projector]`).
        settings: its arguments, apart by blanks, as `c=0.4 norm_eps=1e-4`; a list becomes a tensor.
    """

    one_by_one: ClassVar[bool] = True

    name: str = "AlignedMTL"
    settings: str = ""

    def faults(self) -> Iterator[Fault]:
        try:
            known = aggregators()
        except ModuleNotFoundError:
            yield Fault("name", "needs the package torchjd: pip install 'mtlrun[torchjd]'", self.name)
            return
        if self.name not in known:
            yield Fault("name", "must be an aggregator of TorchJD without a memory", self.name, sorted(known))
            return
        try:
            self.build(torch.zeros(()))
        except (TypeError, ValueError, AttributeError, ImportError) as error:
            yield Fault("settings", f"must suit torchjd.aggregation.{self.name} ({error})", self.settings)

    def build(self, like: Tensor) -> Any:
        """Return the aggregator, its tensors with the type of another; TorchJD's errors pass."""
        given = {}
        for setting in self.settings.split():
            key, _, text = setting.partition("=")
            given[key] = _value(text, like)
        return aggregators()[self.name](**given)

    def random_shape(self, tasks: int) -> tuple[int, ...]:
        return (1,)

    def aggregate(self, jacobian: Tensor, signals: Signals, state: State) -> tuple[Tensor, Tensor, State]:
        from torchjd.aggregation import WeightedAggregator

        assert signals.draw is not None
        ones, finite = torch.ones_like(signals.losses), jacobian.isfinite().all()
        rows = torch.where(finite, jacobian, 1.0)  # decompositions raise on what is not finite
        device = [jacobian.device] if jacobian.is_cuda else []
        with torch.random.fork_rng(device):
            torch.manual_seed(int(signals.draw.double() * 2**31))
            rule = self.build(rows)
            if isinstance(rule, WeightedAggregator):
                weights = rule.weighting(rows)
                update = weights @ rows
            else:
                weights, update = ones, rule(rows)
        return torch.where(finite, update, torch.nan), weights.to(ones), state


def aggregators() -> dict[str, type]:
    """Return TorchJD's aggregators without a memory, by name.

    Raises:
        ModuleNotFoundError: TorchJD is not installed.
    """
    import torchjd
    from torchjd import aggregation as known

    bases = (known.Aggregator, known.WeightedAggregator, known.GramianWeightedAggregator)
    found = {name: getattr(known, name) for name in known.__all__}
    return {
        name: cls
        for name, cls in found.items()
        if issubclass(cls, known.Aggregator) and not issubclass(cls, torchjd.Stateful) and cls not in bases
    }


def _value(text: str, like: Tensor) -> Any:
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        return text
    return like.new_tensor(value) if isinstance(value, list) else value
