"""Modules that decide by random numbers in training."""

from __future__ import annotations

from torch import Tensor, nn


class Drawn(nn.Module):
    """A module that sees random numbers in every training step, from the run's own streams, and none in evaluations.

    A run's numbers depend on its seed and on the module's name, never on other lanes.

    Args:
        name: of the stream; modules of one name see the same numbers.
        shape: of one run's numbers in a step.

    Attributes:
        held: in a training step two tensors: numbers uniform in [0, 1), (*shape), and the part of the budget's steps
            that went before, (); over stacked lanes (R, *shape) and (R,). In evaluations nothing.
    """

    any_leading_axes = True

    def __init__(self, name: str, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.name, self.shape = name, shape
        self.held: list[Tensor] = []
