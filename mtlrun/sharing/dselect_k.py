"""DSelect-k: sparse selection of shared experts.

Shape letters: K selectors, E experts, M bits of an expert's number, E = 2^M.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

from mtlrun.errors import Fault
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
    Here gates are the paper's static ones: a task's weights are the same for every example. Experts are shared,
    selectors are each task's own. All experts are computed in training, selected or not.

    Source: Hazimeh, Zhao, Chowdhery, Sathiamoorthy, Chen, Mazumder, Hong and Chi, DSelect-k: Differentiable
    Selection in the Mixture of Experts, NeurIPS 2021, section 3.

    Args:
        experts: how many; a power of 2, at least 2.
        selectors: most experts of a task, at least 1 and at most `experts`.
        gamma: width of the smooth step, above 0.
        entropy: factor of the entropies, at least 0.
    """

    penalises: ClassVar[bool] = True

    experts: int = 4
    selectors: int = 2
    gamma: float = 1.0
    entropy: float = 0.01

    def faults(self) -> Iterator[Fault]:
        if self.experts < 2 or self.experts & (self.experts - 1):
            yield Fault("experts", "must be a power of 2, at least 2", self.experts)
        elif not 1 <= self.selectors <= self.experts:
            yield Fault("selectors", f"must be between 1 and experts, {self.experts}", self.selectors)
        if self.gamma <= 0:
            yield Fault("gamma", "must be above 0", self.gamma)
        if self.entropy < 0:
            yield Fault("entropy", "must not be negative", self.entropy)

    def build(self, make_encoder: MakeEncoder, sources: Sequence[int]) -> Body:
        make = partial(Selectors, self.selectors, self.experts.bit_length() - 1, self.gamma)
        gates = [make_encoder.module(f"gate/{k}", make) for k in range(len(sources))]
        return SharedExperts(make_experts(make_encoder, self.experts), gates, sources)

    def penalty(self, parameters: Mapping[str, Tensor], owners: Mapping[str, int | None]) -> Tensor:
        codes = [p for n, p in parameters.items() if n.startswith("body.gates.") and n.endswith(".codes")]
        chosen = torch.stack([selection(code, self.gamma) for code in codes])
        floor = torch.finfo(chosen.dtype).tiny  # the slope of p log p is infinite at 0
        return -self.entropy * (chosen * chosen.clamp(min=floor).log()).sum()


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


def selection(codes: Tensor, gamma: float) -> Tensor:
    """Return the experts' weights (..., K, E) of codes (..., K, M); the first bit is the highest."""
    bounded = (codes / gamma).clamp(-0.5, 0.5)
    steps = -2 * bounded**3 + 1.5 * bounded + 0.5
    found = torch.ones_like(codes[..., :1])
    for step in steps.unbind(-1):
        ones = found * step.unsqueeze(-1)
        found = torch.stack([found - ones, ones], -1).flatten(-2)
    return found
