"""What an encoder is: a sequence of blocks from an input to a feature vector."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

from mtlrun.config import ADDED, PLACE, Configured
from mtlrun.errors import ConfigError, Fault
from mtlrun.models.pretrained import Pretrained, digest


class Encoder(nn.Sequential):
    """Blocks applied in order; sharing schemes may cut between any two of them.

    Args:
        blocks: the layers, each with its activation.
        features: size F of the output, (B, F).
        names: what parameters and buffers are called where they come from, by their names here; without it the
            names here.
    """

    any_leading_axes = True  # its own code fits inputs of any lanes too

    def __init__(
        self, blocks: Sequence[nn.Module], features: int, names: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(*blocks)
        self.features = features
        self.names = dict(names or {})


@dataclass
class Model(Configured, ABC):
    """A kind of encoder, built for an input shape.

    Args:
        init_from: a safetensors file of pretrained weights with which the encoder begins; no part of run ids.
        init_content: what tells the file's content; found when it is None, checked otherwise.
        init_prefix: what stands before the encoder's names in the file; found when it is None.
        init_strict: whether the file must have all of the encoder's weights, and none besides under the prefix.
            Without it the encoder keeps its own initial weights where the file has none.
        freeze: patterns (`*` and `?`) of names of the encoder's parameters that are never trained, neither in
            multi-task runs nor in their baselines.
    """

    init_from: str | None = field(default=None, kw_only=True, repr=False, metadata=PLACE)
    init_content: str | None = field(default=None, kw_only=True, repr=False, metadata=ADDED)
    init_prefix: str | None = field(default=None, kw_only=True, repr=False, metadata=ADDED)
    init_strict: bool = field(default=True, kw_only=True, repr=False, metadata=ADDED)
    freeze: list[str] | None = field(default=None, kw_only=True, repr=False, metadata=ADDED)

    @classmethod
    def depends_on(cls, node: Mapping[str, Any]) -> Any:
        """Return what tells the content of the weights' file, where the node does not."""
        named = node.get("init_from")
        return digest(named) if named is not None and node.get("init_content") is None else None

    def __post_init__(self) -> None:
        if self.init_from is not None and self.init_content is None:
            self.init_content = digest(self.init_from)

    @abstractmethod
    def build(self, input_shape: tuple[int, ...]) -> Encoder:
        """Return a freshly initialised encoder for inputs (B, *input_shape)."""

    def made(self, input_shape: tuple[int, ...]) -> Encoder:
        """Return the encoder of a run: as `build` gives it, with pretrained weights and frozen parameters.

        Raises:
            ConfigError: the file or the patterns do not fit the encoder.
        """
        encoder = self.build(input_shape)
        if self.init_from is not None:
            given = Pretrained(self.init_from, self.init_content, self.init_prefix, self.init_strict)
            given.load_into(encoder, encoder.names)
        names = {encoder.names.get(n, n): p for n, p in encoder.named_parameters()}
        for pattern in self.freeze or ():
            matching = [name for name in names if fnmatchcase(name, pattern)]
            if not matching:
                rule = "must match names of the encoder's parameters"
                raise ConfigError([Fault("model.freeze", rule, pattern, tuple(names))])
            for name in matching:
                names[name].requires_grad_(False)
        return encoder

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

    def resized(self, units: int) -> Model | None:
        """Return what `of_width` does; None also where weights from a file fit one width alone."""
        return None if self.init_from is not None else self.of_width(units)
