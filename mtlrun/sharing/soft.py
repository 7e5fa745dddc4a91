"""Soft parameter sharing."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from mtlrun.errors import Fault
from mtlrun.sharing.base import Body, MakeEncoder, Sharing, TrunkAndBranches

TOWERS = "body.branches."


@dataclass
class Soft(Sharing):
    """Soft sharing: a tower per task, and a penalty on how far the towers' parameters lie apart.

    The objective gains coefficient * sum_{i<j} |theta_i - theta_j|^2 over all weights and biases of the towers;
    heads are free. Towers begin with the baseline's weights. Coefficient 0 is sharing=separate; a large one comes
    near sharing=hard. No parameter is shared, so every gradient method acts as `equal` does: tasks meet in the
    penalty alone, which no weighting weighs. Duong et al. tie some layers of two towers; here all layers of all.

    Cost: a pass through each of T encoders, and the distances of T (T - 1) / 2 pairs.
    Source: Duong, Cohn, Bird and Cook, Low Resource Dependency Parsing, ACL 2015; for several tasks:
    Yang and Hospedales, Trace Norm Regularised Deep Multi-Task Learning, ICLR workshop 2017, with other norms.

    Args:
        coefficient: factor of the sum, at least 0.
    """

    penalises: ClassVar[bool] = True

    coefficient: float = 0.01

    def faults(self) -> Iterator[Fault]:
        if self.coefficient < 0:
            yield Fault("coefficient", "must not be negative", self.coefficient)

    @property
    def tie(self) -> float:
        return self.coefficient

    def build(self, make_encoder: MakeEncoder, sources: Sequence[int]) -> Body:
        return TrunkAndBranches(make_encoder, sources, 0)

    def penalty(self, parameters: Mapping[str, Tensor], owners: Mapping[str, int | None]) -> Tensor:
        towers: dict[str, list[Tensor]] = defaultdict(list)  # one place of the encoder, in every tower
        for name, values in parameters.items():
            if name.startswith(TOWERS):
                towers[name.removeprefix(TOWERS).partition(".")[2]].append(values)
        terms = [
            (a - b).square().sum() for same in towers.values() for a, b in itertools.combinations(same, 2)
        ]
        return self.coefficient * torch.stack(terms).sum() if terms else torch.zeros(())
