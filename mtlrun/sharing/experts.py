"""Bodies of several encoders, of whose features every task takes its own weighted sum."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from mtlrun.models.base import Encoder
from mtlrun.sharing.base import Body, MakeEncoder
from mtlrun.sharing.mixing import mix


def make_experts(make_encoder: MakeEncoder, count: int) -> list[Encoder]:
    """Return encoders of different weights: copies of one would stay copies for ever.

    The first begins with the baseline's weights, the others with those of the streams `init/expert/<k>`.
    """
    return [make_encoder(f"expert/{k}" if k else "encoder") for k in range(count)]


class SharedExperts(Body):
    """Experts that all tasks share, and a gate per task.

    Not one representation but the gates' weights decide what a task sees of the experts, and gates read the input
    themselves: so there is no `represent`.

    Args:
        experts: shared encoders.
        gates: one per task; each maps a task's input to weights of the experts, (B, N), or (1, N) where they are
            the same for every example.
        sources: the source that each task reads.
    """

    any_leading_axes = True

    def __init__(
        self, experts: Sequence[Encoder], gates: Sequence[nn.Module], sources: Sequence[int]
    ) -> None:
        super().__init__()
        self.features, self.sources = experts[0].features, tuple(sources)
        self.experts, self.gates = nn.ModuleList(experts), nn.ModuleList(gates)

    def forward(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        outputs = {s: [expert(inputs[s]) for expert in self.experts] for s in set(self.sources)}
        pairs = zip(self.gates, self.sources, strict=True)
        return [mix(outputs[source], gate(inputs[source])) for gate, source in pairs]

    def layer(self, name: str) -> str:
        _, expert, block, _ = name.split(".", 3)
        return f"expert {int(expert) + 1} layer {int(block) + 1}"

    def owner(self, name: str) -> int | None:
        part, number, _ = name.split(".", 2)
        return int(number) if part == "gates" else None
