"""DSelect-k: sparse selection of shared experts.

Shape letters: K selectors, E experts, M bits of an expert's number, E = 2^M.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from mtlrun.config import ADDED
from mtlrun.errors import MOST_PARTS, Fault, part_faults
from mtlrun.models.base import Encoder
from mtlrun.sharing.base import Body, MakeEncoder, Sharing
from mtlrun.sharing.experts import SharedExperts, make_experts

BEGIN = 0.01  # codes begin uniform in +-BEGIN * gamma, next to no choice; the authors' code does so too


@dataclass
class DSelectK(Sharing):
    """DSelect-k: encoders that all tasks share, and of each task at most `selectors` of them, which it learns.

    f_t(x) = sum_i q_i f_i(x), q = sum_k softmax(a)_k r(z_k). A selector's r(z) weighs expert i by the product over
    the bits of its number of S(z_m) for a 1 and 1 - S(z_m) for a 0; S(u) is the cubic -2u^3/gamma^3 +
    3u/(2 gamma) + 1/2 between -gamma/2 and gamma/2, and exactly 0 and 1 outside, so a selector ends on one expert.
    The objective gains entropy * sum over tasks and selectors of the entropy of r(z), which presses for that.
    With static gates z and a are parameters, so a task's weights are the same for every example. Per example they
    are linear maps of the flattened input, with bias, and the entropy is the mean over the batch (the authors'
    code takes the sum). Experts are shared, selectors are each task's own. All experts are computed, selected or not.

    Cost: a pass through each of `experts` encoders.
    Source: Hazimeh, Zhao, Chowdhery, Sathiamoorthy, Chen, Mazumder, Hong and Chi, DSelect-k: Differentiable
    Selection in the Mixture of Experts, NeurIPS 2021, section 3.

    Args:
        experts: how many; a power of 2, at least 2.
        selectors: most experts of a task, at least 1 and at most `experts`.
        gamma: width of the smooth step, above 0.
        entropy: factor of the entropies, at least 0.
        gates: `static` or `per_example`.
    """

    penalises: ClassVar[bool] = True

    experts: int = 4
    selectors: int = 2
    gamma: float = 1.0
    entropy: float = 0.01
    gates: Literal["static", "per_example"] = field(default="static", kw_only=True, metadata=ADDED)

    def faults(self) -> Iterator[Fault]:
        if self.experts < 2 or self.experts & (self.experts - 1):
            yield Fault("experts", "must be a power of 2, at least 2", self.experts)
        elif self.experts > MOST_PARTS:
            yield from part_faults("experts", self.experts)
        elif not 1 <= self.selectors <= self.experts:
            yield Fault("selectors", f"must be between 1 and experts, {self.experts}", self.selectors)
        if self.gamma <= 0:
            yield Fault("gamma", "must be above 0", self.gamma)
        if self.entropy < 0:
            yield Fault("entropy", "must not be negative", self.entropy)

    def build(self, make_encoder: MakeEncoder, sources: Sequence[int]) -> Body:
        experts = make_experts(make_encoder, self.experts)
        settings = (self.selectors, self.experts.bit_length() - 1, self.gamma)
        if not self.charges:
            static = [
                make_encoder.module(f"gate/{k}", partial(Selectors, *settings)) for k in range(len(sources))
            ]
            return SharedExperts(experts, static, sources)
        make = partial(ExampleSelectors, math.prod(make_encoder.input_shape), *settings)
        gates = [make_encoder.module(f"gate/{k}", make) for k in range(len(sources))]
        return SelectedExperts(experts, gates, sources, self.entropy)

    @property
    def charges(self) -> bool:
        return self.gates == "per_example"

    def penalty(self, parameters: Mapping[str, Tensor], owners: Mapping[str, int | None]) -> Tensor:
        codes = [p for n, p in parameters.items() if n.startswith("body.gates.") and n.endswith(".codes")]
        terms = [entropies(selection(code, self.gamma)).sum() for code in codes]
        return self.entropy * torch.stack(terms).sum() if terms else torch.zeros(())


class Selectors(nn.Module):
    """A task's selectors of experts and how much each of them counts.

    Args:
        count: K.
        bits: M.
        gamma: width of the smooth step.
    """

    any_leading_axes = True

    def __init__(self, count: int, bits: int, gamma: float) -> None:
        super().__init__()
        self.gamma = gamma
        self.codes = nn.Parameter(torch.empty(count, bits).uniform_(-BEGIN * gamma, BEGIN * gamma))
        self.logits = nn.Parameter(torch.zeros(count))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the weights of the experts, (1, E), whatever the inputs."""
        shares = self.logits.softmax(-1).unsqueeze(-1)
        return (shares * selection(self.codes, self.gamma)).sum(-2, keepdim=True)


class ExampleSelectors(nn.Module):
    """A task's selectors of experts, chosen anew for each example.

    Args:
        size: elements of one input.
        count: K.
        bits: M.
        gamma: width of the smooth step.
    """

    any_leading_axes = True

    def __init__(self, size: int, count: int, bits: int, gamma: float) -> None:
        super().__init__()
        self.gamma, self.shape = gamma, (count, bits)
        codes, logits = nn.Linear(size, count * bits), nn.Linear(size, count)
        for parameter in codes.parameters():
            nn.init.uniform_(parameter, -BEGIN * gamma, BEGIN * gamma)
        for parameter in logits.parameters():
            nn.init.zeros_(parameter)
        self.flat, self.codes, self.logits = nn.Flatten(), codes, logits

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (B, ...) to the weights of the experts, (B, E)."""
        shares = self.logits(self.flat(inputs)).softmax(-1).unsqueeze(-1)
        return (shares * self._selection(inputs)).sum(-2)

    def entropy(self, inputs: Tensor) -> Tensor:
        """Return the mean over examples (B, ...) of the sum of the selectors' entropies."""
        return entropies(self._selection(inputs)).sum(-1).mean(-1)

    def _selection(self, inputs: Tensor) -> Tensor:
        """Return each selector's weights of the experts, (B, K, E)."""
        return selection(self.codes(self.flat(inputs)).unflatten(-1, self.shape), self.gamma)


class SelectedExperts(SharedExperts):
    """Experts that all tasks share and selectors that see the examples, whose entropies are charged.

    Args:
        experts: shared encoders.
        gates: one per task.
        sources: the source that each task reads.
        coefficient: factor of the entropies.
    """

    def __init__(
        self,
        experts: Sequence[Encoder],
        gates: Sequence[ExampleSelectors],
        sources: Sequence[int],
        coefficient: float,
    ) -> None:
        super().__init__(experts, gates, sources)
        self.coefficient = coefficient

    def charge(self, inputs: Sequence[Tensor]) -> Tensor:
        terms = []
        for gate, source in zip(self.gates, self.sources, strict=True):
            assert isinstance(gate, ExampleSelectors)
            terms.append(gate.entropy(inputs[source]))
        return self.coefficient * torch.stack(terms).sum(0)


def entropies(weights: Tensor) -> Tensor:
    """Return the entropies (...) of weights (..., E) that sum to 1."""
    floor = torch.finfo(weights.dtype).tiny  # the slope of p log p is infinite at 0
    return -(weights * weights.clamp(min=floor).log()).sum(-1)


def selection(codes: Tensor, gamma: float) -> Tensor:
    """Return the experts' weights (..., K, E) of codes (..., K, M); the first bit is the highest."""
    bounded = (codes / gamma).clamp(-0.5, 0.5)
    steps = -2 * bounded**3 + 1.5 * bounded + 0.5
    found = torch.ones_like(codes[..., :1])
    for step in steps.unbind(-1):
        ones = found * step.unsqueeze(-1)
        found = torch.stack([found - ones, ones], -1).flatten(-2)
    return found
