"""What an encoder is: a sequence of blocks from an input to a feature vector."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from mtlrun.config import Configured


class Encoder(nn.Sequential):
    """Blocks applied in order; sharing schemes may cut between any two of them.

    Args:
        blocks: the layers, each with its activation.
        features: size F of the output, (B, F).
    """

    any_leading_axes = True  # its own code fits inputs of any lanes too

    def __init__(self, blocks: Sequence[nn.Module], features: int) -> None:
        super().__init__(*blocks)
        self.features = features


@dataclass
class Model(Configured, ABC):
    """A kind of encoder, built for an input shape."""

    @abstractmethod
    def build(self, input_shape: tuple[int, ...]) -> Encoder:
        """Return a freshly initialised encoder for inputs (B, *input_shape)."""

    @property
    def linear_features(self) -> int | None:
        """The size F of the features where they are a linear map of the inputs, without bias; else None."""
        return None

    def of_width(self, units: int) -> Model | None:
        """Return this model with another width, the rest in proportion; None where there is one width only.

        Args:
            units: 1 for the narrowest encoder of this kind, and so on; parameters do not fall with it.
        """
        return None
