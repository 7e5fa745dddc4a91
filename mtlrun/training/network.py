"""The network of one run, built from its parts with the run's own streams."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from mtlrun.config import build, to_node
from mtlrun.data.task import SuiteInfo, Task
from mtlrun.errors import ConfigError, Fault
from mtlrun.heads.base import Heads, HeadSet
from mtlrun.models.base import Encoder, Model
from mtlrun.models.width import closest_in_size
from mtlrun.regularization.base import Regularization
from mtlrun.schedule.base import Schedule
from mtlrun.sharing.base import Body, Sharing
from mtlrun.streams import stream_seed
from mtlrun.training.masks import with_sites
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

    def divide(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Map (B, ...) inputs to (B, outputs) per task, then features that each shares, then each task's own."""
        features, shared, own = self.body.divide(inputs)
        return [*self.heads(features), *shared, *own]

    def charge(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Return what these inputs add to the objective, besides the tasks' losses."""
        return [self.body.charge(inputs)]

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
    seed: int
    masked: bool = False

    def __call__(self, name: str = "encoder") -> Encoder:
        encoder = self.module(name, lambda: self.model.build(self.input_shape))
        return with_sites(encoder, name) if self.masked else encoder

    def module(self, name: str, factory: Callable[[], M]) -> M:
        # Modules draw from torch's global generator as they are built; it is borrowed and put back.
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(stream_seed(self.seed, f"init/{name}"))
            return factory()


@functools.lru_cache(maxsize=1024)
def _fitted(nodes: str, shape: tuple[int, ...], tasks: tuple[Task, ...]) -> Model:
    """Return the model with the width that the sharing scheme's `capacity` asks for.

    Args:
        nodes: of the model, the sharing scheme and the heads, as JSON.
        shape: of one example.
        tasks: of the suite.
    """
    model, sharing, heads = (build(node) for node in json.loads(nodes))
    if sharing.capacity == "same_width":
        return model
    sources = [task.source for task in tasks]

    def size(model: Model, alone: bool = False) -> int:
        make = _Maker(model, shape, 0)
        with torch.device("meta"):
            encoder = make()
            body = encoder if alone else sharing.build(make, sources)
            parts = (body, heads.build(body.features, tasks, make.module))
        return sum(p.numel() for part in parts for p in part.parameters())

    return closest_in_size(model, size, size(model, alone=True))


def build_network(parts: Parts, info: SuiteInfo, seed: int) -> Network:
    """Return the network of one run with the initial weights of `seed`.

    Encoder and heads take their weights from the streams `init/encoder` and `init/head/<task>`, whatever the
    sharing scheme, the weighting or the other tasks are. What a sharing scheme adds has streams of its own.
    The encoder is as wide as the scheme's `capacity` asks for.

    Raises:
        ConfigError: the parts do not fit each other or the suite.
    """
    shapes = {source.input_shape for source in info.sources}
    if len(shapes) > 1:
        raise ConfigError([Fault("suite", "must have inputs of one shape", sorted(shapes))])
    (shape,) = shapes
    nodes = [to_node(part) for part in (parts.model, parts.sharing, parts.heads)]
    make = _Maker(_fitted(json.dumps(nodes), shape, info.tasks), shape, seed, parts.regularization.masks)
    body = parts.sharing.build(make, [task.source for task in info.tasks])
    if parts.weighting.on == "representation" and not (body.splits and len(info.sources) == 1):
        rule = "needs tasks that share one input and a representation of it, as under sharing=hard, not"
        raise ConfigError([Fault("weighting.on=representation", rule, type(parts.sharing).__name__)])
    if parts.regularization.compares and not body.divides and len(info.tasks) > 1:
        shares = any(body.owner(name) is None for name, _ in body.named_parameters())
        lacks = "none of a task's own" if shares else "no shared ones"
        rule = (
            f"needs shared features and each task's own, side by side, as under sharing=cgc; here are {lacks}"
        )
        name = type(parts.regularization).__name__
        raise ConfigError([Fault(f"regularization ({name})", rule, type(parts.sharing).__name__)])
    network = Network(body, parts.heads.build(body.features, info.tasks, make.module))
    if parts.schedule.opens and None in network.heights().values():
        rule = "needs a sharing scheme whose parameters stand in the encoder's blocks, as sharing=hard, not"
        name = type(parts.schedule).__name__
        raise ConfigError([Fault(f"schedule ({name})", rule, type(parts.sharing).__name__)])
    return network
