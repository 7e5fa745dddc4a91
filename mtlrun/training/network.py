"""The network of one run, built from its parts with the run's own streams."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from mtlrun.config import build
from mtlrun.data.task import SuiteInfo
from mtlrun.errors import ConfigError, Fault
from mtlrun.heads.base import Heads, HeadSet
from mtlrun.models.base import Encoder, Model
from mtlrun.regularization.base import Regularization
from mtlrun.schedule.base import Schedule
from mtlrun.sharing.base import Body, Sharing
from mtlrun.streams import stream_seed
from mtlrun.training.optimizers import Optimizer
from mtlrun.weighting.base import Weighting

M = TypeVar("M", bound=nn.Module)


@dataclass
class Parts:
    """The objects that a run's config describes."""

    model: Model
    sharing: Sharing
    heads: Heads
    weighting: Weighting
    schedule: Schedule
    regularization: Regularization
    optimizer: Optimizer

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Parts:
        """Build the parts from a run's canonical config."""
        return cls(**{name: build(config[name]) for name in cls.__dataclass_fields__})


class Network(nn.Module):
    """Body and heads of one run: one input per source to one output per task."""

    any_leading_axes = True

    def __init__(self, body: Body, heads: HeadSet) -> None:
        super().__init__()
        self.body = body
        self.heads = heads

    def forward(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Map (B, ...) inputs, one per source, to (B, outputs), one per task."""
        return self.heads(self.body(inputs))

    def represent(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Map (B, ...) inputs to the representations that tasks share."""
        return self.body.represent(inputs)

    def finish(self, representations: Sequence[Tensor]) -> list[Tensor]:
        """Map shared representations to (B, outputs), one per task."""
        return self.heads(self.body.finish(representations))

    def owners(self) -> dict[str, int | None]:
        """Return for each parameter the task that alone uses it, or None where tasks share it."""
        part: dict[str, Body | HeadSet] = {"body": self.body, "heads": self.heads}
        names = [name.partition(".") for name, _ in self.named_parameters()]
        return {f"{top}.{rest}": part[top].owner(rest) for top, _, rest in names}

    def heights(self) -> dict[str, float | None]:
        """Return where each parameter's block stands in the encoder, as `Body.height` says; heads stand on top."""
        names = [name.partition(".") for name, _ in self.named_parameters()]
        return {f"{top}.{rest}": self.body.height(rest) if top == "body" else 1.0 for top, _, rest in names}


@dataclass(frozen=True)
class _Maker:
    """As of `mtlrun.sharing.base.MakeEncoder`."""

    model: Model
    input_shape: tuple[int, ...]
    init: Callable[[str, Callable[[], Any]], Any]

    def __call__(self, name: str = "encoder") -> Encoder:
        return self.init(name, lambda: self.model.build(self.input_shape))

    def module(self, name: str, factory: Callable[[], M]) -> M:
        return self.init(name, factory)


def build_network(parts: Parts, info: SuiteInfo, seed: int) -> Network:
    """Return the network of one run with the initial weights of `seed`.

    Encoder and heads take their weights from the streams `init/encoder` and `init/head/<task>`, whatever the
    sharing scheme, the weighting or the other tasks are. What a sharing scheme adds has streams of its own.

    Raises:
        ConfigError: the parts do not fit each other or the suite.
    """
    shapes = {source.input_shape for source in info.sources}
    if len(shapes) > 1:
        raise ConfigError([Fault("suite", "must have inputs of one shape", sorted(shapes))])
    (shape,) = shapes

    def init(name: str, factory: Callable[[], M]) -> M:
        # Modules draw from torch's global generator as they are built; it is borrowed and put back.
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(stream_seed(seed, f"init/{name}"))
            return factory()

    body = parts.sharing.build(_Maker(parts.model, shape, init), [task.source for task in info.tasks])
    if parts.weighting.on == "representation" and not (body.splits and len(info.sources) == 1):
        rule = "needs tasks that share one input and a representation of it, as under sharing=hard, not"
        raise ConfigError([Fault("weighting.on=representation", rule, type(parts.sharing).__name__)])
    network = Network(body, parts.heads.build(body.features, info.tasks, init))
    if parts.schedule.opens and None in network.heights().values():
        rule = "needs a sharing scheme whose parameters stand in the encoder's blocks, as sharing=hard, not"
        name = type(parts.schedule).__name__
        raise ConfigError([Fault(f"schedule ({name})", rule, type(parts.sharing).__name__)])
    return network
