"""Multi-gate mixture of experts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from mtlrun.errors import Fault, part_faults
from mtlrun.sharing.base import Body, MakeEncoder, Sharing
from mtlrun.sharing.experts import SharedExperts, make_experts
from mtlrun.sharing.mixing import Gate


@dataclass
class MMoE(Sharing):
    """MMoE: several encoders that all tasks share, the experts, and a gate per task that weighs them by input.

    f_k(x) = sum_i g_k(x)_i f_i(x), g_k(x) = softmax(W_k x) on the flattened input. Gates begin at W_k = 0, so that
    every task begins with the mean of the experts; experts begin with different weights. Experts are shared, gates
    are each task's own. Each expert is as large as the baseline's encoder; one expert is sharing=hard.

    Cost: a pass through each of `experts` encoders.
    Source: Ma, Zhao, Yi, Chen, Hong and Chi, Modeling Task Relationships in Multi-task Learning with Multi-gate
    Mixture-of-Experts, KDD 2018, section 4.2.

    Args:
        experts: how many, at least 1.
    """

    experts: int = 4

    def faults(self) -> Iterator[Fault]:
        yield from part_faults("experts", self.experts)

    def build(self, make_encoder: MakeEncoder, sources: Sequence[int]) -> Body:
        make = partial(Gate, math.prod(make_encoder.input_shape), self.experts)
        gates = [make_encoder.module(f"gate/{k}", make) for k in range(len(sources))]
        return SharedExperts(make_experts(make_encoder, self.experts), gates, sources)
