"""Customized gate control."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mtlrun.errors import Fault, part_faults
from mtlrun.sharing.base import Body, MakeEncoder, Sharing
from mtlrun.sharing.extraction import Extraction


@dataclass
class CGC(Sharing):
    """CGC: shared experts and experts of each task; a gate per task weighs the shared ones and its own by input.

    f_k(x) = g_k(x) . [own experts of k; shared experts], g_k(x) = softmax(W_k x) on the flattened input, W_k = 0 at
    first. Every expert is an encoder as large as the baseline's, and all begin with different weights, the first
    shared one with the baseline's. Gates and a task's experts are its own.

    Cost: a pass through each of `shared_experts` + T `task_experts` encoders.
    Source: Tang, Liu, Zhao and Gong, Progressive Layered Extraction (PLE), RecSys 2020, eqs. 1 to 4.

    Args:
        shared_experts: how many, at least 1.
        task_experts: how many each task has, at least 1 (sharing=mmoe has none).
    """

    shared_experts: int = 1
    task_experts: int = 1

    def faults(self) -> Iterator[Fault]:
        yield from part_faults("shared_experts", self.shared_experts, "(sharing=separate shares nothing)")
        yield from part_faults("task_experts", self.task_experts, "(sharing=mmoe has none)")

    def build(self, make_encoder: MakeEncoder, sources: Sequence[int]) -> Body:
        return Extraction(make_encoder, sources, 1, self.shared_experts, self.task_experts)
