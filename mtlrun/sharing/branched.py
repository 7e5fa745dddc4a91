"""Branched sharing: shared first layers, own layers after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mtlrun.errors import ConfigError, Fault
from mtlrun.sharing.base import Body, MakeEncoder, Sharing, TrunkAndBranches, encoder_layers


@dataclass
class Branched(Sharing):
    """Branched sharing: the first `shared_layers` blocks of the encoder are shared, the rest is each task's own.

    Shallow features serve several tasks more often than deep ones do.

    Cost: one pass through the shared blocks, T through the others.
    Source: Vandenhende et al., Branched Multi-Task Networks, BMVC 2020 (here with one fixed branching point).

    Args:
        shared_layers: number of shared blocks, at least 1 and fewer than the encoder has.
    """

    shared_layers: int = 1

    def faults(self) -> Iterator[Fault]:
        if self.shared_layers < 1:
            yield Fault(
                "shared_layers", "must be at least 1 (sharing=separate shares none)", self.shared_layers
            )

    def build(self, make_encoder: MakeEncoder, sources: Sequence[int]) -> Body:
        depth = len(make_encoder())
        if self.shared_layers >= depth:
            rule = f"must be less than {encoder_layers(depth)}, as sharing=hard shares all"
            raise ConfigError([Fault("sharing.shared_layers", rule, self.shared_layers)])
        return TrunkAndBranches(make_encoder, sources, self.shared_layers)
