"""What a sharing scheme is: a rule that builds the body between the inputs and the heads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol, TypeVar

import torch
from torch import Tensor, nn

from mtlrun.config import ADDED, Configured
from mtlrun.models.base import Encoder
from mtlrun.text.pluralize import pluralize

M = TypeVar("M", bound=nn.Module)


class MakeEncoder(Protocol):
    """Gives the run's encoder, and builds what a scheme adds to it, with weights from the run's own streams.

    Attributes:
        input_shape: of one example.
    """

    @property
    def input_shape(self) -> tuple[int, ...]: ...

    def __call__(self, name: str = "encoder") -> Encoder:
        """Return an encoder with weights of the stream `init/<name>`; a name gives the same ones every time.

        Without a name they are the weights that the single-task baselines begin with.
        """
        ...

    def module(self, name: str, factory: Callable[[], M]) -> M:
        """Return what `factory` builds, with weights of the stream `init/<name>`."""
        ...


class Body(nn.Module, ABC):
    """Maps the inputs of each source to the features of each task, for one run.

    Attributes:
        features: size F of each task's features.
        any_leading_axes: whether `forward` only calls modules and elementwise functions or counts axes from the
            end, so that it also fits stacked inputs (R, B, ...) of R runs. False is always safe.
        splits: whether `represent` and `finish` exist: all shared parameters, and nothing else, lie below a
            representation.
        divides: whether `divide` exists: each task has features that it shares with others and features of its own,
            side by side.
    """

    features: int
    any_leading_axes = False
    splits = False
    divides = False

    @abstractmethod
    def forward(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Map one (B, ...) input per source to one (B, F) feature per task."""

    def represent(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Map one (B, ...) input per source to the representations that tasks share."""
        raise NotImplementedError(f"{type(self).__name__} has no representation that all tasks share")

    def finish(self, representations: Sequence[Tensor]) -> list[Tensor]:
        """Map representations to one (B, F) feature per task."""
        raise NotImplementedError(f"{type(self).__name__} has no representation that all tasks share")

    def divide(self, inputs: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Return what `forward` does, and of each task the features (B, F') it shares and those (B, F'') it owns."""
        raise NotImplementedError(f"{type(self).__name__} has no features of tasks beside shared ones")

    def charge(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return a scalar that these inputs add to the objective; what counts axes from the end may give (R,)."""
        raise NotImplementedError(f"{type(self).__name__} adds nothing to the objective")

    def height(self, name: str) -> float | None:
        """Return where a parameter's block stands in the encoder, from above 0 to 1 at its top; None for nowhere.

        Serves schedules that open the encoder block by block.
        """
        return None

    def layer(self, name: str) -> str:
        """Return what the layer of a parameter that tasks share is called; `layer 1` is the encoder's first block."""
        *modules, _ = name.split(".")
        return ".".join(modules[:2]) or name

    @abstractmethod
    def owner(self, name: str) -> int | None:
        """Return the position of the task that alone uses a parameter, or None where tasks share it."""


@dataclass
class Sharing(Configured, ABC):
    """A rule for which parameters the tasks share.

    Args:
        capacity: `same_width` builds on the model as it is. `same_parameters` chooses the width of the model's
            encoder so that all parameters of the network, heads included, come as close as possible in number to
            those of one encoder for all tasks, which sharing=hard has. Single-task baselines keep the model's width.

    Attributes:
        penalises: whether the scheme adds a penalty on parameters to the objective.
    """

    penalises: ClassVar[bool] = False

    capacity: Literal["same_width", "same_parameters"] = field(
        default="same_width", kw_only=True, metadata=ADDED
    )

    @property
    def charges(self) -> bool:
        """Whether the body has a `charge`, which is treated as a penalty is: not weighted, no part of surgery."""
        return False

    @property
    def tie(self) -> float | None:
        """Where tasks have encoders that are alike, what the objective charges for the squared distance of each two.

        0 where they have nothing to do with each other, infinite where they are one; None for any other scheme.
        """
        return None

    @abstractmethod
    def build(self, make_encoder: MakeEncoder, sources: Sequence[int]) -> Body:
        """Return the body for tasks that read the given sources (one entry per task)."""

    def penalty(self, parameters: Mapping[str, Tensor], owners: Mapping[str, int | None]) -> Tensor:
        """Return the scalar penalty of one run, on the network's parameters by name.

        It is asked for where `penalises` is true; like a regularisation's, it is not weighted by any task
        weighting and takes no part in gradient surgery.

        Args:
            parameters: of the body as `body.<name>`, of the heads as `heads.<name>`.
            owners: for each parameter the task that alone uses it, or None.
        """
        return torch.zeros(())


class TrunkAndBranches(Body):
    """A shared trunk of blocks, then each task's own blocks.

    Args:
        make_encoder: gives the encoder that is cut; trunk and branches start from its weights, so every task
            begins with the function that its single-task baseline begins with.
        sources: the source that each task reads.
        shared_blocks: how many of the encoder's blocks the tasks share.
    """

    any_leading_axes = True
    splits = True

    def __init__(self, make_encoder: MakeEncoder, sources: Sequence[int], shared_blocks: int) -> None:
        super().__init__()
        encoders = [make_encoder() for _ in sources]
        self.features = encoders[0].features
        self.sources = tuple(sources)
        self.read = sorted(set(sources))
        self.shared_blocks, self.depth = shared_blocks, len(encoders[0])
        self.trunk = nn.Sequential(*list(encoders[0])[:shared_blocks])
        self.branches = nn.ModuleList(nn.Sequential(*list(encoder)[shared_blocks:]) for encoder in encoders)

    def forward(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        return self.finish(self.represent(inputs))

    def represent(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        return [self.trunk(inputs[source]) for source in self.read]

    def finish(self, representations: Sequence[Tensor]) -> list[Tensor]:
        places = [self.read.index(source) for source in self.sources]
        return [branch(representations[k]) for branch, k in zip(self.branches, places, strict=True)]

    def height(self, name: str) -> float | None:
        part, *rest = name.split(".")
        block = int(rest[0]) if part == "trunk" else self.shared_blocks + int(rest[1])
        return (block + 1) / self.depth

    def layer(self, name: str) -> str:
        return f"layer {int(name.split('.')[1]) + 1}"

    def owner(self, name: str) -> int | None:
        part, _, rest = name.partition(".")
        return None if part == "trunk" else int(rest.partition(".")[0])


def encoder_layers(depth: int) -> str:
    """Return in words how many blocks an encoder can be cut into; of one alone, how there may be more."""
    hint = "" if depth > 1 else " (an encoder of your own may be cut: model.blocks says where)"
    return f"the encoder's {pluralize(depth, 'layer')}{hint}"
